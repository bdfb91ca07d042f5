package consent

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"example.com/deputy/shared/address"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

// Callback is the result of Google's consent page, with the cookies of the browser that brought it.
type Callback struct {
	googleauth.Redirect

	Cookies []config.Secret // one for each consent that this browser may have started
}

// Outcome is the result of a consent whose grant is stored, or of a question that is answered.
type Outcome struct {
	Person    resource.Person
	Email     string
	Domain    string
	ReturnTo  config.Secret           // where Chat repeats the command; may be empty
	Missing   []capability.Capability // what the person left unselected; the grant is stored regardless
	RetryLink config.Secret           // an invitation that asks for Missing
	Question  *Question               // a question still to be answered; may be nil
	Answer    Answer                  // if it is set, there are only Caller and Back
	Caller    string                  // that the answer is for
	Back      string                  // the caller's return address; may be empty
	Stored    bool                    // whether Flow.Outcome returns it again
	// ConsentURL is the URL where Google asks for consent again, because the sign-in gave no refresh token and none
	// is stored. If it is set, nothing was stored and the other fields are empty.
	ConsentURL config.Secret
}

// finishTimeout limits a consent after its state is used up. Its outcome is stored after that.
const finishTimeout = 16 * time.Second

// Finish completes a consent. It stores the grant only if the callback comes from the browser that started the
// consent and from the person who was invited. An error that the person can resolve is a Refusal. If the same browser
// sends the callback again, Finish returns the outcome of the first.
func (f *Flow) Finish(ctx context.Context, c Callback) (Outcome, error) {
	p, err := f.takePending(ctx, c.State, c.Cookies)
	if refusal, ok := AsRefusal(err); ok && refusal.Reason == LinkUsed {
		return f.loadOutcome(ctx, vault.PendingID(c.State), c.Cookies)
	}
	if err != nil {
		return Outcome{}, err
	}
	// A browser may drop this request and send another. What follows must then end by itself.
	work, cancel := fault.Detach(ctx, finishTimeout)
	defer cancel()
	out, err := f.finish(work, c, p)
	if err != nil || !out.Stored {
		out.Stored = f.saveOutcome(context.WithoutCancel(ctx), c.State, p, out, err)
	}
	if refusal, ok := AsRefusal(err); ok {
		refusal.Stored = out.Stored
	}
	if err != nil {
		return Outcome{}, err
	}
	return out, nil
}

func (f *Flow) finish(ctx context.Context, c Callback, p vault.Pending) (Outcome, error) {
	if p.Purpose != purposeConnect {
		return Outcome{}, newRefusal(LinkExpired, errOtherPurpose)
	}
	named := resource.Named(cmp.Or(p.Person, resource.Person(p.Email)))
	asked := capability.FromNames(p.Capabilities)
	retry := invitation{
		Capabilities: needed(p), Optional: p.Optional, ForceConsent: p.ForceConsent,
		Caller: p.Caller, Actions: p.Actions, Authority: p.Authority, Request: p.Request, Back: p.Back,
	}
	again, err := f.invite(ctx, named, f.validReturn(p), retry)
	if err != nil {
		return Outcome{}, fault.Wrap("consent.Finish", err)
	}
	if err := c.Err(); errors.Is(err, googleauth.ErrAccessDenied) {
		return Outcome{}, retryRefusal(Declined, again, "", err)
	} else if err != nil {
		return Outcome{}, retryRefusal(GoogleRefused, again, "", err)
	}
	request := googleauth.Authorization{Verifier: p.Verifier, Nonce: p.Nonce, Scopes: capability.Scopes(asked...)}
	var read sync.WaitGroup // what Connect needs, during the exchange
	var since time.Time
	if p.Person != "" {
		read.Go(func() { since = f.grants.Prefetch(ctx, p.Person) })
	}
	tokens, claims, err := f.deps.Google.SignIn(ctx, request, c.Code, f.deps.IDTokens.Verify)
	read.Wait()
	if errors.Is(err, googleauth.ErrClient) {
		f.alarm(ctx, "Google rejects the OAuth client; check OAUTH_CLIENT", p.Person, err)
	}
	if err != nil {
		return Outcome{}, withRetry(again, err)
	}
	switch {
	case p.Person == "" && claims.Authoritative() && !isInvited(p, claims): // perhaps an alias
		return Outcome{}, retryRefusal(WrongAddress, again, claims.Email, errors.New("another address consented"))
	case !isInvited(p, claims):
		return Outcome{}, retryRefusal(WrongAccount, again, claims.Email, errors.New("another person consented"))
	case !f.grants.AllowsDomain(claims.Domain):
		return Outcome{}, retryRefusal(WrongDomain, again, claims.Email, errors.New("hd is not in ALLOWED_DOMAINS"))
	}
	p.Person = grants.Person(claims.Subject)
	var out Outcome
	g, err := f.grants.Connect(ctx, grants.Consent{
		Requested: asked, Tokens: tokens, Claims: claims, Reprompted: p.ForceConsent, ReadSince: since,
		With: func(g vault.Grant) (writes []vault.Write, err error) {
			retry.Optional, retry.ForceConsent = nil, true // what isn't needed may stay unselected
			left, err := f.invite(ctx, named, f.validReturn(p), retry)
			if err == nil {
				out, writes, err = f.outcome(c.State, p, left, g)
			}
			return writes, err
		},
	})
	if errors.Is(err, grants.ErrNoRefreshToken) && !p.ForceConsent {
		p.ForceConsent = true
		var out Outcome
		out.ConsentURL, err = f.begin(ctx, rand.Text(), claims.Subject, p)
		return out, err
	}
	if err != nil {
		return Outcome{}, withRetry(again, err)
	}
	f.log.InfoContext(ctx, "audit", slog.String("action", "connect"), slog.String("person", string(g.Person)),
		slog.Any("scopes", g.Scopes), slog.Time("connected", g.ConnectedAt))
	return out, nil
}

