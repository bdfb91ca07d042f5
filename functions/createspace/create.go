package createspace

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"

	"example.com/deputy/shared/api"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/spaces"
)

// CreateSpace makes a space, finds or makes a conversation, or, as a dry run,
// tells what that would ask of Google.
func (f function) CreateSpace(ctx context.Context, in api.CreateSpaceRequestObject) (api.CreateSpaceResponseObject, error) {
	c := call(ctx, in.Body.ActAs, in.Body.Authority, in.Params.IdempotencyKey)
	if kind := api.Value(in.Body.SpaceType); kind == api.GROUPCHAT || kind == api.DIRECTMESSAGE {
		conversation, err := conversationFrom(*in.Body)
		if err != nil {
			return nil, err
		}
		return created(f.Operations.CreateConversation(ctx, c, conversation))
	}
	space, err := newSpaceFrom(*in.Body)
	if err != nil {
		return nil, err
	}
	if api.Value(in.Body.DryRun) {
		return planned(f.Operations.PlanSpace(ctx, c, space))
	}
	return created(f.Operations.CreateSpace(ctx, c, space))
}

func newSpaceFrom(b api.CreateSpace) (operations.NewSpace, error) {
	members, err := membersOf(api.Value(b.Members))
	if err != nil {
		return operations.NewSpace{}, err
	}
	out := operations.NewSpace{
		Request: spaces.Request{
			DisplayName: api.Value(b.DisplayName), Description: api.Value(b.Description), Guidelines: api.Value(b.Guidelines), Members: members,
			Discoverable: api.Value(b.Access) == api.DISCOVERABLE, Audience: api.Value(b.Audience), Announcements: api.Value(b.Kind) == api.ANNOUNCEMENTS, External: b.ExternalUserAllowed,
			Rest: spaces.Rest{
				History: spaces.History(api.Value(b.History)), AddTheApp: api.Value(b.AddTheApp), First: api.Value(b.FirstMessage),
				Permissions: permissionsFrom(b.Permissions), Access: accessPermissionsFrom(b.AccessPermissions),
			},
		},
		Template: api.Value(b.Template),
	}
	for field, left := range map[operations.Field]bool{
		operations.Description: b.Description != nil, operations.Guidelines: b.Guidelines != nil, operations.Discoverable: b.Access != nil,
		operations.Announcements: b.Kind != nil, operations.AddTheApp: b.AddTheApp != nil, operations.FirstMessage: b.FirstMessage != nil,
	} {
		if left {
			out.Without = append(out.Without, field)
		}
	}
	slices.Sort(out.Without)
	if taken := api.Value(b.OnDuplicate); taken != api.FAIL {
		out.Taken = operations.Taken(taken)
	}
	if b.Access != nil && api.Value(b.Audience) != "" && *b.Access == api.PRIVATE {
		return out, errPrivate
	}
	return out, nil
}

func conversationFrom(b api.CreateSpace) (operations.NewConversation, error) {
	plain := api.CreateSpace{ActAs: b.ActAs, Authority: b.Authority, SpaceType: b.SpaceType, Members: b.Members}
	if !reflect.DeepEqual(plain, b) {
		return operations.NewConversation{}, invalid(i18n.English("A %s takes members, and nothing else but actAs and authority."), *b.SpaceType)
	}
	members, err := membersOf(api.Value(b.Members))
	return operations.NewConversation{Direct: *b.SpaceType == api.DIRECTMESSAGE, Members: members}, err
}

// retryAfter is in how many seconds what has failed may be sent again.
const retryAfter = 30

func created(made operations.CreatedSpace, err error) (api.CreateSpaceResponseObject, error) {
	if err != nil {
		return nil, err
	}
	answer := api.CreatedSpace{Name: string(made.Name), DisplayName: made.DisplayName, Address: made.Address, Members: resultsOf(made.Members), Steps: []api.Step{}, Reused: api.Some(made.Reused)}
	for _, s := range made.Steps {
		answer.Steps = append(answer.Steps, api.Step{Step: api.StepStep(s.Step), State: api.StepState(s.State), Detail: api.Some(s.Detail)})
	}
	if !made.Unfinished() {
		return api.CreateSpace201JSONResponse(answer), nil
	}
	wait := retryAfter
	if made.Pending() {
		wait = 1 // there is more to do than one request has time for
	}
	return api.CreateSpace202JSONResponse{Body: answer, Headers: api.CreateSpace202ResponseHeaders{RetryAfter: &wait}}, nil
}

func planned(requests []spaces.Planned, err error) (api.CreateSpaceResponseObject, error) {
	out := api.CreateSpace200JSONResponse{Requests: []api.PlannedRequest{}}
	for _, p := range requests {
		request := api.PlannedRequest{Method: p.Method, Url: p.URL}
		if p.Body != nil {
			var body map[string]any
			if err := json.Unmarshal(p.Body, &body); err != nil {
				return out, fault.Wrap("createspace.planned", err)
			}
			request.Body = &body
		}
		out.Requests = append(out.Requests, request)
	}
	return out, err
}
