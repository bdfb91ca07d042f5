package createspace

import (
	"context"
	"strings"

	"example.com/deputy/functions/createspace/api"
	"example.com/deputy/shared/callers"
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
		out.Connected = c.Connected
		for _, capability := range c.Allowed {
			out.Capabilities = append(out.Capabilities, api.Capability(capability))
		}
	}
	f.audit(ctx, act{operation: callers.ReadPeople}, who.Person, "", false, err)
	return out, err
}

// InvitePerson makes a link that only that person can use.
func (f function) InvitePerson(ctx context.Context, in api.InvitePersonRequestObject) (api.InvitePersonResponseObject, error) {
	who, err := f.allowed(ctx, of(ctx).caller, callers.InvitePeople, personIn(in.Person))
	var out api.InvitePerson201JSONResponse
	if len(in.Body.Capabilities) == 0 {
		return nil, invalid(words.English("capabilities must name one at least."))
	}
	if err == nil {
		var capabilities []userauth.Capability
		for _, c := range in.Body.Capabilities {
			capabilities = append(capabilities, userauth.Capability(c))
		}
		// Whom nobody knows yet is asked by the address that was named.
		named := who.Named
		if who.Person != "" {
			named = who.Person
		}
		link, inviting := f.Auth.Invite(ctx, named, "", capabilities...)
		out.Invitation, err = link.Reveal(), inviting
	}
	f.audit(ctx, act{operation: callers.InvitePeople}, who.Person, "", false, err)
	return out, err
}

// DisconnectPerson ends what a person allowed, once for its key: a late
// repetition must not end what they allowed anew.
func (f function) DisconnectPerson(ctx context.Context, in api.DisconnectPersonRequestObject) (api.DisconnectPersonResponseObject, error) {
	caller, a := of(ctx).caller, act{operation: callers.DisconnectPeople, key: in.Params.IdempotencyKey}
	who, err := f.allowed(ctx, caller, a.operation, personIn(in.Person))
	out, repeated := api.DisconnectPerson200JSONResponse{Outcome: api.NotConnected}, false
	if err == nil && who.Person != "" {
		id := digest(caller.ID, a.key, of(ctx).what, who.Person, "user")
		repeated, err = f.once(ctx, id, who.Person, "", &out, func() (bool, error) {
			done, err := f.Auth.Disconnect(ctx, who.Person)
			out.Outcome = api.DisconnectedOutcome(done.Outcome.String())
			return true, err
		})
		if err == nil && !repeated {
			f.note(ctx, caller, a, who.Person, id, "")
		}
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
