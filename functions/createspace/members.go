package createspace

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"example.com/deputy/shared/api"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/userauth"
	"example.com/deputy/shared/words"
)

var managing = []capability.Capability{capability.ManageMembers}

// ListMembers lists who is in a space.
func (f function) ListMembers(ctx context.Context, in api.ListMembersRequestObject) (api.ListMembersResponseObject, error) {
	cursor, err := readCursor(value(in.Params.PageToken), in.Params.ActAs, by(in.Params.Authority), in.Space)
	if err != nil {
		return nil, err
	}
	size, err := sizeOf(in.Params.PageSize)
	if err != nil {
		return nil, err
	}
	a := act{only(callers.ReadMembers), in.Params.ActAs, by(in.Params.Authority), "spaces/" + in.Space, "", []capability.Capability{capability.ReadMembers}}
	return final(as(ctx, f, a, nil, func(who actor) (api.ListMembers200JSONResponse, done, error) {
		out := api.ListMembers200JSONResponse{Members: []api.Member{}}
		list, next, err := who.spaces.Members(ctx, who.person, a.space, size, cursor)
		for _, m := range list {
			out.Members = append(out.Members, memberOf(m))
		}
		out.NextPageToken = some(writeCursor(next, in.Params.ActAs, by(in.Params.Authority), in.Space))
		return out, done{}, err
	}))
}

// AddMembers adds people and groups; each has a result of their own.
func (f function) AddMembers(ctx context.Context, in api.AddMembersRequestObject) (api.AddMembersResponseObject, error) {
	members, err := membersOf(in.Body.Members)
	if err != nil {
		return nil, err
	}
	members = distinct(members)
	if n := len(members); n == 0 || n > spaces.MaxMembers {
		return nil, invalid(words.English("members must be 1 to %d."), spaces.MaxMembers)
	}
	a := act{only(callers.WriteMembers), in.Body.ActAs, by(in.Body.Authority), "spaces/" + in.Space, in.Params.IdempotencyKey, managing}
	if slices.ContainsFunc(members, spaces.Member.ByAddress) {
		a.needs = append(slices.Clone(managing), capability.ResolveGroups)
	}
	answer, incomplete, err := as(ctx, f, a, in.Body, func(who actor) (api.MemberResults, done, error) {
		if err := who.spaces.Ready(ctx, who.person, a.needs...); err != nil {
			return api.MemberResults{}, done{}, err // one consent asks for all
		}
		return addMembers(ctx, who, a.space, members)
	})
	switch {
	case err != nil:
		return nil, err
	case incomplete:
		return api.AddMembers202JSONResponse{Body: answer, Headers: api.AddMembers202ResponseHeaders{RetryAfter: some(retryAfter)}}, nil
	}
	return api.AddMembers200JSONResponse(answer), nil
}

// addMembers is one try. Those of whom a try before has told for good are not
// tried again.
func addMembers(ctx context.Context, who actor, space string, members []spaces.Member) (api.MemberResults, done, error) {
	out := api.MemberResults{Members: []api.MemberResult{}}
	settled := map[string]api.MemberResult{} // by what the caller calls them
	if who.try.Journal != nil {
		if err := json.Unmarshal(who.try.Journal, &settled); err != nil {
			return out, done{}, fault.Wrap("createspace.addMembers", err)
		}
	}
	left := slices.DeleteFunc(slices.Clone(members), func(m spaces.Member) bool { _, is := settled[m.Label]; return is })
	found, err := who.spaces.Resolve(ctx, who.person, left)
	if err != nil {
		return out, done{}, err
	}
	added, err := who.spaces.Invite(ctx, who.person, space, found)
	if _, needs := userauth.Needed(err); err != nil && (needs || len(settled) == 0) {
		return out, done{}, err
	}
	states := resultsOf(who, spaces.Outcome{Joined: added.Joined, Invited: added.Invited, Failed: added.Failed}, false)
	came := done{}
	for i, m := range left {
		states[m.User] = states[found[i].User] // a group had an address only
	}
	for _, m := range members {
		r, before := settled[m.Label]
		if !before {
			r = states[m.User]
		}
		if out.Members = append(out.Members, r); r.State == api.MemberResultStatePENDING {
			came.incomplete = true
		} else {
			settled[m.Label] = r
		}
	}
	if came.incomplete {
		text, err := json.Marshal(settled)
		if err == nil {
			err = who.try.Keep(context.WithoutCancel(ctx), text)
		}
		return out, came, err
	}
	return out, came, nil
}

// GetMember reads one member.
func (f function) GetMember(ctx context.Context, in api.GetMemberRequestObject) (api.GetMemberResponseObject, error) {
	member, err := memberName(in.Member)
	if err != nil {
		return nil, err
	}
	a := act{only(callers.ReadMembers), in.Params.ActAs, by(in.Params.Authority), "spaces/" + in.Space, "", []capability.Capability{capability.ReadMembers}}
	return final(as(ctx, f, a, nil, func(who actor) (api.GetMember200JSONResponse, done, error) {
		out, err := who.spaces.Member(ctx, who.person, a.space, member)
		return api.GetMember200JSONResponse(memberOf(out)), done{}, err
	}))
}

// roles are those of the API in Google's words.
var roles = map[api.Role]spaces.Role{api.MEMBER: spaces.RoleMember, api.MANAGER: spaces.RoleManager, api.OWNER: spaces.RoleOwner}

// UpdateMember changes a member's role.
func (f function) UpdateMember(ctx context.Context, in api.UpdateMemberRequestObject) (api.UpdateMemberResponseObject, error) {
	member, err := memberName(in.Member)
	if err != nil {
		return nil, err
	}
	a := act{only(callers.WriteMembers), in.Body.ActAs, by(in.Body.Authority), "spaces/" + in.Space, in.Params.IdempotencyKey, managing}
	return final(as(ctx, f, a, []any{member, in.Body}, func(who actor) (api.UpdateMember200JSONResponse, done, error) {
		now, err := who.spaces.SetRole(ctx, who.person, a.space, member, roles[in.Body.Role])
		return api.UpdateMember200JSONResponse(memberOf(now)), done{}, err
	}))
}

// RemoveMember takes somebody out of a space; whoever is not in it is out.
func (f function) RemoveMember(ctx context.Context, in api.RemoveMemberRequestObject) (api.RemoveMemberResponseObject, error) {
	member, err := memberName(in.Member)
	if err != nil {
		return nil, err
	}
	a := act{only(callers.WriteMembers), in.Params.ActAs, by(in.Params.Authority), "spaces/" + in.Space, in.Params.IdempotencyKey, managing}
	return final(as(ctx, f, a, []any{member, "out"}, func(who actor) (api.RemoveMember204Response, done, error) {
		err := who.spaces.RemoveMember(ctx, who.person, a.space, member)
		if err != nil && fault.KindOf(err) == fault.NotFound {
			// Not the member is missing, if the space cannot be seen either.
			_, _, err = who.spaces.Members(ctx, who.person, a.space, 1, "")
		}
		return api.RemoveMember204Response{}, done{}, err
	}))
}

// memberName is a member in a path: the id or the e-mail address of a person.
func memberName(text string) (string, error) {
	name := text
	if !strings.Contains(text, "@") {
		name = "users/" + text
	}
	name, err := user(name, "The member in the path")
	return strings.TrimPrefix(name, "users/"), err
}

func memberOf(m spaces.Listed) api.Member {
	return api.Member{Member: m.User, DisplayName: some(m.DisplayName), Email: some(m.Email), State: m.State, Role: roleOf(m.Role)}
}
