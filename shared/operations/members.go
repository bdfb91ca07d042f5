package operations

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/spaces"
)

var (
	readMembers   = []capability.Capability{capability.ReadMembers}
	manageMembers = []capability.Capability{capability.ManageMembers}
)

// PageRequest selects a page of a list.
type PageRequest struct {
	Size  int64  // of the page, at most
	Token string // Google's page token; empty for the first page
}

// MembersPage is a page of the members of a space.
type MembersPage struct {
	Members []spaces.Membership
	Next    string // token of the next page; empty for none
}

// ListMembers lists the members of a space.
func (o *Operations) ListMembers(ctx context.Context, c Call, space resource.SpaceName, p PageRequest) (MembersPage,
	error,
) {
	op := operation{name: "listMembers", actions: []string{callers.ReadMembers}, space: space, needs: readMembers}
	return run(ctx, o, c, op, nil, func(a actor) (out MembersPage, _ effect, err error) {
		out.Members, out.Next, err = a.spaces.Members(ctx, a.person, space, p.Size, p.Token)
		return out, effect{}, err
	})
}

// Member names a member of a space.
type Member struct {
	Space resource.SpaceName // spaces/{id}
	User  string             // users/{id or email address}
}

// id returns the last part of the member's resource name.
func (m Member) id() string { return strings.TrimPrefix(m.User, "users/") }

// GetMember reads one member.
func (o *Operations) GetMember(ctx context.Context, c Call, m Member) (spaces.Membership, error) {
	op := operation{name: "getMember", actions: []string{callers.ReadMembers}, space: m.Space, needs: readMembers}
	return run(ctx, o, c, op, nil, func(a actor) (spaces.Membership, effect, error) {
		found, err := a.spaces.Member(ctx, a.person, m.Space, m.id())
		return found, effect{}, err
	})
}

// UpdateMember changes a member's role.
func (o *Operations) UpdateMember(ctx context.Context, c Call, m Member, role spaces.Role) (spaces.Membership, error) {
	op := operation{name: "updateMember", actions: []string{callers.WriteMembers}, space: m.Space, needs: manageMembers}
	return run(ctx, o, c, op, []any{m, role}, func(a actor) (spaces.Membership, effect, error) {
		updated, err := a.spaces.SetRole(ctx, a.person, m.Space, m.id(), role)
		return updated, effect{}, err
	})
}

// RemoveMember removes a member from a space. It succeeds if they are not in it.
func (o *Operations) RemoveMember(ctx context.Context, c Call, m Member) error {
	op := operation{name: "removeMember", actions: []string{callers.WriteMembers}, space: m.Space, needs: manageMembers}
	_, err := run(ctx, o, c, op, m, func(a actor) (struct{}, effect, error) {
		err := a.spaces.RemoveMember(ctx, a.person, m.Space, m.id())
		if err != nil && fault.KindOf(err) == fault.NotFound {
			// Listing fails if the space itself is missing, not the member.
			_, _, err = a.spaces.Members(ctx, a.person, m.Space, 1, "")
		}
		return struct{}{}, effect{}, err
	})
	return err
}

// NewMembers are to be added to a space.
type NewMembers struct {
	Space   resource.SpaceName // spaces/{id}
	Members []spaces.Member
}

// AddedMembers holds the result for each member, in the order of the request.
type AddedMembers struct {
	Members []MemberResult `json:"members"`
	// Added is the outcome of this attempt, for a reply in another language. It is not stored.
	Added spaces.Outcome `json:"-"`
}

// Pending reports whether a retry with the same key may add more of them.
func (a AddedMembers) Pending() bool { return anyPending(a.Members) }

// AddMembers adds people and groups, each with their own result.
func (o *Operations) AddMembers(ctx context.Context, c Call, in NewMembers) (AddedMembers, error) {
	in.Members = distinct(in.Members)
	if n := len(in.Members); n == 0 || n > spaces.MaxMembers {
		return AddedMembers{}, invalid(i18n.English("members must have 1 to %d entries."), spaces.MaxMembers)
	}
	op := operation{name: "addMembers", actions: []string{callers.WriteMembers}, space: in.Space, needs: manageMembers}
	if slices.ContainsFunc(in.Members, spaces.Member.IsGroupAddress) {
		op.needs = append(slices.Clone(manageMembers), capability.ResolveGroups)
	}
	return run(ctx, o, c, op, users(in.Members), func(a actor) (AddedMembers, effect, error) {
		if err := a.spaces.CheckCapabilities(ctx, a.person, op.needs...); err != nil {
			return AddedMembers{}, effect{}, err // one consent asks for all
		}
		return addMembers(ctx, a, in)
	})
}

// addMembers is one attempt. It skips members with a final result of an earlier attempt.
func addMembers(ctx context.Context, a actor, in NewMembers) (AddedMembers, effect, error) {
	settled := map[string]MemberResult{} // by resource name
	if a.attempt.Journal != nil {
		if err := json.Unmarshal(a.attempt.Journal, &settled); err != nil {
			return AddedMembers{}, effect{}, fault.Wrap("operations.addMembers", err)
		}
	}
	isSettled := func(m spaces.Member) bool { _, ok := settled[m.User]; return ok }
	left := slices.DeleteFunc(slices.Clone(in.Members), isSettled)
	found, err := a.spaces.ResolveGroups(ctx, a.person, left)
	if err != nil {
		return AddedMembers{}, effect{}, err
	}
	added, err := a.spaces.AddMembers(ctx, a.person, in.Space, found)
	if _, needs := capability.AsConsentError(err); err != nil && (needs || len(settled) == 0) {
		return AddedMembers{}, effect{}, err
	}
	results := memberResults(a, added, false)
	for i, m := range left {
		results[m.User] = results[found[i].User] // the request names a group by address
	}
	out := AddedMembers{Added: added}
	for _, m := range in.Members {
		r, ok := settled[m.User]
		if !ok {
			r = results[m.User]
		}
		if out.Members = append(out.Members, r); r.State != StatePending {
			settled[m.User] = r
		}
	}
	if !out.Pending() {
		return out, effect{}, nil
	}
	text, err := json.Marshal(settled)
	if err == nil {
		err = a.attempt.SaveJournal(context.WithoutCancel(ctx), text)
	}
	return out, effect{incomplete: true}, err
}
