package consent

import (
	"cmp"
	"context"
	"errors"
	"time"

	"golang.org/x/oauth2"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/vault"
)

// Question asks a person, who has just proved who they are, whether another
// system may act as them.
type Question struct {
	Token     config.Secret // for Answer, once, in this browser
	Caller    string        // the id that the operator chose
	Actions   []string
	Authority vault.Authority
}

// question keeps the token of a question: bound to the person, to their
// connection, to the browser and to what is asked.
func (f *Flow) question(ctx context.Context, p vault.Pending, connected time.Time, browser config.Secret) (*Question, error) {
	token := config.NewSecret(oauth2.GenerateVerifier())
	err := f.vault.CreatePending(ctx, token, vault.Pending{
		Person: p.Person, Purpose: purposeApprove, Caller: p.Caller, Actions: p.Actions, Authority: p.Authority, Connected: connected, Asked: f.now(), Browser: browserHash(browser),
	})
	return &Question{token, p.Caller, p.Actions, p.Authority}, err
}

// Answered is a Question with its answer, for the audit line.
type Answered struct {
	Person, Caller string
	Actions        []string
	Authority      vault.Authority
}

// Answer takes a person's answer to a Question, once, in the browser that was
// asked. Only a yes stores something, and only in the connection that was asked
// about: who has disconnected meanwhile has taken all back, and who has lost their
// sessions to a security event is asked anew.
func (f *Flow) Answer(ctx context.Context, token, browser config.Secret, yes bool) (Answered, error) {
	p, err := f.takeFor(ctx, purposeApprove, token, browser)
	out := Answered{string(p.Person), p.Caller, p.Actions, p.Authority}
	if err != nil || !yes {
		return out, err
	}
	given, err := f.grants.Approve(ctx, p.Person, grants.Approval{Caller: p.Caller, Authority: cmp.Or(p.Authority, "user"), Actions: p.Actions, Connected: p.Connected, Asked: p.Asked})
	if err == nil && !given {
		return out, refused(LinkExpired, errors.New("disconnected since the question"))
	}
	return out, fault.Wrap("consent.Answer", err)
}
