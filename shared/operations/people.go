package operations

import (
	"cmp"
	"context"
	"slices"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/consent"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

// ofPerson writes the audit line of an operation on a person's connection.
func (o *Operations) ofPerson(ctx context.Context, c Call, action string, person resource.Person, err error) {
	o.audit(ctx, line{Call: c, operation: operation{actions: only(action)}, person: person}, "", false, err)
}

// GetConnection tells whether a person is connected, and for what, as far as the
// caller may know it.
func (o *Operations) GetConnection(ctx context.Context, c Call) (grants.Connection, error) {
	g, err := o.known(ctx, c, callers.ReadPeople)
	var out grants.Connection
	if err == nil && g.Person != "" {
		var now grants.Connection
		if now, err = o.deps.Grants.Connection(ctx, g.Person); err == nil && now.Connected && c.Caller.Covers(c.Person, now.Domain) == nil {
			out = now
		}
	}
	o.ofPerson(ctx, c, callers.ReadPeople, g.Person, err)
	return out, err
}

// known is the grant of a person whom the caller may name for an action; the
// zero grant when there is none.
func (o *Operations) known(ctx context.Context, c Call, action string) (vault.Grant, error) {
	if err := c.allowed(action); err != nil {
		return vault.Grant{}, err
	}
	g, _, err := o.deps.Grants.Lookup(ctx, c.Person)
	return g, err
}

// InvitePerson makes a link that only that person can use.
func (o *Operations) InvitePerson(ctx context.Context, c Call, asked []capability.Capability) (config.Secret, error) {
	err := c.allowed(callers.InvitePeople)
	if err == nil && slices.ContainsFunc(asked, capability.Capability.IsAdmin) && !slices.Contains(c.Caller.Authorities, callers.ByAdmin) {
		err = fault.New(fault.Denied, i18n.English("This caller may not ask for an administrator's capabilities: Deputy's operator has not given it the authority admin."))
	}
	var link config.Secret
	if err == nil {
		// As the caller names them: the link tells nothing that they did not know.
		link, err = o.deps.Consent.Invite(ctx, c.Person, config.Secret{}, asked...)
	}
	o.ofPerson(ctx, c, callers.InvitePeople, resource.Person(c.Person), err)
	return link, err
}

// AppCode is a server auth code that an app of the same project has from a person
// who consented there.
type AppCode struct {
	Code       config.Secret
	ClientType string // ANDROID, IOS, CHROME, SINGLE_PAGE or TV
}

// redirects are what Google wants as redirect address with a code, by the type
// of the client that got it (oauth-admin.md 4).
var redirects = map[string]string{"ANDROID": "", "IOS": "", "CHROME": "postmessage", "SINGLE_PAGE": "postmessage"}

// AcceptPerson connects a person by a server auth code. The person sees in
// /status which system brought it.
func (o *Operations) AcceptPerson(ctx context.Context, c Call, in AppCode) (grants.Connection, error) {
	err := c.allowed(callers.ConnectPeople)
	redirect, known := redirects[in.ClientType]
	if err == nil && !known {
		err = fault.New(fault.Invalid, i18n.English("Google lets clients of the type TV and limited input ask for no scope of Chat, so their codes cannot connect anybody. Ask for an invitation link instead, and show it as a QR code."))
	}
	var out grants.Connection
	if err == nil {
		out, err = o.deps.Consent.AcceptAppCode(ctx, c.Person, consent.AppCode{
			Code: in.Code, RedirectURI: redirect, Via: c.Caller.Name, CheckDomain: func(domain string) error { return c.Caller.Covers(c.Person, domain) },
		})
	}
	o.ofPerson(ctx, c, callers.ConnectPeople, cmp.Or(out.Person, resource.Person(c.Person)), err)
	return out, err
}

// DisconnectPerson ends what a person allowed, once for its key: a late
// repetition must not end what they allowed anew.
func (o *Operations) DisconnectPerson(ctx context.Context, c Call) (grants.Outcome, error) {
	op := operation{name: "disconnectPerson", actions: only(callers.DisconnectPeople)}
	out, repeated := grants.NotConnected, false
	q, err := request(c, op, nil)
	if err != nil {
		return out, err
	}
	g, err := o.known(ctx, c, callers.DisconnectPeople)
	q.Person = g.Person
	line := line{c, op, c.id(op), g.Person}
	covered := g.Person != "" && (g.Broken || c.Caller.Covers(c.Person, g.Domain) == nil)
	switch {
	case err != nil:
	case covered:
		repeated, err = o.once(ctx, q, &out, func(try Try) (bool, error) {
			done, err := o.deps.Grants.Disconnect(ctx, g.Person)
			out = done.Outcome
			if err == nil {
				o.note(ctx, line, g.Person, try, "", false)
			}
			return true, err
		})
	default: // that may be this key's own work
		repeated, err = o.before(ctx, q, &out, nil)
	}
	o.audit(ctx, line, "", repeated, err)
	return out, err
}
