package createspace

import (
	"cmp"
	"context"
	"encoding/json"
	"strings"

	"example.com/deputy/functions/createspace/api"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/userauth"
	"example.com/deputy/shared/words"
)

// GetConnection tells whether a person is connected, and for what.
func (f function) GetConnection(ctx context.Context, in api.GetConnectionRequestObject) (api.GetConnectionResponseObject, error) {
	who, err := f.allowed(ctx, of(ctx).caller, callers.ReadPeople, personIn(in.Person))
	out := api.GetConnection200JSONResponse{Capabilities: []api.Capability{}}
	if err == nil && who.Person != "" {
		var c userauth.Connection
		c, err = f.Auth.Connection(ctx, who.Person)
		out = api.GetConnection200JSONResponse(connectionOf(c))
	}
	f.audit(ctx, act{operation: callers.ReadPeople}, who.Person, "", false, err)
	return out, err
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
		return f.accept(ctx, personIn(in.Person), config.Secret(*b.ServerAuthCode), *b.ClientType)
	case b.ServerAuthCode == nil && b.ClientType == nil && len(value(b.Capabilities)) > 0:
		return f.invite(ctx, personIn(in.Person), *b.Capabilities)
	}
	return nil, invalid(words.English("Send either capabilities, one at least, or serverAuthCode with clientType."))
}

func (f function) invite(ctx context.Context, named string, asked []api.Capability) (api.InvitePersonResponseObject, error) {
	who, err := f.allowed(ctx, of(ctx).caller, callers.InvitePeople, named)
	var out api.InvitePerson201JSONResponse
	if err == nil {
		var capabilities []userauth.Capability
		for _, c := range asked {
			capabilities = append(capabilities, userauth.Capability(c))
		}
		// Whom nobody knows yet is asked by the address that was named.
		link, inviting := f.Auth.Invite(ctx, cmp.Or(who.Person, who.Named), "", capabilities...)
		out.Invitation, err = link.Reveal(), inviting
	}
	f.audit(ctx, act{operation: callers.InvitePeople}, who.Person, "", false, err)
	return out, err
}

// redirects are what Google wants as redirect address with a code, by the type
// of the client that got it (oauth-admin.md 4).
var redirects = map[api.ClientType]string{api.ANDROID: "", api.IOS: "", api.CHROME: "postmessage", api.SINGLEPAGE: "postmessage"}

// accept connects a person by a server auth code. The person sees in /status
// which system brought it.
func (f function) accept(ctx context.Context, named string, code config.Secret, from api.ClientType) (api.InvitePersonResponseObject, error) {
	caller := of(ctx).caller
	who, err := f.allowed(ctx, caller, callers.ConnectPeople, named)
	redirect, known := redirects[from]
	if err == nil && !known {
		err = fault.New(fault.Invalid, words.English("Google lets clients of the type TV and limited input ask for no scope of Chat, so their codes cannot connect anybody. Ask for an invitation link instead, and show it as a QR code."))
	}
	var c userauth.Connection
	if err == nil {
		c, err = f.Auth.Accept(ctx, cmp.Or(who.Person, strings.ToLower(who.Named)), userauth.AppCode{Code: code, Redirect: redirect, Via: cmp.Or(caller.Name, caller.Email)})
	}
	f.audit(ctx, act{operation: callers.ConnectPeople}, cmp.Or(c.Person, who.Person), "", false, err)
	return api.InvitePerson200JSONResponse(connectionOf(c)), err
}

// DisconnectPerson ends what a person allowed, once for its key: a late
// repetition must not end what they allowed anew.
func (f function) DisconnectPerson(ctx context.Context, in api.DisconnectPersonRequestObject) (api.DisconnectPersonResponseObject, error) {
	caller, a := of(ctx).caller, act{operation: callers.DisconnectPeople, key: in.Params.IdempotencyKey}
	who, err := f.allowed(ctx, caller, a.operation, personIn(in.Person))
	out, repeated := api.DisconnectPerson200JSONResponse{Outcome: api.NotConnected}, false
	// By what the caller calls them: with the grant goes what tells who that is.
	id := digest(caller.ID, a.key, of(ctx).what, strings.ToLower(in.Person), callers.ByUser)
	if err == nil && who.Person == "" || fault.KindOf(err) == fault.Denied && callers.AllowOperation(caller, a.operation) == nil {
		if kept, _ := f.Callers.Kept(ctx, id); kept != nil { // that act was this one
			repeated, err = true, fault.Wrap("createspace.DisconnectPerson", json.Unmarshal(kept, &out))
		}
	}
	if err == nil && !repeated && who.Person != "" {
		of(ctx).request = id[:32]
		repeated, err = f.once(ctx, id, who.Person, "", &out, func(try callers.Try) (bool, error) {
			done, err := f.Auth.Disconnect(ctx, who.Person)
			out.Outcome = api.DisconnectedOutcome(done.Outcome.String())
			if err == nil {
				f.note(ctx, a, who.Person, try, "", false)
			}
			return true, err
		})
	}
	f.audit(ctx, a, who.Person, "", repeated, err)
	return out, err
}

// personIn is the person in a path: the id, or an e-mail address.
func personIn(path string) string {
	if strings.Contains(path, "@") {
		return path
	}
	return "users/" + path
}
