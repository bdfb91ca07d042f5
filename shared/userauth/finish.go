package userauth

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"example.com/deputy/shared/address"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
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
	Person   string
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
func (a *Auth) Finish(ctx context.Context, c Callback) (Outcome, error) {
	p, err := a.take(ctx, c.State, c.Browser)
	if err != nil {
		return Outcome{}, err
	}
	again, err := a.invite(ctx, cmp.Or(p.Person, p.Email), a.returnOf(p), capability.FromNames(p.Capabilities), Wish{p.Caller, p.Actions, p.Authority})
	if err != nil {
		return Outcome{}, fault.Wrap("userauth.Finish", err)
	}
	switch {
	case c.Issuer != "" && c.Issuer != googleauth.Issuer:
		return Outcome{}, refusedAgain(GoogleRefused, again, "", errors.New("another issuer sent the browser back"))
	case c.Error == "access_denied":
		return Outcome{}, refusedAgain(Declined, again, "", errors.New("access_denied"))
	case c.Error != "":
		return Outcome{}, refusedAgain(GoogleRefused, again, "", fmt.Errorf("error %.40q", c.Error))
	case c.Code.Empty():
		return Outcome{}, refusedAgain(GoogleRefused, again, "", errors.New("no code"))
	}
	tokens, claims, err := a.exchange(ctx, p, c.Code)
	if err != nil {
		return Outcome{}, unfinished(again, err)
	}
	switch {
	case !invited(p, claims):
		return Outcome{}, refusedAgain(WrongAccount, again, claims.Email, errors.New("another person consented"))
	case !a.admits(claims.Domain):
		return Outcome{}, refusedAgain(WrongDomain, again, claims.Email, errors.New("hd is not in ALLOWED_DOMAINS"))
	}
	p.Person = Person(claims.Subject)
	g, err := a.save(ctx, p, tokens, claims, "")
	if errors.Is(err, errNoRefresh) && !p.Again {
		p.Again = true
		var out Outcome
		out.Consent, err = a.begin(ctx, rand.Text(), c.Browser, claims.Subject, p)
		return out, err
	}
	if err != nil {
		return Outcome{}, unfinished(again, err)
	}
	a.Log.InfoContext(ctx, "audit", slog.String("act", "connect"), slog.String("person", g.Person), slog.Any("scopes", g.Scopes), slog.Time("connected", g.Connected))
	out := Outcome{Person: p.Person, Email: claims.Email, Domain: claims.Domain, Missing: capability.Missing(capability.FromNames(p.Capabilities), g.Scopes)}
	if len(out.Missing) > 0 {
		out.Again = again
		return out, nil
	}
	out.ReturnTo = a.returnOf(p).Address
	if p.Caller != "" {
		out.Approval, err = a.question(ctx, p, g.Connected, c.Browser)
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
		return Person(who.Subject) == p.Person
	}
	return p.Email != "" && who.Authoritative() && address.Lower(who.Email) == address.Lower(p.Email)
}

func refusedAgain(reason Reason, again config.Secret, account string, why error) error {
	return &fault.Error{Op: "userauth.Finish", Kind: fault.Invalid, Err: &Refusal{reason, again, account, why}}
}

// unfinished is a consent that failed on the way to the store, with a way to
// begin once more: its state is used up.
func unfinished(again config.Secret, err error) error {
	switch {
	case errors.Is(err, googleauth.ErrInvalidGrant), errors.Is(err, errNoRefresh):
		return refusedAgain(GoogleRefused, again, "", err)
	case fault.KindOf(err) == fault.Unavailable, fault.KindOf(err) == fault.Conflict:
		return &fault.Error{Op: "userauth.Finish", Kind: fault.Unavailable, Err: &Refusal{Unfinished, again, "", err}}
	default:
		return fault.Wrap("userauth.Finish", err)
	}
}

