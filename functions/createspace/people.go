package createspace

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"example.com/deputy/shared/api"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/userauth"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/words"
)

// GetConnection tells whether a person is connected, and for what.
func (f function) GetConnection(ctx context.Context, in api.GetConnectionRequestObject) (api.GetConnectionResponseObject, error) {
	named := personIn(in.Person)
	g, err := f.known(ctx, callers.ReadPeople, named)
	out := api.GetConnection200JSONResponse{Capabilities: []api.Capability{}}
	if err == nil && g.Person != "" {
		var c userauth.Connection
		if c, err = f.Auth.Connection(ctx, g.Person); err == nil && c.Connected && of(ctx).caller.Covers(named, c.Domain) == nil {
			out = api.GetConnection200JSONResponse(connectionOf(c))
		}
	}
	f.audit(ctx, act{actions: only(callers.ReadPeople)}, g.Person, "", false, err)
	return out, err
}

// known is the grant of a person whom the caller may name for an action; the
// zero grant when there is none.
func (f function) known(ctx context.Context, action, named string) (vault.Grant, error) {
	if err := f.allowed(of(ctx).caller, callers.ByUser, named, action); err != nil {
		return vault.Grant{}, err
	}
	g, _, err := f.Auth.Lookup(ctx, named)
	return g, err
}

func connectionOf(c userauth.Connection) api.Connection {
	out := api.Connection{Connected: c.Connected, Capabilities: []api.Capability{}}
	for _, capability := range c.Allowed {
		out.Capabilities = append(out.Capabilities, api.Capability(capability))
	}
	return out
}

// InvitePerson makes a link that only that person can use, or connects them by
// the code that an app of the same project has.
func (f function) InvitePerson(ctx context.Context, in api.InvitePersonRequestObject) (api.InvitePersonResponseObject, error) {
	b := in.Body
	switch {
	case b.ServerAuthCode != nil && b.ClientType != nil && b.Capabilities == nil:
		return f.accept(ctx, personIn(in.Person), config.NewSecret(*b.ServerAuthCode), *b.ClientType)
	case b.ServerAuthCode == nil && b.ClientType == nil && len(value(b.Capabilities)) > 0:
		return f.invite(ctx, personIn(in.Person), *b.Capabilities)
	}
	return nil, invalid(words.English("Send either capabilities, one at least, or serverAuthCode with clientType."))
}

func (f function) invite(ctx context.Context, named string, asked []api.Capability) (api.InvitePersonResponseObject, error) {
	caller := of(ctx).caller
	err := f.allowed(caller, callers.ByUser, named, callers.InvitePeople)
	var out api.InvitePerson201JSONResponse
	var capabilities []capability.Capability
	for _, c := range asked {
		capability := capability.Capability(c)
		if err == nil && capability.Administers() && !slices.Contains(caller.Authorities, callers.ByAdmin) {
			err = fault.New(fault.Denied, words.English("This caller may not ask for an administrator's capabilities: Deputy's operator has not given it the authority admin."))
		}
		capabilities = append(capabilities, capability)
	}
	if err == nil {
		// As the caller names them: the link tells nothing that they did not know.
		link, inviting := f.Auth.Invite(ctx, named, config.Secret{}, capabilities...)
		out.Invitation, err = link.Reveal(), inviting
	}
	f.audit(ctx, act{actions: only(callers.InvitePeople)}, named, "", false, err)
	return out, err
}

// redirects are what Google wants as redirect address with a code, by the type
// of the client that got it (oauth-admin.md 4).
var redirects = map[api.ClientType]string{api.ANDROID: "", api.IOS: "", api.CHROME: "postmessage", api.SINGLEPAGE: "postmessage"}

// accept connects a person by a server auth code. The person sees in /status
// which system brought it.
func (f function) accept(ctx context.Context, named string, code config.Secret, from api.ClientType) (api.InvitePersonResponseObject, error) {
	caller := of(ctx).caller
	err := f.allowed(caller, callers.ByUser, named, callers.ConnectPeople)
	redirect, known := redirects[from]
	if err == nil && !known {
		err = fault.New(fault.Invalid, words.English("Google lets clients of the type TV and limited input ask for no scope of Chat, so their codes cannot connect anybody. Ask for an invitation link instead, and show it as a QR code."))
	}
	var c userauth.Connection
	if err == nil {
		c, err = f.Auth.Accept(ctx, named, userauth.AppCode{Code: code, Redirect: redirect, Via: caller.Name, May: func(domain string) error { return caller.Covers(named, domain) }})
	}
	f.audit(ctx, act{actions: only(callers.ConnectPeople)}, cmp.Or(c.Person, named), "", false, err)
	return api.InvitePerson200JSONResponse(connectionOf(c)), err
}

// DisconnectPerson ends what a person allowed, once for its key: a late
// repetition must not end what they allowed anew.
func (f function) DisconnectPerson(ctx context.Context, in api.DisconnectPersonRequestObject) (api.DisconnectPersonResponseObject, error) {
	a := act{actions: only(callers.DisconnectPeople), named: personIn(in.Person), authority: callers.ByUser, key: in.Params.IdempotencyKey}
	out, repeated := api.DisconnectPerson200JSONResponse{Outcome: api.NotConnected}, false
	q, err := f.request(ctx, a, nil)
	if err != nil {
		return nil, err
	}
	g, err := f.known(ctx, callers.DisconnectPeople, a.named)
	q.Person = g.Person
	covered := g.Person != "" && (g.Broken || of(ctx).caller.Covers(a.named, g.Domain) == nil)
	switch {
	case err != nil:
	case covered:
		repeated, err = f.once(ctx, q, &out, func(try operations.Try) (bool, error) {
			done, err := f.Auth.Disconnect(ctx, g.Person)
			out.Outcome = api.DisconnectedOutcome(done.Outcome.String())
			if err == nil {
				f.note(ctx, a, g.Person, try, "", false)
			}
			return true, err
		})
	default: // that may be this key's own work
		repeated, err = f.before(ctx, q, &out, nil)
	}
	f.audit(ctx, a, g.Person, "", repeated, err)
	return out, err
}

// personIn is the person in a path: the id, or an e-mail address.
func personIn(path string) string {
	if strings.Contains(path, "@") {
		return path
	}
	return "users/" + path
}
