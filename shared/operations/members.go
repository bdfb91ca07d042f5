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
	return run(ctx, o, c, op, nil, func(a actor) (out MembersPage, err error) {
		out.Members, out.Next, err = a.spaces.Members(ctx, a.person, space, p.Size, p.Token)
		return out, err
	})
}

// Member names a member of a space.
type Member struct {
	Space resource.SpaceName // spaces/{id}
	User  string             // users/{id or email address}, or groups/{id or email address}
}

// id returns the last part of a person's resource name.
func (m Member) id() string { return strings.TrimPrefix(m.User, "users/") }

func (m Member) isGroup() bool { return strings.HasPrefix(m.User, "groups/") }

// needs returns the capabilities for an operation on the member.
func (m Member) needs(c ...capability.Capability) []capability.Capability {
	if (spaces.Member{User: m.User}).IsGroupAddress() {
		return append(slices.Clone(c), capability.ResolveGroups)
	}
	return c
}

// GetMember reads one member.
func (o *Operations) GetMember(ctx context.Context, c Call, m Member) (spaces.Membership, error) {
	needs := m.needs(capability.ReadMembers)
	op := operation{name: "getMember", actions: []string{callers.ReadMembers}, space: m.Space, needs: needs}
	return run(ctx, o, c, op, nil, func(a actor) (spaces.Membership, error) {
		return a.findMember(ctx, m, capability.ReadMembers)
	})
}

// findMember returns a person or a group in a space.
func (a actor) findMember(ctx context.Context, m Member, needed capability.Capability) (spaces.Membership, error) {
	if m.isGroup() {
		found, ok, err := a.findGroup(ctx, m, needed)
		if err == nil && !ok {
			err = fault.New(fault.NotFound, i18n.English("This group isn't a member of the space."))
		}
		return found, err
	}
	found, err := a.spaces.Member(ctx, a.person, m.Space, m.id())
	if err != nil && fault.KindOf(err) == fault.NotFound {
		err = a.explainAbsence(ctx, m, err, needed)
	}
	return found, err
}

func (a actor) findGroup(
	ctx context.Context, m Member, needed capability.Capability,
) (found spaces.Membership, ok bool, err error) {
	resolved, err := a.spaces.ResolveGroups(ctx, a.person, []spaces.Member{{User: m.User}})
	if err != nil {
		return found, false, err
	}
	groups, err := a.spaces.Groups(ctx, a.person, m.Space, needed)
	i := slices.IndexFunc(groups, func(g spaces.Membership) bool { return g.User == resolved[0].User })
	if err != nil || i < 0 {
		return found, false, err
	}
	return groups[i], true, nil
}

// explainAbsence returns absent, the error for a person who is not a direct member, unless the space is missing or has
// groups, through which the person may be in.
func (a actor) explainAbsence(ctx context.Context, m Member, absent error, needed capability.Capability) error {
	groups, err := a.spaces.Groups(ctx, a.person, m.Space, needed)
	switch {
	case err != nil:
		return err
	case len(groups) > 0:
		return fault.New(fault.NotFound, i18n.English("This person isn't a direct member. Google groups are members "+
			"of this space, and the person may be in through one. Remove the person from the group, or remove the "+
			"group from the space."))
	}
	return absent
}

// UpdateMember changes a member's role.
func (o *Operations) UpdateMember(ctx context.Context, c Call, m Member, role spaces.Role) (spaces.Membership, error) {
	if m.isGroup() {
		return spaces.Membership{}, invalid(i18n.English("A group has no role."))
	}
	op := operation{name: "updateMember", actions: []string{callers.WriteMembers}, space: m.Space, needs: manageMembers}
	return run(ctx, o, c, op, []any{m, role}, func(a actor) (spaces.Membership, error) {
		return a.spaces.SetRole(ctx, a.person, m.Space, m.id(), role)
	})
}

// RemoveMember removes a member from a space. It succeeds if they are not in it, neither directly nor perhaps through a
// group.
func (o *Operations) RemoveMember(ctx context.Context, c Call, m Member) error {
	needs := m.needs(capability.ManageMembers)
	op := operation{name: "removeMember", actions: []string{callers.WriteMembers}, space: m.Space, needs: needs}
	_, err := run(ctx, o, c, op, m, func(a actor) (struct{}, error) {
		return struct{}{}, a.removeMember(ctx, m)
	})
	return err
}

func (a actor) removeMember(ctx context.Context, m Member) error {
	name := string(m.Space) + "/members/" + m.id()
	if m.isGroup() {
		found, ok, err := a.findGroup(ctx, m, capability.ManageMembers)
		if err != nil || !ok {
			return err
		}
		name = found.Name
	}
	err := a.spaces.RemoveMember(ctx, a.person, name)
	switch {
	case err == nil || fault.KindOf(err) != fault.NotFound:
		return err
	case m.isGroup():
		return nil
	}
	return a.explainAbsence(ctx, m, nil, capability.ManageMembers)
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
	return run(ctx, o, c, op, users(in.Members), func(a actor) (AddedMembers, error) {
		if err := a.spaces.CheckCapabilities(ctx, a.person, op.needs...); err != nil {
			return AddedMembers{}, err // one consent asks for all
		}
		return addMembers(ctx, a, in)
	})
}

// addMembers is one attempt. It skips members with a final result of an earlier attempt.
func addMembers(ctx context.Context, a actor, in NewMembers) (AddedMembers, error) {
	settled := map[string]MemberResult{} // by resource name
	if a.attempt.Journal != nil {
		if err := json.Unmarshal(a.attempt.Journal, &settled); err != nil {
			return AddedMembers{}, fault.Wrap("operations.addMembers", err)
		}
	}
	isSettled := func(m spaces.Member) bool { _, ok := settled[m.User]; return ok }
	left := slices.DeleteFunc(slices.Clone(in.Members), isSettled)
	found, err := a.spaces.ResolveGroups(ctx, a.person, left)
	if err != nil {
		return AddedMembers{}, err
	}
	added, err := a.spaces.AddMembers(ctx, a.person, in.Space, found)
	if _, needs := capability.AsConsentError(err); err != nil && (needs || len(settled) == 0) {
		return AddedMembers{}, err
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
	if a.done.incomplete = out.Pending(); !a.done.incomplete {
		return out, nil
	}
	text, err := json.Marshal(settled)
	if err == nil {
		err = a.attempt.SaveJournal(context.WithoutCancel(ctx), text)
	}
	return out, err
}
