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

// Page is a part of a list.
type Page struct {
	Size  int64  // of the page, at most
	Token string // Google's, of the page; empty for the first
}

// MembersPage is a page of the members of a space.
type MembersPage struct {
	Members []spaces.Listed
	Next    string // token of the next page; empty for none
}

// ListMembers lists who is in a space.
func (o *Operations) ListMembers(ctx context.Context, c Call, space resource.SpaceName, page Page) (MembersPage, error) {
	op := operation{name: "listMembers", actions: only(callers.ReadMembers), space: space, needs: readMembers}
	return run(ctx, o, c, op, nil, func(who actor) (out MembersPage, _ done, err error) {
		out.Members, out.Next, err = who.spaces.Members(ctx, who.person, space, page.Size, page.Token)
		return out, done{}, err
	})
}

// Member names a member of a space.
type Member struct {
	Space resource.SpaceName // spaces/{id}
	User  string             // users/{id or e-mail address}
}

// id is the last part of its resource name.
func (m Member) id() string { return strings.TrimPrefix(m.User, "users/") }

// GetMember reads one member.
func (o *Operations) GetMember(ctx context.Context, c Call, m Member) (spaces.Listed, error) {
	op := operation{name: "getMember", actions: only(callers.ReadMembers), space: m.Space, needs: readMembers}
	return run(ctx, o, c, op, nil, func(who actor) (spaces.Listed, done, error) {
		out, err := who.spaces.Member(ctx, who.person, m.Space, m.id())
		return out, done{}, err
	})
}

// UpdateMember changes a member's role.
func (o *Operations) UpdateMember(ctx context.Context, c Call, m Member, role spaces.Role) (spaces.Listed, error) {
	op := operation{name: "updateMember", actions: only(callers.WriteMembers), space: m.Space, needs: manageMembers}
	return run(ctx, o, c, op, []any{m, role}, func(who actor) (spaces.Listed, done, error) {
		now, err := who.spaces.SetRole(ctx, who.person, m.Space, m.id(), role)
		return now, done{}, err
	})
}

// RemoveMember takes somebody out of a space; whoever is not in it is out.
func (o *Operations) RemoveMember(ctx context.Context, c Call, m Member) error {
	op := operation{name: "removeMember", actions: only(callers.WriteMembers), space: m.Space, needs: manageMembers}
	_, err := run(ctx, o, c, op, m, func(who actor) (struct{}, done, error) {
		err := who.spaces.RemoveMember(ctx, who.person, m.Space, m.id())
		if err != nil && fault.KindOf(err) == fault.NotFound {
			// Not the member is missing, if the space cannot be seen either.
			_, _, err = who.spaces.Members(ctx, who.person, m.Space, 1, "")
		}
		return struct{}{}, done{}, err
	})
	return err
}

// NewMembers are to be added to a space.
type NewMembers struct {
	Space   resource.SpaceName // spaces/{id}
	Members []spaces.Member
}

// AddedMembers is what came of each, in the order of the request.
type AddedMembers struct {
	Members []MemberResult `json:"members"`
	// Added is what this try did, for who tells of it in another language. It is not
	// stored.
	Added spaces.Added `json:"-"`
}

// Pending reports whether some may be added later under the same key.
func (a AddedMembers) Pending() bool { return pending(a.Members) }

// AddMembers adds people and groups; each has a result of their own.
func (o *Operations) AddMembers(ctx context.Context, c Call, in NewMembers) (AddedMembers, error) {
	in.Members = distinct(in.Members)
	if n := len(in.Members); n == 0 || n > spaces.MaxMembers {
		return AddedMembers{}, invalid(i18n.English("members must be 1 to %d."), spaces.MaxMembers)
	}
	op := operation{name: "addMembers", actions: only(callers.WriteMembers), space: in.Space, needs: manageMembers}
	if slices.ContainsFunc(in.Members, spaces.Member.ByAddress) {
		op.needs = append(slices.Clone(manageMembers), capability.ResolveGroups)
	}
	return run(ctx, o, c, op, users(in.Members), func(who actor) (AddedMembers, done, error) {
		if err := who.spaces.Ready(ctx, who.person, op.needs...); err != nil {
			return AddedMembers{}, done{}, err // one consent asks for all
		}
		return addMembers(ctx, who, in)
	})
}

// addMembers is one try. Those of whom a try before has told for good are not
// tried again.
func addMembers(ctx context.Context, who actor, in NewMembers) (AddedMembers, done, error) {
	settled := map[string]MemberResult{} // by resource name
	if who.try.Journal != nil {
		if err := json.Unmarshal(who.try.Journal, &settled); err != nil {
			return AddedMembers{}, done{}, fault.Wrap("operations.addMembers", err)
		}
	}
	left := slices.DeleteFunc(slices.Clone(in.Members), func(m spaces.Member) bool { _, is := settled[m.User]; return is })
	found, err := who.spaces.Resolve(ctx, who.person, left)
	if err != nil {
		return AddedMembers{}, done{}, err
	}
	added, err := who.spaces.Invite(ctx, who.person, in.Space, found)
	if _, needs := capability.AsConsentError(err); err != nil && (needs || len(settled) == 0) {
		return AddedMembers{}, done{}, err
	}
	states := resultsOf(who, spaces.Outcome{Joined: added.Joined, Invited: added.Invited, Failed: added.Failed}, false)
	for i, m := range left {
		states[m.User] = states[found[i].User] // a group had an address only
	}
	out := AddedMembers{Added: added}
	for _, m := range in.Members {
		r, before := settled[m.User]
		if !before {
			r = states[m.User]
		}
		if out.Members = append(out.Members, r); r.State != StatePending {
			settled[m.User] = r
		}
	}
	if !out.Pending() {
		return out, done{}, nil
	}
	text, err := json.Marshal(settled)
	if err == nil {
		err = who.try.Keep(context.WithoutCancel(ctx), text)
	}
	return out, done{incomplete: true}, err
}
