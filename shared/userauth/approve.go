package userauth

import (
	"cmp"
	"context"
	"errors"

	"golang.org/x/oauth2"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/vault"
)

// Question asks a person, who has just proved who they are, whether another
// system may act as them.
type Question struct {
	Token      config.Secret // for Approve, once, in this browser
	Caller     vault.Caller
	Operations []string
	Authority  string
}

// question keeps the token of a question: bound to the person, the browser and
// what is asked. A system that is not known any more is asked about no more.
func (a *Auth) question(ctx context.Context, p vault.Pending, browser config.Secret) (*Question, error) {
	caller, err := a.Vault.Caller(ctx, p.Caller)
	if fault.KindOf(err) == fault.NotFound && err != nil {
		return nil, nil //nolint:nilerr // it is gone: there is nothing to ask
	}
	if err != nil {
		return nil, err
	}
	token := config.Secret(oauth2.GenerateVerifier())
	err = a.Vault.CreatePending(ctx, token, vault.Pending{
		Person: p.Person, Purpose: purposeApprove, Caller: p.Caller, Operations: p.Operations, Authority: p.Authority, Browser: browserHash(browser),
	})
	return &Question{token, caller, p.Operations, p.Authority}, err
}

// Answered is a Question with its answer, for the audit line.
type Answered struct {
	Person, Caller string
	Operations     []string
	Authority      string
}

// Answer takes a person's answer to a Question, once, in the browser that was
// asked. Only a yes stores something, and only while the person is connected:
// who has disconnected meanwhile has taken all back.
func (a *Auth) Answer(ctx context.Context, token, browser config.Secret, yes bool) (Answered, error) {
	p, err := a.takeFor(ctx, purposeApprove, token, browser)
	out := Answered{p.Person, p.Caller, p.Operations, p.Authority}
	if err != nil || !yes {
		return out, err
	}
	before, ok, err := a.grantNow(ctx, p.Person)
	switch {
	case err != nil:
		return out, fault.Wrap("userauth.Answer", err)
	case !ok:
		return out, refused(LinkExpired, errors.New("disconnected since the question"))
	}
	said := vault.Approval{Caller: p.Caller, Operations: p.Operations, Authority: cmp.Or(p.Authority, "user"), Domain: before.Domain, Approved: a.Now()}
	for try := 1; ; try++ {
		err = a.Vault.Approve(ctx, p.Person, said)
		if err == nil {
			break
		}
		if fault.KindOf(err) != fault.Conflict || try == tries {
			return out, fault.Wrap("userauth.Answer", err)
		}
	}
	now, ok, err := a.grantNow(ctx, p.Person)
	if err == nil && ok && now.Connected.Equal(before.Connected) {
		return out, nil
	}
	// A disconnect came between: what it withdrew must not be back.
	if withdrawing := a.Vault.WithdrawApproval(ctx, p.Person, said.ID()); withdrawing != nil {
		return out, fault.Wrap("userauth.Answer", withdrawing)
	}
	if err != nil {
		return out, fault.Wrap("userauth.Answer", err)
	}
	return out, refused(LinkExpired, errors.New("disconnected while answering"))
}
