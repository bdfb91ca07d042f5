package userauth

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/oauth2"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/words"
)

// early is how long before its end an access token counts as expired: longer
// than any act, so that a token got at the start of an act lasts to its end.
const early = 5 * time.Minute

// TokenSource gives the access token for acting as a person, when the grant
// allows every one of the capabilities; else NeedsConsent around *Needs. The
// token lasts for the act: the source never refreshes by itself.
func (a *Auth) TokenSource(ctx context.Context, person string, capabilities ...Capability) (oauth2.TokenSource, error) {
	g, ok, err := a.grant(ctx, person, capabilities...)
	if err == nil && ok && !a.fresh(g) {
		g, ok, err = a.renew(ctx, person)
	}
	if err != nil {
		return nil, fault.Wrap("userauth.TokenSource", err)
	}
	if !ok {
		return nil, needs(Needs{Capabilities: capabilities, Missing: capabilities, Ended: g.Untold, SignIn: g.SignIn})
	}
	if absent := missing(capabilities, g.Scopes); len(absent) > 0 {
		return nil, needs(Needs{Capabilities: capabilities, Missing: absent, Declined: len(missing(absent, g.Declined)) == 0})
	}
	return oauth2.StaticTokenSource(&oauth2.Token{AccessToken: g.AccessToken.Reveal(), Expiry: g.AccessExpiry}), nil
}

func (a *Auth) fresh(g vault.Grant) bool {
	return g.AccessToken != "" && a.Now().Add(early).Before(g.AccessExpiry)
}

// Renew is TokenSource after an API has refused the token of an earlier source
// with 401: that token is not used again.
func (a *Auth) Renew(ctx context.Context, person string, refused oauth2.TokenSource, capabilities ...Capability) (oauth2.TokenSource, error) {
	token, err := refused.Token()
	if err != nil {
		return nil, fault.Wrap("userauth.Renew", err)
	}
	_, _, err = a.change(ctx, person, func(g *vault.Grant) bool {
		same := g.Status == vault.Active && g.AccessToken.Reveal() == token.AccessToken
		if same {
			g.AccessToken = ""
		}
		return same
	})
	if err != nil {
		return nil, fault.Wrap("userauth.Renew", err)
	}
	return a.TokenSource(ctx, person, capabilities...)
}

// Refused is the NeedsConsent of a person whose fresh token an API refuses with
// 401 all the same: that counts as invalid_grant, and the grant ends.
func (a *Auth) Refused(ctx context.Context, person string, refused oauth2.TokenSource, capabilities ...Capability) error {
	token, err := refused.Token()
	if err != nil {
		return fault.Wrap("userauth.Refused", err)
	}
	g, ok, err := a.grantNow(ctx, person)
	if err == nil && ok && g.AccessToken.Reveal() == token.AccessToken {
		g, ok, err = a.bury(ctx, g, googleauth.ErrInvalidGrant)
	}
	switch {
	case err != nil:
		return fault.Wrap("userauth.Refused", err)
	case ok: // somebody else has renewed it meanwhile
		return &fault.Error{Op: "userauth.Refused", Kind: fault.Unavailable, Public: words.GoogleDoubts, Err: errors.New("401 for a token that is not in use any more")}
	}
	return needs(Needs{Capabilities: capabilities, Missing: capabilities, Ended: g.Untold})
}

// Lacks is the NeedsConsent of a person whose token, by an API's word, does not
// have a scope that the grant claims. The claim is taken back, so that the next
// consent asks for it anew.
func (a *Auth) Lacks(ctx context.Context, person string, refused oauth2.TokenSource, wanted []Capability, lacking Capability) error {
	token, err := refused.Token()
	if err != nil {
		return fault.Wrap("userauth.Lacks", err)
	}
	_, _, err = a.change(ctx, person, func(g *vault.Grant) bool {
		before := len(g.Scopes)
		g.Scopes = slices.DeleteFunc(slices.Clone(g.Scopes), func(s string) bool { return slices.Contains(lacking.scopes(), s) })
		return len(g.Scopes) != before && g.AccessToken.Reveal() == token.AccessToken
	})
	if err != nil {
		return fault.Wrap("userauth.Lacks", err)
	}
	return needs(Needs{Capabilities: wanted, Missing: []Capability{lacking}})
}
