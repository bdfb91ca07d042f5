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

// GetConnection tells whether a person is connected, and for what.
func (f function) GetConnection(ctx context.Context, in api.GetConnectionRequestObject) (api.GetConnectionResponseObject, error) {
	c, err := f.Operations.GetConnection(ctx, call(ctx, personIn(in.Person), nil, ""))
	return api.GetConnection200JSONResponse(connectionOf(c)), err
}

func connectionOf(c grants.Connection) api.Connection {
	out := api.Connection{Connected: c.Connected, Capabilities: []api.Capability{}}
	for _, capability := range c.Allowed {
		out.Capabilities = append(out.Capabilities, api.Capability(capability))
	}
	return out
}

// InvitePerson makes a link that only that person can use, or connects them by
// the code that an app of the same project has.
func (f function) InvitePerson(ctx context.Context, in api.InvitePersonRequestObject) (api.InvitePersonResponseObject, error) {
	b, c := in.Body, call(ctx, personIn(in.Person), nil, "")
	switch {
	case b.ServerAuthCode != nil && b.ClientType != nil && b.Capabilities == nil:
		connected, err := f.Operations.AcceptPerson(ctx, c, operations.AppCode{Code: config.NewSecret(*b.ServerAuthCode), ClientType: string(*b.ClientType)})
		return api.InvitePerson200JSONResponse(connectionOf(connected)), err
	case b.ServerAuthCode == nil && b.ClientType == nil && len(api.Value(b.Capabilities)) > 0:
		var asked []capability.Capability
		for _, c := range *b.Capabilities {
			asked = append(asked, capability.Capability(c))
		}
		link, err := f.Operations.InvitePerson(ctx, c, asked)
		return api.InvitePerson201JSONResponse{Invitation: link.Reveal()}, err
	}
	return nil, invalid(i18n.English("Send either capabilities, one at least, or serverAuthCode with clientType."))
}

// DisconnectPerson ends what a person allowed.
func (f function) DisconnectPerson(ctx context.Context, in api.DisconnectPersonRequestObject) (api.DisconnectPersonResponseObject, error) {
	outcome, err := f.Operations.DisconnectPerson(ctx, call(ctx, personIn(in.Person), nil, in.Params.IdempotencyKey))
	return api.DisconnectPerson200JSONResponse{Outcome: api.DisconnectedOutcome(outcome.String())}, err
}

// personIn is the person in a path: the id, or an e-mail address.
func personIn(path string) string {
	if strings.Contains(path, "@") {
		return path
	}
	return "users/" + path
}
