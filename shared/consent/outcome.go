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
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

// keptOutcome is the stored form of an Outcome or of an error. It holds no code and no token of Google's.
type keptOutcome struct {
	Person     resource.Person `json:"person,omitempty"`
	Email      string          `json:"email,omitempty"`
	Domain     string          `json:"domain,omitempty"`
	ReturnTo   string          `json:"returnTo,omitempty"`
	Missing    []string        `json:"missing,omitempty"`
	RetryLink  string          `json:"retry,omitempty"`
	ConsentURL string          `json:"consentUrl,omitempty"`
	Question   *keptQuestion   `json:"question,omitempty"`
	Answer     Answer          `json:"answer,omitempty"`
	Caller     string          `json:"caller,omitempty"`
	Back       string          `json:"back,omitempty"`
	Refused    Reason          `json:"refused,omitempty"`
	Account    string          `json:"account,omitempty"`
	Why        string          `json:"why,omitempty"`   // of an error, for the log; empty if there was none
	Kind       fault.Kind      `json:"kind,omitempty"`  // of an error
	Public     i18n.Text       `json:"public,omitzero"` // of an error
}

type keptQuestion struct {
	Token, Caller string
	Actions       []string
	Authority     vault.Authority
}

// saveOutcome keeps the outcome for Outcome and reports whether it did.
func (f *Flow) saveOutcome(ctx context.Context, state config.Secret, p vault.Pending, out Outcome, err error) bool {
	text, err := keep(out, err)
	if err == nil {
		err = f.vault.SaveOutcome(ctx, state, p, text)
	}
	if err != nil {
		f.log.WarnContext(ctx, "the outcome of a consent was not kept", slog.String("error", err.Error()))
	}
	return err == nil
}

// keep returns the stored form of an outcome, or of an error.
func keep(out Outcome, err error) ([]byte, error) {
	kept := keptOutcome{
		Person: out.Person, Email: out.Email, Domain: out.Domain, ReturnTo: out.ReturnTo.Reveal(),
		Missing: capability.Names(out.Missing), RetryLink: out.RetryLink.Reveal(), ConsentURL: out.ConsentURL.Reveal(),
		Answer: out.Answer, Caller: out.Caller, Back: out.Back,
	}
	if q := out.Question; q != nil {
		kept.Question = &keptQuestion{q.Token.Reveal(), q.Caller, q.Actions, q.Authority}
	}
	if err != nil {
		kept = keptOutcome{Why: err.Error(), Kind: fault.KindOf(err)}
	}
	if e, ok := errors.AsType[*fault.Error](err); ok && len(e.Args) == 0 {
		kept.Public = e.Public
	}
	if refusal, ok := AsRefusal(err); ok {
		kept.Refused, kept.RetryLink, kept.Account = refusal.Reason, refusal.RetryLink.Reveal(), refusal.Account
		kept.Why = refusal.Err.Error()
	}
	return json.Marshal(kept)
}

const (
	firstWait = 10 * time.Second // for the first request, which is still running
	firstLife = 30 * time.Second // after which it has ended, with or without an outcome
)

// OutcomeAddress returns the address of the page that shows the outcome of the consent or the question with this state.
// It contains neither a code nor the state.
func (f *Flow) OutcomeAddress(state config.Secret) config.Secret {
	return config.NewSecret(f.deps.Address + "/outcome?id=" + vault.PendingID(state))
}

// Outcome returns the outcome at OutcomeAddress to the browser that started the consent, as often as it asks: what
// Finish returned, or the answer to the question that Finish returned.
func (f *Flow) Outcome(ctx context.Context, id string, cookies []config.Secret) (Outcome, error) {
	out, err := f.loadOutcome(ctx, id, cookies)
	if err != nil || out.Question == nil {
		return out, err
	}
	question := vault.PendingID(out.Question.Token)
	_, usedAt, err := f.vault.LoadOutcome(ctx, question, hashCookies(cookies)...)
	switch {
	case err != nil:
		return Outcome{}, f.pendingError(ctx, err)
	case !usedAt.IsZero(): // it must not look open, even if its outcome could not be stored
		return f.loadOutcome(ctx, question, cookies)
	}
	return out, nil
}

// loadOutcome returns the outcome of an earlier request, after waiting for it. It fails with LinkUsed if there is none.
func (f *Flow) loadOutcome(ctx context.Context, id string, cookies []config.Secret) (Outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, firstWait)
	defer cancel()
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		text, usedAt, err := f.vault.LoadOutcome(ctx, id, hashCookies(cookies)...)
		switch {
		case ctx.Err() != nil:
			return Outcome{}, newRefusal(Running, ctx.Err())
		case err != nil:
			return Outcome{}, f.pendingError(ctx, err)
		case text != nil:
			return outcomeFrom(text)
		case f.now().Sub(usedAt) > firstLife:
			return Outcome{}, newRefusal(LinkUsed, errors.New("no outcome is stored"))
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
	if kept.Why != "" {
		err := errors.New("again: " + kept.Why)
		if kept.Refused != "" {
			err = &Refusal{kept.Refused, retry, kept.Account, true, err}
		}
		return Outcome{}, &fault.Error{Op: "consent.outcomeFrom", Kind: kept.Kind, Public: kept.Public, Err: err}
	}
	out := Outcome{
		Person: kept.Person, Email: kept.Email, Domain: kept.Domain, ReturnTo: config.NewSecret(kept.ReturnTo),
		Missing: capability.FromNames(kept.Missing), RetryLink: retry, ConsentURL: config.NewSecret(kept.ConsentURL),
		Answer: kept.Answer, Caller: kept.Caller, Back: kept.Back, Stored: true,
	}
	if q := kept.Question; q != nil {
		out.Question = &Question{config.NewSecret(q.Token), q.Caller, q.Actions, q.Authority}
	}
	return out, nil
}
