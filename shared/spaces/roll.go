package spaces

import (
	"context"
	"strings"

	"example.com/deputy/shared/address"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
)

// roll is who is in a space: for users/{id}, users/{e-mail} and groups/{id}
// their state and name, as far as Google tells it.
type roll struct {
	state, label map[string]string
	alias        map[string]string // other names of users: the id of an e-mail address
}

func newRoll() roll { return roll{map[string]string{}, map[string]string{}, map[string]string{}} }

func (r roll) note(user, state, label string) { r.state[user], r.label[user] = state, label }

// roll reads who is in, at most 1,000, also those invited. Those of the members
// that are known by e-mail only, and whom the list does not name so, are asked
// for one by one: Google leaves people out without an error, so everybody has
// to be looked for (chat-protocol.md 6.3).
func (s *Spaces) roll(ctx context.Context, person resource.Person, space resource.SpaceName, members []Member) (roll, error) {
	out := newRoll()
	list, err := s.list1000(ctx, person, s.api.Spaces.Members.List(string(space)).ShowInvited(true).ShowGroups(true), capability.ReadMembers)
	if err != nil {
		return out, err
	}
	for _, m := range list {
		switch {
		case m.Member != nil:
			out.note(m.Member.Name, m.State, m.Member.DisplayName)
			out.note("users/"+address.Lower(m.Member.Email), m.State, m.Member.DisplayName)
		case m.GroupMember != nil:
			out.note(m.GroupMember.Name, m.State, "")
		}
	}
	for _, m := range members {
		if _, listed := out.state[m.User]; listed || !strings.Contains(m.User, "@") {
			continue
		}
		state, err := s.member(ctx, person, space, m)
		if err != nil {
			return out, err
		}
		out.note(m.User, state, "")
	}
	return out, nil
}

// member is the state of a member known by e-mail, empty for one who is not in.
func (s *Spaces) member(ctx context.Context, person resource.Person, space resource.SpaceName, m Member) (string, error) {
	found, err := do(ctx, s, person, s.api.Spaces.Members.Get(string(space)+"/members/"+strings.TrimPrefix(m.User, "users/")), capability.ReadMembers)
	switch {
	case err != nil && fault.KindOf(err) == fault.NotFound:
		return "", nil
	case err != nil:
		return "", err
	}
	return found.State, nil
}