// exchange trades the code and checks who consented.
func (a *Auth) exchange(ctx context.Context, p vault.Pending, code config.Secret) (googleauth.Tokens, googleauth.Claims, error) {
	tokens, err := a.Google.Exchange(ctx, code, p.Verifier)
	if errors.Is(err, googleauth.ErrClient) {
		a.alarm(ctx, "Google refuses our OAuth client; check OAUTH_CLIENT", p.Person, err)
	}
	if err != nil {
		return tokens, googleauth.Claims{}, err
	}
	claims, err := a.IDTokens.Verify(ctx, tokens.ID)
	if err != nil {
		return tokens, claims, err
	}
	if claims.Subject == "" || claims.Nonce != p.Nonce {
		return tokens, claims, &fault.Error{Op: "userauth.exchange", Kind: fault.Unauthenticated, Err: errors.New("the ID token's nonce or sub is not ours")}
	}
	return tokens, claims, nil
}

// save stores the grant over whatever is there. A refresh token is never
// replaced by nothing, and carried over only when it is this client's. What is
// not connected, or older than a security event, leaves nothing to the new grant:
// no token, no approval, no connection time. via is the system that brought the
// consent, empty for a browser.
func (a *Auth) save(ctx context.Context, p vault.Pending, t googleauth.Tokens, who googleauth.Claims, via string) (vault.Grant, error) {
	for try := 1; ; try++ {
		g, ok, err := a.grantNow(ctx, p.Person)
		if err != nil {
			return g, err
		}
		if g.Status == vault.Disconnecting {
			// Its token is still to be revoked, which ends this sign-in's, too.
			_, err := a.finishDisconnect(ctx, g)
			return g, errors.Join(errDisconnecting, err)
		}
		ok = ok && (!doubtful(g) || a.fresh(g))
		kept := t.Refresh
		if kept.Empty() {
			if !ok || !p.Again && !holds(g, p, t.Scopes) {
				return g, errNoRefresh
			}
			kept = g.RefreshToken
		}
		now := a.Now()
		if !ok {
			declined := g.Declined
			g = g.Renewed()
			g.Connected, g.Declined = now, declined
		}
		g.Person, g.ClientID, g.Status, g.Generation, g.SignedIn = p.Person, a.ClientID, vault.Connected, a.next(g.Generation), now
		g.RefreshToken, g.AccessToken, g.AccessExpiry, g.Refreshed = kept, t.Access, now.Add(t.Life), now
		g.Scopes, g.Declined = t.Scopes, declined(g.Declined, p, t.Scopes)
		g.Untold, g.ToldBy, g.SignIn, g.Removed, g.Via = false, "", false, time.Time{}, via
		g.RefreshDay, g.LastUsedDay = a.today(), a.today()
		if !t.Refresh.Empty() {
			g.RefreshUntil = a.until(t.RefreshLife)
		}
		saved, err := a.saveGrant(ctx, a.known(g, who))
		if err == nil {
			a.remember(p.Person, saved, now)
			return saved, nil
		}
		if fault.KindOf(err) != fault.Conflict || try == tries {
			return g, err
		}
	}
}

// holds reports whether the refresh token of g gives what was asked for and
// allowed.
func holds(g vault.Grant, p vault.Pending, granted []string) bool {
	allowed := slices.DeleteFunc(capability.FromNames(p.Capabilities), func(c capability.Capability) bool { return !c.AllowedBy(granted) })
	return !g.SignIn && len(capability.Missing(allowed, g.Scopes)) == 0
}

var (
	errNoRefresh     = errors.New("google sent no refresh token, and none is held for this")
	errDisconnecting = &fault.Error{Op: "userauth.save", Kind: fault.Unavailable, Err: errors.New("a disconnect was under way")}
)

// until is when time-based access ends; the zero time if it does not.
func (a *Auth) until(life time.Duration) time.Time {
	if life == 0 {
		return time.Time{}
	}
	return a.Now().Add(life)
}

// declined are the scopes ever asked for and not given so far.
func declined(before []string, p vault.Pending, granted []string) []string {
	asked := append(slices.Clone(before), capability.Scopes(capability.FromNames(p.Capabilities)...)...)
	slices.Sort(asked)
	return slices.DeleteFunc(slices.Compact(asked), func(s string) bool { return slices.Contains(granted, s) })
}
