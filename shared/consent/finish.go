package consent

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"

	"example.com/deputy/shared/address"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

// Callback is what came back from Google's consent page.
type Callback struct {
	State, Code config.Secret
	Error       string // as Google names it; never shown
	Issuer      string // iss, if it was there (RFC 9207)
	Browser     config.Secret
}

// Outcome is a consent that was stored.
type Outcome struct {
	Person   resource.Person
	Email    string
	Domain   string
	ReturnTo config.Secret // where Chat repeats the command; empty: nowhere
	// Missing are capabilities whose box was left unticked; Again asks for
	// them once more. The grant is stored all the same.
	Missing []capability.Capability
	Again   config.Secret
	// Approval is a question that is still to be answered; nil if there is none.
	Approval *Question
	// Consent is where Google asks for consent once more, since the sign-in
	// brought no refresh token and none is held. Then nothing was stored, and
	// nothing else is set.
	Consent config.Secret
}

// Finish ends a consent: whoever comes back must be the browser that began it
// and the person who was invited; only then is anything stored. What a person
// can do something about is a Refusal.
func (f *Flow) Finish(ctx context.Context, c Callback) (Outcome, error) {
	p, err := f.take(ctx, c.State, c.Browser)
	if err != nil {
		return Outcome{}, err
	}
	again, err := f.invite(ctx, resource.Named(cmp.Or(p.Person, resource.Person(p.Email))), f.returnOf(p), capability.FromNames(p.Capabilities), Wish{p.Caller, p.Actions, p.Authority})
	if err != nil {
		return Outcome{}, fault.Wrap("consent.Finish", err)
	}
	switch {
	case c.Issuer != "" && googleauth.IssuerURL(c.Issuer) != googleauth.Issuer:
		return Outcome{}, refusedAgain(GoogleRefused, again, "", errors.New("another issuer sent the browser back"))
	case c.Error == "access_denied":
		return Outcome{}, refusedAgain(Declined, again, "", errors.New("access_denied"))
	case c.Error != "":
		return Outcome{}, refusedAgain(GoogleRefused, again, "", fmt.Errorf("error %.40q", c.Error))
	case c.Code.Empty():
		return Outcome{}, refusedAgain(GoogleRefused, again, "", errors.New("no code"))
	}
	tokens, claims, err := f.exchange(ctx, p, c.Code)
	if err != nil {
		return Outcome{}, unfinished(again, err)
	}
	switch {
	case !invited(p, claims):
		return Outcome{}, refusedAgain(WrongAccount, again, claims.Email, errors.New("another person consented"))
	case !f.grants.Admits(claims.Domain):
		return Outcome{}, refusedAgain(WrongDomain, again, claims.Email, errors.New("hd is not in ALLOWED_DOMAINS"))
	}
	p.Person = grants.Person(claims.Subject)
	g, err := f.grants.Connect(ctx, grants.Consented{Asked: capability.FromNames(p.Capabilities), Tokens: tokens, Claims: claims, Again: p.Again})
	if errors.Is(err, grants.ErrNoRefresh) && !p.Again {
		p.Again = true
		var out Outcome
		out.Consent, err = f.begin(ctx, rand.Text(), c.Browser, claims.Subject, p)
		return out, err
	}
	if err != nil {
		return Outcome{}, unfinished(again, err)
	}
	f.log.InfoContext(ctx, "audit", slog.String("act", "connect"), slog.String("person", string(g.Person)), slog.Any("scopes", g.Scopes), slog.Time("connected", g.Connected))
	out := Outcome{Person: p.Person, Email: claims.Email, Domain: claims.Domain, Missing: capability.Missing(capability.FromNames(p.Capabilities), g.Scopes)}
	if len(out.Missing) > 0 {
		out.Again = again
		return out, nil
	}
	out.ReturnTo = f.returnOf(p).address
	if p.Caller != "" {
		out.Approval, err = f.question(ctx, p, g.Connected, c.Browser)
		if err != nil {
			return Outcome{}, unfinished(again, err)
		}
	}
	return out, nil
}

// invited tells whether who consented is who was asked: by sub, or, when only
// an address was known, by that address as Google has verified it.
func invited(p vault.Pending, who googleauth.Claims) bool {
	if p.Person != "" {
		return grants.Person(who.Subject) == p.Person
	}
	return p.Email != "" && who.Authoritative() && address.Lower(who.Email) == address.Lower(p.Email)
}

func refusedAgain(reason Reason, again config.Secret, account string, why error) error {
	return &fault.Error{Op: "consent.Finish", Kind: fault.Invalid, Err: &Refusal{reason, again, account, why}}
}

// unfinished is a consent that failed on the way to the store, with a way to
// begin once more: its state is used up.
func unfinished(again config.Secret, err error) error {
	switch {
	case errors.Is(err, googleauth.ErrInvalidGrant), errors.Is(err, grants.ErrNoRefresh):
		return refusedAgain(GoogleRefused, again, "", err)
	case fault.KindOf(err) == fault.Unavailable, fault.KindOf(err) == fault.Conflict:
		return &fault.Error{Op: "consent.Finish", Kind: fault.Unavailable, Err: &Refusal{Unfinished, again, "", err}}
	default:
		return fault.Wrap("consent.Finish", err)
	}
}

// exchange trades the code and checks who consented.
func (f *Flow) exchange(ctx context.Context, p vault.Pending, code config.Secret) (googleauth.Tokens, googleauth.Claims, error) {
	tokens, err := f.deps.Google.Exchange(ctx, code, p.Verifier)
	if errors.Is(err, googleauth.ErrClient) {
		f.alarm(ctx, "Google refuses our OAuth client; check OAUTH_CLIENT", p.Person, err)
	}
	if err != nil {
		return tokens, googleauth.Claims{}, err
	}
	claims, err := f.deps.IDTokens.Verify(ctx, tokens.ID)
	if err != nil {
		return tokens, claims, err
	}
	if claims.Subject == "" || claims.Nonce != p.Nonce {
		return tokens, claims, &fault.Error{Op: "consent.exchange", Kind: fault.Unauthenticated, Err: errors.New("the ID token's nonce or sub is not ours")}
	}
	return tokens, claims, nil
}
