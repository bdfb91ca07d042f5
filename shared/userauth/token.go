package userauth

import (
	"context"
	"errors"
	"time"

	"golang.org/x/oauth2"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/vault"
)

// early is how long before its end an access token counts as expired: longer
// than any act, so that a token got at the start of an act lasts to its end.
const early = 5 * time.Minute

// TokenSource gives the access token for acting as a person, when the grant
// allows every one of the capabilities; else NeedsConsent around *Needs. The
// token lasts for the act: the source never refreshes by itself.
func (a *Auth) TokenSource(ctx context.Context, person string, capabilities ...Capability) (oauth2.TokenSource, error) {
	g, ok, err := a.grant(ctx, person, capabilities...)
	if err != nil {
		return nil, fault.Wrap("userauth.TokenSource", err)
	}
	if ok && !a.fresh(g) {
		if g, ok, err = a.renew(ctx, person); err != nil {
			return nil, fault.Wrap("userauth.TokenSource", err)
		}
	}
	if !ok {
		return nil, needs(capabilities, capabilities, false)
	}
	if absent := missing(capabilities, g.Scopes); len(absent) > 0 {
		return nil, needs(capabilities, absent, len(missing(absent, g.Declined)) == 0)
	}
	return oauth2.StaticTokenSource(&oauth2.Token{AccessToken: g.AccessToken.Reveal(), Expiry: g.AccessExpiry}), nil
}

// Renew is TokenSource after an API has refused the token of an earlier source
// with 401: that token is not used again.
func (a *Auth) Renew(ctx context.Context, person string, refused oauth2.TokenSource, capabilities ...Capability) (oauth2.TokenSource, error) {
	token, err := refused.Token()
	if err != nil {
		return nil, fault.Wrap("userauth.Renew", err)
	}
	g, ok, err := a.grantNow(ctx, person)
	if err != nil {
		return nil, fault.Wrap("userauth.Renew", err)
	}
	if ok && g.AccessToken.Reveal() == token.AccessToken {
		g.AccessToken = ""
		saved, err := a.Vault.SaveGrant(ctx, g)
		if err != nil && fault.KindOf(err) != fault.Conflict { // somebody else is renewing it: theirs is as good
			return nil, fault.Wrap("userauth.Renew", err)
		}
		if err == nil {
			a.remember(person, saved, a.Now())
		}
	}
	return a.TokenSource(ctx, person, capabilities...)
}

// Lost is the NeedsConsent of a person whose fresh token an API refuses all the
// same: for lack of a scope that the grant claims to have, or for good. The
// grant is marked, so that the next consent asks for everything anew.
func (a *Auth) Lost(ctx context.Context, person string, capabilities ...Capability) error {
	g, ok, err := a.grantNow(ctx, person)
	if err != nil {
		return fault.Wrap("userauth.Lost", err)
	}
	if ok {
		g.Status, g.Generation = vault.NeedsConsent, a.next(g.Generation)
		saved, err := a.Vault.SaveGrant(ctx, g)
		if err != nil && fault.KindOf(err) != fault.Conflict {
			return fault.Wrap("userauth.Lost", err)
		}
		if err == nil {
			a.remember(person, saved, a.Now())
		}
	}
	return needs(capabilities, capabilities, false)
}

func (a *Auth) fresh(g vault.Grant) bool {
	return g.AccessToken != "" && a.Now().Add(early).Before(g.AccessExpiry)
}

// renew refreshes the access token of a person, once for all who wait. Not ok
// means that the person has to consent again.
func (a *Auth) renew(ctx context.Context, person string) (vault.Grant, bool, error) {
	type result struct {
		grant vault.Grant
		ok    bool
	}
	// One who gives up waiting must not spoil it for the others.
	shared := context.WithoutCancel(ctx)
	flight := a.refresh.DoChan(person, func() (any, error) {
		ctx, cancel := context.WithTimeout(shared, 15*time.Second)
		defer cancel()
		g, ok, err := a.renewNow(ctx, person)
		return result{g, ok}, err
	})
	select {
	case r := <-flight:
		out, _ := r.Val.(result)
		return out.grant, out.ok, r.Err
	case <-ctx.Done():
		return vault.Grant{}, false, &fault.Error{Op: "userauth.renew", Kind: fault.Unavailable, Public: "Google was too slow. Please try again.", Err: ctx.Err()}
	}
}

func (a *Auth) renewNow(ctx context.Context, person string) (vault.Grant, bool, error) {
	g, ok, err := a.grantNow(ctx, person) // another instance may have been here
	if err != nil || !ok || a.fresh(g) {
		return g, ok, err
	}
	t, err := a.Google.Refresh(ctx, g.RefreshToken)
	switch {
	case errors.Is(err, googleauth.ErrInvalidGrant):
		return a.bury(ctx, g)
	case errors.Is(err, googleauth.ErrReauth):
		return vault.Grant{}, false, nil // sign in again; the grant itself stays
	case err != nil:
		return vault.Grant{}, false, err
	}
	g.AccessToken, g.AccessExpiry = t.Access, a.Now().Add(t.Life)
	if t.Refresh != g.RefreshToken {
		g.RefreshToken = t.Refresh
		g.Generation = a.next(g.Generation)
	}
	if len(t.Scopes) > 0 {
		g.Scopes = t.Scopes
	}
	saved, err := a.Vault.SaveGrant(ctx, g)
	switch {
	case err == nil:
		a.remember(person, saved, a.Now())
		return saved, true, nil
	case fault.KindOf(err) == fault.Conflict:
		// Somebody was faster: theirs counts, even if it says that all is over.
		g, ok, err = a.grantNow(ctx, person)
		return g, ok && a.fresh(g), err
	default:
		return g, false, err
	}
}

// bury erases the tokens of a grant that Google calls dead. If a newer one has
// taken its place, that one counts.
func (a *Auth) bury(ctx context.Context, dead vault.Grant) (vault.Grant, bool, error) {
	person := dead.Person
	if a.deaths.tooMany(person, a.Now()) {
		a.alarm(ctx, "Google calls the grants of many people dead: none is erased; check OAUTH_CLIENT", person, googleauth.ErrInvalidGrant)
		return vault.Grant{}, false, &fault.Error{Op: "userauth.bury", Kind: fault.Unavailable, Public: "Deputy's own set-up at Google seems broken. Please try again later.", Err: googleauth.ErrInvalidGrant}
	}
	dead.Status, dead.Generation = vault.NeedsConsent, a.next(dead.Generation)
	dead.RefreshToken, dead.AccessToken = "", ""
	saved, err := a.Vault.SaveGrant(ctx, dead)
	if fault.KindOf(err) == fault.Conflict {
		g, ok, err := a.grantNow(ctx, person)
		return g, ok && a.fresh(g), err
	}
	if err == nil {
		a.remember(person, saved, a.Now())
	}
	return vault.Grant{}, false, err
}
