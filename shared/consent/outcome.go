package consent

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

// keptOutcome is the stored form of an Outcome or a Refusal. It holds no code and no token of Google's.
type keptOutcome struct {
	Person     resource.Person `json:"person,omitempty"`
	Email      string          `json:"email,omitempty"`
	Domain     string          `json:"domain,omitempty"`
	ReturnTo   string          `json:"returnTo,omitempty"`
	Missing    []string        `json:"missing,omitempty"`
	RetryLink  string          `json:"retry,omitempty"`
	ConsentURL string          `json:"consentUrl,omitempty"`
	Question   *keptQuestion   `json:"question,omitempty"`
	Refused    Reason          `json:"refused,omitempty"`
	Account    string          `json:"account,omitempty"`
	Why        string          `json:"why,omitempty"` // for the log
}

type keptQuestion struct {
	Token, Caller string
	Actions       []string
	Authority     vault.Authority
}

// saveOutcome keeps the outcome for the browser, in case it sends the callback again. A failure is harmless: the
// browser then reads that the link was used.
func (f *Flow) saveOutcome(ctx context.Context, state config.Secret, p vault.Pending, out Outcome, err error) {
	kept := keptOutcome{
		Person: out.Person, Email: out.Email, Domain: out.Domain, ReturnTo: out.ReturnTo.Reveal(),
		Missing: capability.Names(out.Missing), RetryLink: out.RetryLink.Reveal(), ConsentURL: out.ConsentURL.Reveal(),
	}
	if q := out.Question; q != nil {
		kept.Question = &keptQuestion{q.Token.Reveal(), q.Caller, q.Actions, q.Authority}
	}
	if err != nil {
		kept = keptOutcome{Refused: LinkUsed, Why: "the first request failed"}
	}
	if refusal, ok := AsRefusal(err); ok {
		kept = keptOutcome{
			Refused: refusal.Reason, RetryLink: refusal.RetryLink.Reveal(), Account: refusal.Account,
			Why: refusal.Err.Error(),
		}
	}
	text, err := json.Marshal(kept)
	if err == nil {
		err = f.vault.SaveOutcome(ctx, state, p, text)
	}
	if err != nil {
		f.log.WarnContext(ctx, "the outcome of a consent was not kept", slog.String("error", err.Error()))
	}
}

const (
	firstWait = 10 * time.Second // for the first request, which is still running
	firstLife = 30 * time.Second // after which it has ended, with or without an outcome
)

// loadOutcome returns the outcome of an earlier request, after waiting for it. It returns used if there is none.
func (f *Flow) loadOutcome(ctx context.Context, c Callback, used error) (Outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, firstWait)
	defer cancel()
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		text, usedAt, err := f.vault.LoadOutcome(ctx, c.State, hashCookie(c.BrowserCookie))
		switch {
		case ctx.Err() != nil:
			return Outcome{}, newRefusal(Running, ctx.Err())
		case err != nil && fault.KindOf(err) != fault.Invalid:
			return Outcome{}, fault.Wrap("consent.loadOutcome", err)
		case err != nil:
			return Outcome{}, used
		case text != nil:
			return outcomeFrom(text)
		case f.now().Sub(usedAt) > firstLife:
			return Outcome{}, used
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

func outcomeFrom(text []byte) (Outcome, error) {
	var kept keptOutcome
	if err := json.Unmarshal(text, &kept); err != nil {
		return Outcome{}, fault.Wrap("consent.outcomeFrom", err)
	}
	retry := config.NewSecret(kept.RetryLink)
	if kept.Refused != "" {
		kind := fault.Invalid
		if kept.Refused == Unfinished {
			kind = fault.Unavailable
		}
		refusal := &Refusal{kept.Refused, retry, kept.Account, errors.New("again: " + kept.Why)}
		return Outcome{}, &fault.Error{Op: "consent.outcomeFrom", Kind: kind, Err: refusal}
	}
	out := Outcome{
		Person: kept.Person, Email: kept.Email, Domain: kept.Domain, ReturnTo: config.NewSecret(kept.ReturnTo),
		Missing: capability.FromNames(kept.Missing), RetryLink: retry, ConsentURL: config.NewSecret(kept.ConsentURL),
	}
	if q := kept.Question; q != nil {
		out.Question = &Question{config.NewSecret(q.Token), q.Caller, q.Actions, q.Authority}
	}
	return out, nil
}
