package createspace

import (
	"context"
	"strings"

	"example.com/deputy/shared/api"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/operations"
)

func (s server) GetConnection(
	ctx context.Context, in api.GetConnectionRequestObject,
) (api.GetConnectionResponseObject, error) {
	c, err := s.Operations.GetConnection(ctx, newCall(ctx, personName(in.Person), nil, ""))
	return api.GetConnection200JSONResponse(apiConnection(c)), err
}

func apiConnection(c grants.Connection) api.Connection {
	out := api.Connection{
		Connected: c.Connected, Capabilities: capability.Names(c.Allowed), Approvals: []api.GivenApproval{},
	}
	for _, a := range c.Approvals {
		given := api.GivenApproval{Authority: string(a.Authority), Actions: []string{}}
		for _, action := range a.Actions {
			given.Actions = append(given.Actions, action.Action)
		}
		out.Approvals = append(out.Approvals, given)
	}
	return out
}

// InvitePerson returns a link that only that person can use.
func (s server) InvitePerson(
	ctx context.Context, in api.InvitePersonRequestObject,
) (api.InvitePersonResponseObject, error) {
	var asked []capability.Capability
	for _, c := range in.Body.Capabilities {
		asked = append(asked, capability.Capability(c))
	}
	link, err := s.Operations.InvitePerson(ctx, newCall(ctx, personName(in.Person), nil, ""), asked)
	return api.InvitePerson201JSONResponse{Invitation: link.Reveal()}, err
}

// ConnectPerson connects a person by the server auth code of an app of the same project.
func (s server) ConnectPerson(
	ctx context.Context, in api.ConnectPersonRequestObject,
) (api.ConnectPersonResponseObject, error) {
	code := operations.AppCode{Code: config.NewSecret(in.Body.ServerAuthCode), ClientType: string(in.Body.ClientType)}
	connection, err := s.Operations.AcceptPerson(ctx, newCall(ctx, personName(in.Person), nil, ""), code)
	return api.ConnectPerson200JSONResponse(apiConnection(connection)), err
}

func (s server) DisconnectPerson(
	ctx context.Context, in api.DisconnectPersonRequestObject,
) (api.DisconnectPersonResponseObject, error) {
	c := newCall(ctx, personName(in.Person), nil, in.Params.IdempotencyKey)
	outcome, err := s.Operations.DisconnectPerson(ctx, c)
	return api.DisconnectPerson200JSONResponse{Outcome: string(outcome)}, err
}

// personName returns the person in a path: users/{id} or an email address.
func personName(path string) string {
	if strings.Contains(path, "@") {
		return path
	}
	return "users/" + path
}
