package consent

import (
	"context"
	"errors"
	"slices"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

// AppCode is a server auth code. An app of the same project, on Android, iOS, Chrome or in a browser, received
// it when the person consented there.
type AppCode struct {
	Code        config.Secret
	RedirectURI string                    // redirect URI: "" or "postmessage", depending on the app's platform
	Via         string                    // display name of the system that submitted the code
	CheckDomain func(domain string) error // whether the system may submit codes for an organization (hd)
}

func containsAll(all, part []capability.Capability) bool {
	return !slices.ContainsFunc(part, func(c capability.Capability) bool { return !slices.Contains(all, c) })
}

// AcceptAppCode connects a person (users/{sub} or a verified email address) with a server auth code. A code that is
// unusable or of another person is Invalid. The app has to check the state, nonce and PKCE of the consent.
func (f *Flow) AcceptAppCode(ctx context.Context, named resource.Named, c AppCode) (grants.Connection, error) {
	refuse := func(kind fault.Kind, err error, public i18n.Text) (grants.Connection, error) {
		return grants.Connection{}, &fault.Error{Op: "consent.AcceptAppCode", Kind: kind, Public: public, Err: err}
	}
	tokens, err := f.deps.Google.ExchangeAppCode(ctx, c.Code, c.RedirectURI)
	switch {
	case errors.Is(err, googleauth.ErrInvalidGrant):
		return refuse(fault.Invalid, err, i18n.English("Google rejected the code: it was used before, has expired, "+
			"or is for another project or client type. Get a new code from the app."))
	case err != nil:
		return grants.Connection{}, fault.Wrap("consent.AcceptAppCode", err)
	}
	claims, err := f.deps.IDTokens.Verify(ctx, tokens.ID)
	if err != nil && fault.KindOf(err) == fault.Unauthenticated {
		return refuse(fault.Invalid, err, i18n.English("The code returned no ID token for Deputy's client. "+
			"Request the scopes openid and email, with the web client's ID as the server client ID."))
	}
	if err != nil {
		return grants.Connection{}, fault.Wrap("consent.AcceptAppCode", err)
	}
	var p vault.Pending
	if person, byID := named.Person(); byID {
		p.Person = person
	} else {
		p.Email = string(named)
	}
	switch {
	case claims.Subject == "" || !isInvited(p, claims):
		return refuse(fault.Invalid, errors.New("another person consented"),
			i18n.English("The code is for a different account than the one in the path. Nothing was stored."))
	case !f.grants.AllowsDomain(claims.Domain):
		return refuse(fault.Denied, errors.New("hd is not in ALLOWED_DOMAINS"),
			i18n.English("Deputy is restricted to certain organizations, and this account belongs to none of them."))
	}
	if err := c.CheckDomain(claims.Domain); err != nil {
		return grants.Connection{}, err
	}
	p.Person = grants.Person(claims.Subject)
	now, err := f.grants.Connection(ctx, p.Person)
	if err != nil {
		return grants.Connection{}, fault.Wrap("consent.AcceptAppCode", err)
	}
	offered := capability.Allowed(tokens.Scopes)
	if !containsAll(offered, now.Allowed) {
		return refuse(fault.Invalid, errors.New("the code allows less than the grant"), i18n.English(
			"The code allows less than this person has already allowed. Request all capabilities together."))
	}
	_, err = f.grants.Connect(ctx, grants.Consent{Requested: offered, Tokens: tokens, Claims: claims, Via: c.Via})
	if errors.Is(err, grants.ErrNoRefreshToken) {
		return refuse(fault.Invalid, err,
			i18n.English("The code returned no refresh token. Request offline access and prompt for consent."))
	}
	if err != nil {
		return grants.Connection{}, fault.Wrap("consent.AcceptAppCode", err)
	}
	return f.grants.Connection(ctx, p.Person)
}
