package createspace

import (
	"context"
	"net/url"
	"strings"

	"example.com/deputy/shared/api"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/spaces"
)

func (s server) ListMembers(
	ctx context.Context, in api.ListMembersRequestObject,
) (api.ListMembersResponseObject, error) {
	c := newCall(ctx, in.Params.ActAs, in.Params.Authority, "")
	list := newListID(c, in.Space)
	page, err := list.decode(in.Params.PageSize, in.Params.PageToken)
	if err != nil {
		return nil, err
	}
	found, err := s.Operations.ListMembers(ctx, c, spaceName(in.Space), page)
	out := api.ListMembers200JSONResponse{Members: []api.Member{}, NextPageToken: list.encode(found.Next)}
	for _, m := range found.Members {
		out.Members = append(out.Members, apiMember(in.Space, m))
	}
	return out, err
}

func (s server) AddMembers(ctx context.Context, in api.AddMembersRequestObject) (api.AddMembersResponseObject, error) {
	members, err := parseMembers(in.Body.Members)
	if err != nil {
		return nil, err
	}
	c := newCall(ctx, in.Body.ActAs, in.Body.Authority, in.Params.IdempotencyKey)
	added, err := s.Operations.AddMembers(ctx, c, operations.NewMembers{Space: spaceName(in.Space), Members: members})
	out := api.MemberResults{Members: apiResults(added.Members)}
	switch {
	case err != nil:
		return nil, err
	case added.Pending():
		headers := api.AddMembers202ResponseHeaders{RetryAfter: api.Some(int32(retryAfter))}
		return api.AddMembers202JSONResponse{Body: out, Headers: headers}, nil
	}
	return api.AddMembers200JSONResponse(out), nil
}

func (s server) GetMember(ctx context.Context, in api.GetMemberRequestObject) (api.GetMemberResponseObject, error) {
	member, err := memberFrom(in.Space, in.Member)
	if err != nil {
		return nil, err
	}
	found, err := s.Operations.GetMember(ctx, newCall(ctx, in.Params.ActAs, in.Params.Authority, ""), member)
	return api.GetMember200JSONResponse(apiMember(in.Space, found)), err
}

// roles maps the API's roles to Google's.
var roles = map[api.Role]spaces.Role{
	api.MEMBER: spaces.RoleMember, api.MANAGER: spaces.RoleManager, api.OWNER: spaces.RoleOwner,
}

func (s server) UpdateMember(
	ctx context.Context, in api.UpdateMemberRequestObject,
) (api.UpdateMemberResponseObject, error) {
	member, err := memberFrom(in.Space, in.Member)
	if err != nil {
		return nil, err
	}
	c := newCall(ctx, in.Body.ActAs, in.Body.Authority, in.Params.IdempotencyKey)
	updated, err := s.Operations.UpdateMember(ctx, c, member, roles[in.Body.Role])
	return api.UpdateMember200JSONResponse(apiMember(in.Space, updated)), err
}

func (s server) RemoveMember(
	ctx context.Context, in api.RemoveMemberRequestObject,
) (api.RemoveMemberResponseObject, error) {
	member, err := memberFrom(in.Space, in.Member)
	if err != nil {
		return nil, err
	}
	c := newCall(ctx, in.Params.ActAs, in.Params.Authority, in.Params.IdempotencyKey)
	return api.RemoveMember204Response{}, s.Operations.RemoveMember(ctx, c, member)
}

// memberFrom returns the member in a path: a person's id or email address, or groups/{id or email address}.
func memberFrom(space api.SpaceID, name string) (operations.Member, error) {
	if !strings.ContainsAny(name, "@/") {
		name = "users/" + name
	}
	user, ok := resource.ParseMember(name)
	if !ok {
		return operations.Member{}, invalid(i18n.English("The member in the path must be a person's id or email " +
			"address, or groups%%2F{id or email address}."))
	}
	return operations.Member{Space: spaceName(space), User: user}, nil
}

func apiMember(space api.SpaceID, m spaces.Membership) api.Member {
	id := url.PathEscape(strings.TrimPrefix(m.User, "users/"))
	return api.Member{
		Name:   "spaces/" + space + "/members/" + id,
		Member: m.User, DisplayName: api.Some(m.DisplayName), Email: api.Some(m.Email), State: m.State,
		Role: apiRole(m.Role),
	}
}

func apiResults(members []operations.MemberResult) []api.MemberResult {
	out := []api.MemberResult{}
	for _, m := range members {
		state := string(m.State)
		out = append(out, api.MemberResult{Member: m.Member, State: state, Detail: api.Some(m.Detail)})
	}
	return out
}
