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

// AppCode is a server auth code: an app of the same project, on Android, iOS,
// Chrome or in a browser, got it when the person consented there.
type AppCode struct {
	Code     config.Secret
	Redirect string // "" or "postmessage", as the app's platform has it
	Via      string // the system that brought it, as people know it
	// May reports whether the system may bring somebody of an organization (hd).
	May func(domain string) error
}

func covers(all, part []capability.Capability) bool {
	return !slices.ContainsFunc(part, func(c capability.Capability) bool { return !slices.Contains(all, c) })
}

// Accept connects a person (users/{sub} or a verified e-mail address) by a
// server auth code. It counts only when that person has consented; the state,
// nonce and PKCE of the consent were the app's to check. Invalid when the code
// is no good, or another's.
func (f *Flow) Accept(ctx context.Context, who resource.Named, c AppCode) (grants.Connection, error) {
	refuse := func(kind fault.Kind, why error, public i18n.Text) (grants.Connection, error) {
		return grants.Connection{}, &fault.Error{Op: "consent.Accept", Kind: kind, Public: public, Err: why}
	}
	tokens, err := f.deps.Google.ExchangeAppCode(ctx, c.Code, c.Redirect)
	switch {
	case errors.Is(err, googleauth.ErrInvalidGrant):
		return refuse(fault.Invalid, err, i18n.English("Google does not take this code: it is used, too old, or of another project or client type. Ask the app for a fresh one. Nothing was stored."))
	case err != nil:
		return grants.Connection{}, fault.Wrap("consent.Accept", err)
	}
	claims, err := f.deps.IDTokens.Verify(ctx, tokens.ID)
	if err != nil && fault.KindOf(err) == fault.Unauthenticated {
		return refuse(fault.Invalid, err, i18n.English("The code brings no ID token for Deputy's client: the app has to ask for openid and email, with the web client's id as server client id. Nothing was stored."))
	}
	if err != nil {
		return grants.Connection{}, fault.Wrap("consent.Accept", err)
	}
	var p vault.Pending
	if person, byID := who.Person(); byID {
		p.Person = person
	} else {
		p.Email = string(who)
	}
	switch {
	case claims.Subject == "" || !invited(p, claims):
		return refuse(fault.Invalid, errors.New("another person consented"), i18n.English("The code is of another account than the person in the path. Nothing was stored."))
	case !f.grants.Admits(claims.Domain):
		return refuse(fault.Denied, errors.New("hd is not in ALLOWED_DOMAINS"), i18n.English("Deputy is set up for certain organizations, and this account is in none of them. Nothing was stored."))
	}
	if err := c.May(claims.Domain); err != nil {
		return grants.Connection{}, err
	}
	p.Person = grants.Person(claims.Subject)
	now, err := f.grants.Connection(ctx, p.Person)
	if err != nil {
		return grants.Connection{}, fault.Wrap("consent.Accept", err)
	}
	if !covers(capability.Satisfied(tokens.Scopes), now.Allowed) {
		return refuse(fault.Invalid, errors.New("the code allows less than the grant"), i18n.English("The code allows less than this person has allowed already, and would take the rest away: the app has to ask for all of it together. Nothing was stored."))
	}
	if _, err = f.grants.Connect(ctx, grants.Consented{Asked: capability.Satisfied(tokens.Scopes), Tokens: tokens, Claims: claims, Via: c.Via}); errors.Is(err, grants.ErrNoRefresh) {
		return refuse(fault.Invalid, err, i18n.English("The code brings no refresh token: the app has to ask for offline access, with consent asked anew. Nothing was stored."))
	}
	if err != nil {
		return grants.Connection{}, fault.Wrap("consent.Accept", err)
	}
	return f.grants.Connection(ctx, p.Person)
}
