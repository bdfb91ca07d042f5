package spaces

import (
	"context"
	"strings"

	"example.com/deputy/shared/address"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
)

// roster holds the state and name of each member of a space, by users/{id},
// users/{email address} and groups/{id}. A name may be empty.
type roster struct {
	state, label map[string]string
	alias        map[string]string // users/{email address} to users/{id}
}

func newRoster() roster { return roster{map[string]string{}, map[string]string{}, map[string]string{}} }

func (r roster) add(user, state, label string) { r.state[user], r.label[user] = state, label }

// readRoster reads at most 1,000 members, including invited people. It looks up members
// that the list does not name by their email address one by one. This check is
// necessary because Google leaves people out without an error (Chat API reference: spaces.members).
func (s *Spaces) readRoster(
	ctx context.Context, person resource.Person, space resource.SpaceName, members []Member,
) (roster, error) {
	out := newRoster()
	call := s.api.Spaces.Members.List(string(space)).ShowInvited(true).ShowGroups(true)
	list, err := s.listMembers(ctx, person, call, capability.ReadMembers)
	if err != nil {
		return out, err
	}
	for _, m := range list {
		switch {
		case m.Member != nil:
			out.add(m.Member.Name, m.State, m.Member.DisplayName)
			out.add("users/"+address.Lower(m.Member.Email), m.State, m.Member.DisplayName)
		case m.GroupMember != nil:
			out.add(m.GroupMember.Name, m.State, "")
		}
	}
	for _, m := range members {
		if _, listed := out.state[m.User]; listed || !strings.Contains(m.User, "@") {
			continue
		}
		state, err := s.memberState(ctx, person, space, m)
		if err != nil {
			return out, err
		}
		out.add(m.User, state, "")
	}
	return out, nil
}

// memberState returns the state of a member named by email address; empty if they are not in the space.
func (s *Spaces) memberState(
	ctx context.Context, person resource.Person, space resource.SpaceName, m Member,
) (string, error) {
	call := s.api.Spaces.Members.Get(string(space) + "/members/" + strings.TrimPrefix(m.User, "users/"))
	found, err := do(ctx, s, person, call, capability.ReadMembers)
	switch {
	case err != nil && fault.KindOf(err) == fault.NotFound:
		return "", nil
	case err != nil:
		return "", err
	}
	return found.State, nil
}
