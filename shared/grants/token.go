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

// expiryMargin is how long before its expiry an access token counts as expired. It exceeds the duration of any
// operation, so a token does not expire during one.
const expiryMargin = 5 * time.Minute

// TokenSource returns a source with an access token for person, whose grant must allow all capabilities.
// Otherwise the error is NeedsConsent and wraps *capability.ConsentError. The source never refreshes the token.
func (gs *Grants) TokenSource(
	ctx context.Context, person resource.Person, capabilities ...capability.Capability,
) (oauth2.TokenSource, error) {
	start := gs.now()
	g, usable, err := gs.cachedGrant(ctx, person, capabilities)
	if err != nil {
		return nil, fault.Wrap("grants.TokenSource", err)
	}
	return gs.tokenSource(ctx, person, g, usable, capabilities, start)
}

func (gs *Grants) tokenSource(
	ctx context.Context, person resource.Person, g vault.Grant, usable bool, needed []capability.Capability,
	since time.Time,
) (oauth2.TokenSource, error) {
	var err error
	if usable && !gs.isFresh(g) {
		g, usable, err = gs.refresh(ctx, person, since)
	}
	switch {
	case err != nil:
		return nil, fault.Wrap("grants.TokenSource", err)
	case !usable:
		needs := capability.ConsentError{
			Capabilities: needed, Missing: needed, Ended: g.NeedsNotice,
			SignInRequired: g.NeedsSignIn, Refused: gs.refused(g),
		}
		return nil, needs.Fault()
	case !gs.AllowsDomain(g.Domain):
		err := errors.New("the grant's domain is not in ALLOWED_DOMAINS")
		return nil, &fault.Error{
			Op: "grants.TokenSource", Kind: fault.Denied, Public: words.ErrorDomainNotAllowed,
			Err: err,
		}
	}
	if missing := capability.Missing(needed, g.Scopes); len(missing) > 0 {
		declined := capability.Declined(g.Declined)
		isAsked := func(c capability.Capability) bool { return !slices.Contains(declined, c) }
		needs := capability.ConsentError{
			Capabilities: needed, Missing: missing, Connected: true, Allowed: capability.Allowed(g.Scopes),
			Refused: gs.refused(g), Declined: !slices.ContainsFunc(missing, isAsked),
		}
		return nil, needs.Fault()
	}
	return oauth2.StaticTokenSource(&oauth2.Token{AccessToken: g.AccessToken.Reveal(), Expiry: g.AccessExpiry}), nil
}

// AllowsDomain reports whether people of a domain may use Deputy. It is checked at sign-in and at each use, so that
// removing a domain from the list takes effect at once.
func (gs *Grants) AllowsDomain(domain string) bool {
	return len(gs.deps.Domains) == 0 || slices.Contains(gs.deps.Domains, address.Lower(domain))
}

// isFresh reports whether the access token can be used without asking Google. It must outlast an operation and
// be newer than any security event that requires a refresh.
func (gs *Grants) isFresh(g vault.Grant) bool {
	if g.AccessToken.Empty() || !gs.now().Add(expiryMargin).Before(g.AccessExpiry) ||
		g.RefreshedAt.Sub(g.RecheckAt) <= maxSkew && !g.RecheckAt.IsZero() {
		return false
	}
	return !isDoubtful(g) || g.RefreshedAt.After(g.SignedInAt) && g.RefreshedAt.After(g.RevokedAt)
}

// ReplaceToken is TokenSource for a request whose token an API has rejected. That token is not used again.
func (gs *Grants) ReplaceToken(
	ctx context.Context, person resource.Person, rejected oauth2.TokenSource, capabilities ...capability.Capability,
) (oauth2.TokenSource, error) {
	fault.WaitBeside(ctx) // perhaps this token is being stored
	token, err := rejected.Token()
	if err != nil {
		return nil, fault.Wrap("grants.ReplaceToken", err)
	}
	_, _, err = gs.change(ctx, person, func(g *vault.Grant) bool {
		same := g.Status == vault.Connected && g.AccessToken.Reveal() == token.AccessToken
		g.AccessToken = config.Secret{}
		return same
	})
	if err != nil {
		return nil, fault.Wrap("grants.ReplaceToken", err)
	}
	return gs.TokenSource(ctx, person, capabilities...)
}