// outcome returns the outcome of a consent that gives a grant, and what is stored together with the grant. again is the
// invitation that asks for what the person left unselected.
func (f *Flow) outcome(
	state config.Secret, p vault.Pending, again config.Secret, g vault.Grant,
) (out Outcome, writes []vault.Write, err error) {
	missing := capability.Missing(capability.FromNames(needed(p)), g.Scopes)
	out = Outcome{Person: p.Person, Email: g.Email.Reveal(), Domain: g.Domain, Stored: true}
	if p.Caller != "" { // a caller may ask for more than its next request needs: what is left out is not asked
		p.Actions = possible(p, missing)
	}
	if len(missing) > 0 && len(p.Actions) == 0 {
		out.Missing, out.RetryLink = missing, again
	} else if out.ReturnTo = f.validReturn(p).address; p.Caller != "" {
		var question vault.Write
		if out.Question, question, err = f.ask(p, g.ConnectedAt); err != nil {
			return out, nil, err
		}
		writes = append(writes, question)
	}
	text, err := keep(out, nil)
	if err != nil {
		return out, nil, fault.Wrap("consent.outcome", err)
	}
	kept, err := f.vault.OutcomeWrite(state, p, text)
	return out, append(writes, kept), err
}

// needed returns the capabilities of a consent without the optional ones.
func needed(p vault.Pending) []string {
	isOptional := func(c string) bool { return slices.Contains(p.Optional, c) }
	return slices.DeleteFunc(slices.Clone(p.Capabilities), isOptional)
}

// possible returns the actions of a question that need nothing of what the person left unselected.
func possible(p vault.Pending, missing []capability.Capability) []string {
	return slices.DeleteFunc(slices.Clone(p.Actions), func(action string) bool {
		return slices.ContainsFunc(capability.ForActions(p.Authority == "admin", action),
			func(c capability.Capability) bool { return slices.Contains(missing, c) })
	})
}

// isInvited reports whether the person who consented is the one who was invited: by sub, or, if only an address
// was known, by that address if Google has verified it.
func isInvited(p vault.Pending, claims googleauth.Claims) bool {
	if p.Person != "" {
		return grants.Person(claims.Subject) == p.Person
	}
	return p.Email != "" && claims.Authoritative() && address.Lower(claims.Email) == address.Lower(p.Email)
}

func retryRefusal(reason Reason, again config.Secret, account string, err error) error {
	return &fault.Error{
		Op:   "consent.Finish",
		Kind: fault.Invalid,
		Err:  &Refusal{Reason: reason, RetryLink: again, Account: account, Err: err},
	}
}

// withRetry adds a new invitation to an error that occurred after the state was used up.
func withRetry(again config.Secret, err error) error {
	switch {
	case errors.Is(err, googleauth.ErrClient): // a new consent would end the same way
		return fault.Wrap("consent.Finish", err)
	case errors.Is(err, googleauth.ErrReauth):
		return retryRefusal(SignInAgain, again, "", err)
	case errors.Is(err, googleauth.ErrInvalidGrant), errors.Is(err, grants.ErrNoRefreshToken):
		return retryRefusal(GoogleRefused, again, "", err)
	case fault.KindOf(err) == fault.Unavailable, fault.KindOf(err) == fault.Conflict:
		refusal := &Refusal{Reason: Unfinished, RetryLink: again, Err: err}
		return &fault.Error{Op: "consent.Finish", Kind: fault.Unavailable, Err: refusal}
	default:
		return fault.Wrap("consent.Finish", err)
	}
}
