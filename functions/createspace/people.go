package createspace

import (
	"context"
	"strings"

	"example.com/deputy/shared/api"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/operations"
)

func (s server) GetConnection(
	ctx context.Context, in api.GetConnectionRequestObject,
) (api.GetConnectionResponseObject, error) {
	c, err := s.Operations.GetConnection(ctx, newCall(ctx, personName(in.Person), nil, ""))
	return api.GetConnection200JSONResponse(apiConnection(c)), err
}

func apiConnection(c grants.Connection) api.Connection {
	out := api.Connection{Connected: c.Connected, Capabilities: []api.Capability{}}
	for _, capability := range c.Allowed {
		out.Capabilities = append(out.Capabilities, api.Capability(capability))
	}
	return out
}

// InvitePerson returns a link that only that person can use, or connects them
// by the server auth code of an app of the same project.
func (s server) InvitePerson(
	ctx context.Context, in api.InvitePersonRequestObject,
) (api.InvitePersonResponseObject, error) {
	b, c := in.Body, newCall(ctx, personName(in.Person), nil, "")
	switch {
	case b.ServerAuthCode != nil && b.ClientType != nil && b.Capabilities == nil:
		code := operations.AppCode{Code: config.NewSecret(*b.ServerAuthCode), ClientType: string(*b.ClientType)}
		connection, err := s.Operations.AcceptPerson(ctx, c, code)
		return api.InvitePerson200JSONResponse(apiConnection(connection)), err
	case b.ServerAuthCode == nil && b.ClientType == nil && len(api.Value(b.Capabilities)) > 0:
		var asked []capability.Capability
		for _, c := range *b.Capabilities {
			asked = append(asked, capability.Capability(c))
		}
		link, err := s.Operations.InvitePerson(ctx, c, asked)
		return api.InvitePerson201JSONResponse{Invitation: link.Reveal()}, err
	}
	return nil, invalid(i18n.English("Send either at least one capability, or serverAuthCode and clientType."))
}

func (s server) DisconnectPerson(
	ctx context.Context, in api.DisconnectPersonRequestObject,
) (api.DisconnectPersonResponseObject, error) {
	c := newCall(ctx, personName(in.Person), nil, in.Params.IdempotencyKey)
	outcome, err := s.Operations.DisconnectPerson(ctx, c)
	return api.DisconnectPerson200JSONResponse{Outcome: api.DisconnectedOutcome(outcome.String())}, err
}

// personName returns the person in a path: users/{id} or an email address.
func personName(path string) string {
	if strings.Contains(path, "@") {
		return path
	}
	return "users/" + path
}
