package userauth

import (
	"cmp"
	"context"
	"errors"
	"time"

	"golang.org/x/oauth2"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/vault"
)

// Question asks a person, who has just proved who they are, whether another
// system may act as them.
type Question struct {
	Token     config.Secret // for Answer, once, in this browser
	Caller    string        // the id that the operator chose
	Actions   []string
	Authority string
}

// question keeps the token of a question: bound to the person, to their
// connection, to the browser and to what is asked.
func (a *Auth) question(ctx context.Context, p vault.Pending, connected time.Time, browser config.Secret) (*Question, error) {
	token := config.NewSecret(oauth2.GenerateVerifier())
	err := a.Vault.CreatePending(ctx, token, vault.Pending{
		Person: p.Person, Purpose: purposeApprove, Caller: p.Caller, Actions: p.Actions, Authority: p.Authority, Connected: connected, Asked: a.Now(), Browser: browserHash(browser),
	})
	return &Question{token, p.Caller, p.Actions, p.Authority}, err
}

// Answered is a Question with its answer, for the audit line.
type Answered struct {
	Person, Caller string
	Actions        []string
	Authority      string
}

// Answer takes a person's answer to a Question, once, in the browser that was
// asked. Only a yes stores something, and only in the connection that was asked
// about: who has disconnected meanwhile has taken all back, and who has lost their
// sessions to a security event is asked anew.
func (a *Auth) Answer(ctx context.Context, token, browser config.Secret, yes bool) (Answered, error) {
	p, err := a.takeFor(ctx, purposeApprove, token, browser)
	out := Answered{p.Person, p.Caller, p.Actions, p.Authority}
	if err != nil || !yes {
		return out, err
	}
	_, given, err := a.change(ctx, p.Person, func(g *vault.Grant) bool {
		if !a.usable(*g) || !g.Connected.Equal(p.Connected) || !p.Asked.After(g.SessionsAt) || !p.Asked.After(g.RevokedAt) {
			return false
		}
		g.Approve(p.Caller, cmp.Or(p.Authority, "user"), p.Actions, a.Now())
		return true
	})
	if err == nil && !given {
		return out, refused(LinkExpired, errors.New("disconnected since the question"))
	}
	return out, fault.Wrap("userauth.Answer", err)
}

// Withdraw takes back what a person approved to a caller by an authority, and
// reports whether there was anything.
func (a *Auth) Withdraw(ctx context.Context, person, caller, authority string) (bool, error) {
	_, withdrawn, err := a.change(ctx, person, func(g *vault.Grant) bool { return g.Withdraw(caller, authority) })
	return withdrawn, fault.Wrap("userauth.Withdraw", err)
}
