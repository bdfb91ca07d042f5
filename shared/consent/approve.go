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

// Question asks a person, who has just signed in, whether another system may act as them.
type Question struct {
	Token     config.Secret // for Answer; valid once, in the same browser
	Caller    string        // the ID that the operator chose
	Actions   []string
	Authority vault.Authority
}

// ask stores a question. Its token is bound to the person, their connection, the browser and the actions.
func (f *Flow) ask(ctx context.Context, p vault.Pending, since time.Time, browser config.Secret) (*Question, error) {
	token := config.NewSecret(oauth2.GenerateVerifier())
	err := f.vault.CreatePending(ctx, token, vault.Pending{
		Person: p.Person, Purpose: purposeApprove, Caller: p.Caller, Actions: p.Actions, Authority: p.Authority,
		ConnectedAt: since, AskedAt: f.now(), Browser: hashCookie(browser),
	})
	return &Question{token, p.Caller, p.Actions, p.Authority}, err
}

// AnsweredQuestion is an answered Question, for the audit log.
type AnsweredQuestion struct {
	Person, Caller string
	Actions        []string
	Authority      vault.Authority
}

// Answer accepts the answer to a Question once, in the browser where it was asked. It stores only a yes. If the
// person has reconnected, or a security event has ended their sessions, since the question, the link has expired.
func (f *Flow) Answer(ctx context.Context, token, browser config.Secret, yes bool) (AnsweredQuestion, error) {
	p, err := f.takePending(ctx, token, browser)
	if err == nil && p.Purpose != purposeApprove {
		err = newRefusal(LinkExpired, errOtherPurpose)
	}
	out := AnsweredQuestion{string(p.Person), p.Caller, p.Actions, p.Authority}
	if err != nil || !yes {
		return out, err
	}
	approved, err := f.grants.Approve(ctx, p.Person, grants.Approval{
		Caller: p.Caller, Authority: cmp.Or(p.Authority, "user"), Actions: p.Actions,
		ConnectedAt: p.ConnectedAt, AskedAt: p.AskedAt,
	})
	if err == nil && !approved {
		return out, newRefusal(LinkExpired, errors.New("disconnected since the question"))
	}
	return out, fault.Wrap("consent.Answer", err)
}
