package grants

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/oauth2"

	"example.com/deputy/shared/address"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/words"
)

// early is how long before its end an access token counts as expired: longer
// than any act, so that a token got at the start of an act lasts to its end.
const early = 5 * time.Minute

// TokenSource gives the access token for acting as a person, when the grant
// allows every one of the capabilities; else NeedsConsent around *Needs. The
// token lasts for the act: the source never refreshes by itself.
func (gs *Grants) TokenSource(ctx context.Context, person resource.Person, capabilities ...capability.Capability) (oauth2.TokenSource, error) {
	g, ok, err := gs.grant(ctx, person, capabilities...)
	return gs.source(ctx, person, g, ok, err, capabilities)
}

func (gs *Grants) source(ctx context.Context, person resource.Person, g vault.Grant, ok bool, err error, capabilities []capability.Capability) (oauth2.TokenSource, error) {
	if err == nil && ok && !gs.fresh(g) {
		g, ok, err = gs.renew(ctx, person)
	}
	switch {
	case err != nil:
		return nil, fault.Wrap("grants.TokenSource", err)
	case !ok:
		return nil, (&capability.Needs{Capabilities: capabilities, Missing: capabilities, Ended: g.Untold, SignIn: g.SignIn}).Fault()
	case !gs.Admits(g.Domain):
		return nil, &fault.Error{Op: "grants.TokenSource", Kind: fault.Denied, Public: words.ErrorDomainNotAllowed, Err: errNotAdmitted}
	}
	if absent := capability.Missing(capabilities, g.Scopes); len(absent) > 0 {
		return nil, (&capability.Needs{Capabilities: capabilities, Missing: absent, Declined: len(capability.Missing(absent, g.Declined)) == 0}).Fault()
	}
	return oauth2.StaticTokenSource(&oauth2.Token{AccessToken: g.AccessToken.Reveal(), Expiry: g.AccessExpiry}), nil
}

var errNotAdmitted = errors.New("the grant's domain is not in ALLOWED_DOMAINS")

// Admits reports whether people of a domain may use Deputy. It is asked at
// sign-in and at each use, so that a narrower list counts at once.
func (gs *Grants) Admits(domain string) bool {
	return len(gs.deps.Domains) == 0 || slices.Contains(gs.deps.Domains, address.Lower(domain))
}

// fresh reports whether the access token can be used without asking Google: it
// lasts for an act, and no security event since it was given wants Google to be
// asked first.
func (gs *Grants) fresh(g vault.Grant) bool {
	if g.AccessToken.Empty() || !gs.now().Add(early).Before(g.AccessExpiry) || g.Refreshed.Sub(g.AskAt) <= skew && !g.AskAt.IsZero() {
		return false
	}
	return !doubtful(g) || g.Refreshed.After(g.SignedIn) && g.Refreshed.After(g.RevokedAt)
}

// Renew is TokenSource after an API has refused the token of an earlier source:
// that token is not used again.
func (gs *Grants) Renew(ctx context.Context, person resource.Person, refused oauth2.TokenSource, capabilities ...capability.Capability) (oauth2.TokenSource, error) {
	token, err := refused.Token()
	if err != nil {
		return nil, fault.Wrap("grants.Renew", err)
	}
	_, _, err = gs.change(ctx, person, func(g *vault.Grant) bool {
		same := g.Status == vault.Connected && g.AccessToken.Reveal() == token.AccessToken
		if same {
			g.AccessToken = config.Secret{}
		}
		return same
	})
	if err != nil {
		return nil, fault.Wrap("grants.Renew", err)
	}
	return gs.TokenSource(ctx, person, capabilities...)
}
