package createspace

import (
	"context"
	"strings"

	"example.com/deputy/shared/api"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/spaces"
)

// ListMembers lists who is in a space.
func (f function) ListMembers(ctx context.Context, in api.ListMembersRequestObject) (api.ListMembersResponseObject, error) {
	c := call(ctx, in.Params.ActAs, in.Params.Authority, "")
	list := listOf(c, in.Space)
	page, err := list.read(in.Params.PageSize, in.Params.PageToken)
	if err != nil {
		return nil, err
	}
	found, err := f.Operations.ListMembers(ctx, c, spaceIn(in.Space), page)
	out := api.ListMembers200JSONResponse{Members: []api.Member{}, NextPageToken: list.write(found.Next)}
	for _, m := range found.Members {
		out.Members = append(out.Members, memberOf(m))
	}
	return out, err
}

// AddMembers adds people and groups; each has a result of their own.
func (f function) AddMembers(ctx context.Context, in api.AddMembersRequestObject) (api.AddMembersResponseObject, error) {
	members, err := membersOf(in.Body.Members)
	if err != nil {
		return nil, err
	}
	c := call(ctx, in.Body.ActAs, in.Body.Authority, in.Params.IdempotencyKey)
	added, err := f.Operations.AddMembers(ctx, c, operations.NewMembers{Space: spaceIn(in.Space), Members: members})
	answer := api.MemberResults{Members: resultsOf(added.Members)}
	switch {
	case err != nil:
		return nil, err
	case added.Pending():
		return api.AddMembers202JSONResponse{Body: answer, Headers: api.AddMembers202ResponseHeaders{RetryAfter: api.Some(retryAfter)}}, nil
	}
	return api.AddMembers200JSONResponse(answer), nil
}

// GetMember reads one member.
func (f function) GetMember(ctx context.Context, in api.GetMemberRequestObject) (api.GetMemberResponseObject, error) {
	member, err := memberFrom(in.Space, in.Member)
	if err != nil {
		return nil, err
	}
	found, err := f.Operations.GetMember(ctx, call(ctx, in.Params.ActAs, in.Params.Authority, ""), member)
	return api.GetMember200JSONResponse(memberOf(found)), err
}

// roles are those of the API in Google's words.
var roles = map[api.Role]spaces.Role{api.MEMBER: spaces.RoleMember, api.MANAGER: spaces.RoleManager, api.OWNER: spaces.RoleOwner}

// UpdateMember changes a member's role.
func (f function) UpdateMember(ctx context.Context, in api.UpdateMemberRequestObject) (api.UpdateMemberResponseObject, error) {
	member, err := memberFrom(in.Space, in.Member)
	if err != nil {
		return nil, err
	}
	now, err := f.Operations.UpdateMember(ctx, call(ctx, in.Body.ActAs, in.Body.Authority, in.Params.IdempotencyKey), member, roles[in.Body.Role])
	return api.UpdateMember200JSONResponse(memberOf(now)), err
}

// RemoveMember takes somebody out of a space.
func (f function) RemoveMember(ctx context.Context, in api.RemoveMemberRequestObject) (api.RemoveMemberResponseObject, error) {
	member, err := memberFrom(in.Space, in.Member)
	if err != nil {
		return nil, err
	}
	err = f.Operations.RemoveMember(ctx, call(ctx, in.Params.ActAs, in.Params.Authority, in.Params.IdempotencyKey), member)
	return api.RemoveMember204Response{}, err
}

// memberFrom is a member in a path: the id or the e-mail address of a person.
func memberFrom(space api.SpaceID, named string) (operations.Member, error) {
	if !strings.Contains(named, "@") {
		named = "users/" + named
	}
	name, err := user(named, "The member in the path")
	return operations.Member{Space: spaceIn(space), User: name}, err
}

func memberOf(m spaces.Listed) api.Member {
	return api.Member{Member: m.User, DisplayName: api.Some(m.DisplayName), Email: api.Some(m.Email), State: m.State, Role: roleOf(m.Role)}
}

func resultsOf(members []operations.MemberResult) []api.MemberResult {
	out := []api.MemberResult{}
	for _, m := range members {
		out = append(out, api.MemberResult{Member: m.Member, State: api.MemberResultState(m.State), Detail: api.Some(m.Detail)})
	}
	return out
}
