package createspace

import (
	"context"
	"strings"

	"example.com/deputy/functions/createspace/api"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/userauth"
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
	f.audit(ctx, act{operation: callers.ReadPeople}, who.Person, "", err)
	return out, err
}

// InvitePerson makes a link that only that person can use.
func (f function) InvitePerson(ctx context.Context, in api.InvitePersonRequestObject) (api.InvitePersonResponseObject, error) {
	who, err := f.allowed(ctx, of(ctx).caller, callers.InvitePeople, personIn(in.Person))
	var out api.InvitePerson201JSONResponse
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
	f.audit(ctx, act{operation: callers.InvitePeople}, who.Person, "", err)
	return out, err
}

// DisconnectPerson ends what a person allowed.
func (f function) DisconnectPerson(ctx context.Context, in api.DisconnectPersonRequestObject) (api.DisconnectPersonResponseObject, error) {
	who, err := f.allowed(ctx, of(ctx).caller, callers.DisconnectPeople, personIn(in.Person))
	out := api.DisconnectPerson200JSONResponse{Outcome: api.NotConnected}
	if err == nil && who.Person != "" {
		var done userauth.Farewell
		done, err = f.Auth.Disconnect(ctx, who.Person)
		out.Outcome = api.DisconnectedOutcome(done.Outcome.String())
	}
	f.audit(ctx, act{operation: callers.DisconnectPeople}, who.Person, "", err)
	return out, err
}

// personIn is the person in a path: the id, or an e-mail address.
func personIn(path string) string {
	if strings.Contains(path, "@") {
		return path
	}
	return "users/" + path
}
