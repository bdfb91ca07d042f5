package consent

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
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

// ask returns a question, and the write that stores it. Its token is bound to the person, their connection, the browser
// and the actions.
func (f *Flow) ask(p vault.Pending, since time.Time) (*Question, vault.Write, error) {
	token := config.NewSecret(oauth2.GenerateVerifier())
	w, err := f.vault.PendingWrite(token, vault.Pending{
		Person: p.Person, Purpose: purposeApprove, Caller: p.Caller, Actions: p.Actions, Authority: p.Authority,
		Request: p.Request, Back: p.Back, ConnectedAt: since, AskedAt: f.now(), Browser: p.Browser,
	})
	return &Question{token, p.Caller, p.Actions, p.Authority}, w, err
}

// Answer is a person's answer to a Question.
type Answer string

// The answers.
const (
	Allow  Answer = "allow"
	Refuse Answer = "refuse"
)

// Answer accepts the answer to a Question once, in the browser where it was asked. actions are those that the
// person left ticked; Allow with none of the asked ones refuses. Outcome returns it from then on. If the browser
// sends another, Answer changes nothing and returns nil. If the person has reconnected, or a security event has
// ended their sessions, since the question, the link has expired.
func (f *Flow) Answer(
	ctx context.Context, token config.Secret, cookies []config.Secret, a Answer, actions ...string,
) error {
	p, err := f.takePending(ctx, token, cookies)
	if refusal, ok := AsRefusal(err); ok && refusal.Reason == LinkUsed {
		_, err := f.loadOutcome(ctx, vault.PendingID(token), cookies)
		return err
	}
	if err != nil {
		return err
	}
	work, cancel := fault.Detach(ctx, finishTimeout)
	defer cancel()
	ticked := slices.DeleteFunc(slices.Clone(p.Actions), func(asked string) bool {
		return !slices.Contains(actions, asked)
	})
	if len(ticked) == 0 {
		a = Refuse
	}
	if a == Allow {
		p.Actions = ticked
	}
	err = f.answer(work, p, a)
	f.saveOutcome(context.WithoutCancel(ctx), token, p, Outcome{Answer: a, Caller: p.Caller, Back: p.Back}, err)
	return err
}

func (f *Flow) answer(ctx context.Context, p vault.Pending, a Answer) error {
	if p.Purpose != purposeApprove {
		return newRefusal(LinkExpired, errOtherPurpose)
	}
	if a == Allow {
		approved, err := f.grants.Approve(ctx, p.Person, grants.Approval{
			Caller: p.Caller, Authority: cmp.Or(p.Authority, "user"), Actions: p.Actions,
			ConnectedAt: p.ConnectedAt, AskedAt: p.AskedAt, Request: p.Request,
		})
		if err == nil && !approved {
			return newRefusal(LinkExpired, errors.New("disconnected since the question"))
		}
		if err != nil {
			return fault.Wrap("consent.Answer", err)
		}
	} else if err := f.grants.Refuse(ctx, p.Person, p.Request); err != nil {
		return fault.Wrap("consent.Answer", err)
	}
	f.log.InfoContext(ctx, "audit", slog.String("action", "approve"), slog.Bool("allowed", a == Allow),
		slog.String("person", string(p.Person)), slog.String("caller_id", p.Caller),
		slog.Any("actions", p.Actions), slog.String("authority", string(p.Authority)))
	return nil
}
