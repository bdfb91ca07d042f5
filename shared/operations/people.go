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

// auditPerson writes the audit line of an operation on a person's connection.
func (o *Operations) auditPerson(ctx context.Context, c Call, action string, person resource.Person, err error) {
	o.audit(ctx, auditLine{Call: c, operation: operation{actions: []string{action}}, person: person}, "", false, err)
}

// GetConnection returns whether a person is connected and what they allowed. A
// caller that does not cover the person's domain sees them as not connected.
func (o *Operations) GetConnection(ctx context.Context, c Call) (grants.Connection, error) {
	g, err := o.lookupGrant(ctx, c, callers.ReadPeople)
	var out grants.Connection
	if err == nil && g.Person != "" {
		var found grants.Connection
		found, err = o.deps.Grants.Connection(ctx, g.Person)
		if err == nil && found.Connected && c.Caller.Covers(c.Person, found.Domain) == nil {
			out = c.own(found)
		}
	}
	o.auditPerson(ctx, c, callers.ReadPeople, g.Person, err)
	return out, err
}

// own returns a connection with the approvals of the caller alone.
func (c Call) own(out grants.Connection) grants.Connection {
	out.Approvals = slices.DeleteFunc(out.Approvals, func(a vault.Approval) bool { return a.Caller != c.Caller.ID })
	return out
}

// lookupGrant returns the grant of a person whom the caller may name for an action; the zero grant if there is none.
func (o *Operations) lookupGrant(ctx context.Context, c Call, action string) (vault.Grant, error) {
	if err := c.authorize(action); err != nil {
		return vault.Grant{}, err
	}
	g, _, err := o.deps.Grants.Lookup(ctx, c.Person)
	return g, err
}

// InvitePerson returns a link that only that person can use.
func (o *Operations) InvitePerson(ctx context.Context, c Call, asked []capability.Capability) (config.Secret, error) {
	err := c.authorize(callers.InvitePeople)
	if err == nil {
		err = c.checkCapabilities(asked)
	}
	var link config.Secret
	if err == nil {
		// The link names the person as the caller did, so it reveals nothing new.
		link, err = o.deps.Consent.Invite(ctx, c.Person, config.Secret{}, asked...)
	}
	o.auditPerson(ctx, c, callers.InvitePeople, resource.Person(c.Person), err)
	return link, err
}

// checkCapabilities returns a Denied fault for an administrator's capabilities, unless the caller has that authority.
func (c Call) checkCapabilities(asked []capability.Capability) error {
	administers := slices.ContainsFunc(asked, capability.Capability.IsAdmin)
	if administers && !slices.Contains(c.Caller.Authorities, callers.AuthorityAdmin) {
		return fault.New(fault.Denied, i18n.English("This caller can't ask for an administrator's capabilities. "+
			"Deputy's operator can give it the authority admin."))
	}
	return nil
}

// AppCode is a server auth code that an app of the same project got when a person consented in it.
type AppCode struct {
	Code       config.Secret
	ClientType string // ANDROID, IOS, CHROME, SINGLE_PAGE or TV
}

// redirects holds the redirect address that Google expects with a code, by the
// type of the client that got it (identity/protocols/oauth2).
var redirects = map[string]string{"ANDROID": "", "IOS": "", "CHROME": "postmessage", "SINGLE_PAGE": "postmessage"}

// AcceptPerson connects a person by a server auth code. The person sees in /status which system sent it.
func (o *Operations) AcceptPerson(ctx context.Context, c Call, in AppCode) (grants.Connection, error) {
	err := c.authorize(callers.ConnectPeople)
	redirect, known := redirects[in.ClientType]
	if err == nil && !known {
		err = fault.New(fault.Invalid, i18n.English("A code from a TV or limited-input client can't connect a person, "+
			"because Google allows such clients no Chat scope. Ask for an invitation link and show it as a QR code."))
	}
	var out grants.Connection
	if err == nil {
		out, err = o.deps.Consent.AcceptAppCode(ctx, c.Person, consent.AppCode{
			Code: in.Code, RedirectURI: redirect, Via: c.Caller.Name,
			CheckDomain: func(domain string) error { return c.Caller.Covers(c.Person, domain) },
		})
	}
	o.auditPerson(ctx, c, callers.ConnectPeople, cmp.Or(out.Person, resource.Person(c.Person)), err)
	return c.own(out), err
}

// DisconnectPerson disconnects a person, once for its key: a late repetition
// must not end a grant that they have given since.
func (o *Operations) DisconnectPerson(ctx context.Context, c Call) (grants.Outcome, error) {
	op := operation{name: "disconnectPerson", actions: []string{callers.DisconnectPeople}}
	out, repeated := grants.NotConnected, false
	q, err := newRequest(c, op, nil)
	if err != nil {
		return out, err
	}
	g, err := o.lookupGrant(ctx, c, callers.DisconnectPeople)
	line := auditLine{c, op, c.id(op), g.Person}
	covered := g.Person != "" && (g.Broken || c.Caller.Covers(c.Person, g.Domain) == nil)
	if covered {
		q.Person = g.Person
	}
	if err == nil {
		repeated, err = o.runOnce(ctx, q, &out, func(attempt Attempt) (bool, error) {
			if !covered {
				return true, nil
			}
			done, err := o.deps.Grants.Disconnect(ctx, g.Person)
			out = done.Outcome
			if err == nil {
				o.noteWrite(ctx, line, g.Person, attempt, "", false)
			}
			return true, err
		})
	}
	o.audit(ctx, line, "", repeated, err)
	return out, err
}
