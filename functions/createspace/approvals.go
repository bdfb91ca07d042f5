package createspace

import (
	"context"
	"time"

	"example.com/deputy/shared/api"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/operations"
)

// RequestApproval returns one link that asks a person to approve several actions.
func (s server) RequestApproval(
	ctx context.Context, in api.RequestApprovalRequestObject,
) (api.RequestApprovalResponseObject, error) {
	c := newCall(ctx, in.Body.ActAs, in.Body.Authority, in.Params.IdempotencyKey)
	wish := operations.NewApproval{ReturnAddress: api.Value(in.Body.ReturnAddress)}
	for _, action := range in.Body.Actions {
		wish.Actions = append(wish.Actions, string(action))
	}
	for _, c := range api.Value(in.Body.Capabilities) {
		wish.Capabilities = append(wish.Capabilities, capability.Capability(c))
	}
	a, err := s.Operations.RequestApproval(ctx, c, wish)
	return api.RequestApproval201JSONResponse(apiApproval(a)), err
}

// GetApproval returns what a person answered.
func (s server) GetApproval(
	ctx context.Context, in api.GetApprovalRequestObject,
) (api.GetApprovalResponseObject, error) {
	a, err := s.Operations.GetApproval(ctx, stateFrom(ctx).caller, in.Approval)
	return api.GetApproval200JSONResponse(apiApproval(a)), err
}

func apiApproval(a operations.Approval) api.Approval {
	out := api.Approval{
		Name: "approvals/" + a.ID, State: string(a.State), Actions: a.Actions, Authority: string(a.Authority),
		Given: append([]string{}, a.Given...), CreateTime: a.Created.Format(time.RFC3339),
		ExpireTime: a.Expires.Format(time.RFC3339),
	}
	if a.State == operations.ApprovalWaiting {
		out.Invitation = api.Some(a.Invitation.Reveal())
	}
	return out
}
