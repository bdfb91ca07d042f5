package createspace

import (
	"context"
	"reflect"
	"slices"
	"strings"

	"example.com/deputy/shared/api"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/strictjson"
)

// CreateSpace creates a space, or finds or creates a conversation.
func (s server) CreateSpace(
	ctx context.Context, in api.CreateSpaceRequestObject,
) (api.CreateSpaceResponseObject, error) {
	c := newCall(ctx, in.Body.ActAs, in.Body.Authority, in.Params.IdempotencyKey)
	if kind := api.Value(in.Body.SpaceType); kind == api.GROUPCHAT || kind == api.DIRECTMESSAGE {
		conversation, err := conversationFrom(*in.Body)
		if err != nil {
			return nil, err
		}
		return createdResponse(s.Operations.CreateConversation(ctx, c, conversation))
	}
	space, err := newSpaceFrom(*in.Body)
	if err != nil {
		return nil, err
	}
	for preference := range strings.SplitSeq(api.Value(in.Params.Prefer), ",") {
		space.Read = space.Read || strings.TrimSpace(preference) == "return=representation"
	}
	return createdResponse(s.Operations.CreateSpace(ctx, c, space))
}

// PlanSpace returns the requests to Google that CreateSpace would send.
func (s server) PlanSpace(ctx context.Context, in api.PlanSpaceRequestObject) (api.PlanSpaceResponseObject, error) {
	if kind := api.Value(in.Body.SpaceType); kind != "" && kind != api.SPACE {
		return nil, invalid(i18n.English("Only a SPACE can be planned, not a %s."), kind)
	}
	space, err := newSpaceFrom(*in.Body)
	if err != nil {
		return nil, err
	}
	requests, err := s.Operations.PlanSpace(ctx, newCall(ctx, in.Body.ActAs, in.Body.Authority, ""), space)
	out := api.PlanSpace200JSONResponse{Requests: []api.PlannedRequest{}}
	for _, p := range requests {
		request := api.PlannedRequest{Method: p.Method, Url: p.URL}
		if p.Body != nil {
			var body map[string]any
			if err := strictjson.Decode(p.Body, &body); err != nil {
				return out, fault.Wrap("createspace.PlanSpace", err)
			}
			request.Body = &body
		}
		out.Requests = append(out.Requests, request)
	}
	return out, err
}

func newSpaceFrom(b api.CreateSpace) (operations.NewSpace, error) {
	members, err := parseMembers(api.Value(b.Members))
	if err != nil {
		return operations.NewSpace{}, err
	}
	out := operations.NewSpace{
		Request: spaces.Request{
			DisplayName: api.Value(b.DisplayName), Description: api.Value(b.Description),
			Guidelines: api.Value(b.Guidelines), Members: members, External: b.ExternalUserAllowed,
			Discoverable: api.Value(b.Access) == api.DISCOVERABLE, Audience: api.Value(b.Audience),
			Announcements: api.Value(b.Kind) == api.ANNOUNCEMENTS,
			Rest: spaces.FollowUp{
				History: spaces.History(api.Value(b.History)), Permissions: permissionsFrom(b.Permissions),
				Access:    accessPermissionsFrom(b.AccessPermissions),
				AddTheApp: api.Value(b.AddTheApp), FirstMessage: api.Value(b.FirstMessage),
			},
		},
		Template: api.Value(b.Template),
	}
	for field, present := range map[operations.Field]bool{
		operations.Description: b.Description != nil, operations.Guidelines: b.Guidelines != nil,
		operations.Discoverable: b.Access != nil, operations.Announcements: b.Kind != nil,
		operations.AddTheApp: b.AddTheApp != nil, operations.FirstMessage: b.FirstMessage != nil,
	} {
		if present {
			out.IgnoreFields = append(out.IgnoreFields, field)
		}
	}
	slices.Sort(out.IgnoreFields)
	if onDuplicate := api.Value(b.OnDuplicate); onDuplicate != api.FAIL {
		out.OnDuplicate = operations.OnDuplicate(onDuplicate)
	}
	if b.Access != nil && api.Value(b.Audience) != "" && *b.Access == api.PRIVATE {
		return out, errPrivateAudience
	}
	return out, nil
}

func conversationFrom(b api.CreateSpace) (operations.NewConversation, error) {
	allowed := api.CreateSpace{ActAs: b.ActAs, Authority: b.Authority, SpaceType: b.SpaceType, Members: b.Members}
	if !reflect.DeepEqual(allowed, b) {
		text := i18n.English("A %s takes only the fields actAs, authority and members.")
		return operations.NewConversation{}, invalid(text, *b.SpaceType)
	}
	members, err := parseMembers(api.Value(b.Members))
	return operations.NewConversation{Direct: *b.SpaceType == api.DIRECTMESSAGE, Members: members}, err
}

// retryAfter is the Retry-After of a failure that may pass, in seconds.
const retryAfter = 30

func createdResponse(space operations.CreatedSpace, err error) (api.CreateSpaceResponseObject, error) {
	if err != nil {
		return nil, err
	}
	out := api.CreatedSpace{
		Name: api.Some(string(space.Name)), DisplayName: space.DisplayName, Address: api.Some(space.Address),
		Members: apiResults(space.Members), Steps: []api.Step{}, Reused: api.Some(space.Reused),
	}
	for _, s := range space.Steps {
		step := api.Step{
			Step: string(s.Step), State: string(s.State), Detail: api.Some(s.Detail), Message: api.Some(s.Message),
		}
		out.Steps = append(out.Steps, step)
	}
	if !space.Unfinished() {
		headers := api.CreateSpace201ResponseHeaders{ETag: api.Some(space.ETag)}
		return api.CreateSpace201JSONResponse{Body: out, Headers: headers}, nil
	}
	wait := int32(retryAfter)
	if space.Pending() {
		wait = 1 // the work exceeds the time of one request
	}
	headers := api.CreateSpace202ResponseHeaders{RetryAfter: &wait}
	return api.CreateSpace202JSONResponse{Body: out, Headers: headers}, nil
}
