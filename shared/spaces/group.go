package spaces

import (
	"context"
	"slices"
	"strings"

	chatapi "google.golang.org/api/chat/v1"

	"example.com/deputy/shared/address"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/words"
)

// Group is a group conversation, and who of those asked for is in it.
type Group struct {
	Name    resource.SpaceName
	Address string
	Found   bool // it was there already
	Outcome
}

// GroupChat is the group conversation of a person with these members and no
// others: the one there is, or a new one. Found by the people themselves, it is
// safe to repeat.
func (s *Spaces) GroupChat(ctx context.Context, person resource.Person, key resource.Key, members []Member) (Group, error) {
	members, err := s.others(ctx, person, members)
	if err != nil {
		return Group{}, fault.Wrap("spaces.GroupChat", err)
	}
	users := []string{string(person), string(key)}
	for _, m := range members {
		users = append(users, m.User)
	}
	id, err := requestID(s.keys, "group", users...)
	if err != nil {
		return Group{}, fault.Wrap("spaces.GroupChat", err)
	}
	needed := []capability.Capability{capability.CreateSpaces, capability.ReadMembers}
	out, err := s.findGroup(ctx, person, users[2:], needed)
	if err == nil && out.Name == "" {
		var space *chatapi.Space
		space, err = do(ctx, s, person, s.api.Spaces.Setup(groupRequest(id, members)), needed...)
		if err == nil {
			out = Group{Name: resource.SpaceName(space.Name), Address: uri(space)}
		}
	}
	if err != nil {
		return Group{}, fault.Wrap("spaces.GroupChat", err)
	}
	out.Outcome = s.Finish(ctx, person, key, out.Name, members, nil, Rest{})
	return out, nil
}

// DirectMessage is the direct message of a person with another: the one there
// is, or a new one. Google finds it by itself, so it is safe to repeat.
func (s *Spaces) DirectMessage(ctx context.Context, person resource.Person, key resource.Key, member Member) (Group, error) {
	if member.group() {
		return Group{}, fault.New(fault.Invalid, words.GroupNoGroups)
	}
	id, err := requestID(s.keys, "direct", string(person), string(key), member.User)
	if err != nil {
		return Group{}, fault.Wrap("spaces.DirectMessage", err)
	}
	space, err := do(ctx, s, person, s.api.Spaces.Setup(&chatapi.SetUpSpaceRequest{RequestId: id, Space: &chatapi.Space{SpaceType: "DIRECT_MESSAGE"}, Memberships: memberships([]Member{member})}), capability.CreateSpaces)
	if err != nil {
		return Group{}, fault.Wrap("spaces.DirectMessage", err)
	}
	return Group{Name: resource.SpaceName(space.Name), Address: uri(space), Outcome: Outcome{Joined: []Member{member}}}, nil
}

// others are the members without doubles and without the person themself; at
// least two people, or an Invalid fault.
func (s *Spaces) others(ctx context.Context, person resource.Person, members []Member) ([]Member, error) {
	self := ""
	if slices.ContainsFunc(members, func(m Member) bool { return strings.Contains(m.User, "@") }) {
		email, err := s.auth.Email(ctx, person)
		if err != nil {
			return nil, err
		}
		self = "users/" + address.Lower(email)
	}
	var out []Member
	for _, m := range members {
		switch {
		case m.group():
			return nil, fault.New(fault.Invalid, words.GroupNoGroups)
		case m.User != string(person) && m.User != self && !slices.ContainsFunc(out, func(o Member) bool { return o.User == m.User }):
			out = append(out, m)
		}
	}
	switch n := len(out); {
	case n < 2:
		return nil, fault.New(fault.Invalid, words.GroupWho)
	case n > MaxMembers:
		return nil, fault.New(fault.Invalid, words.ErrorTooManyPeople, n, MaxMembers)
	}
	return out, nil
}

func (s *Spaces) findGroup(ctx context.Context, person resource.Person, users []string, takes []capability.Capability) (Group, error) {
	found, err := do(ctx, s, person, s.api.Spaces.FindGroupChats().Users(users...).PageSize(10), takes...)
	if err != nil || len(found.Spaces) == 0 {
		return Group{}, err
	}
	return Group{Name: resource.SpaceName(found.Spaces[0].Name), Address: uri(found.Spaces[0]), Found: true}, nil
}

func groupRequest(id string, members []Member) *chatapi.SetUpSpaceRequest {
	return &chatapi.SetUpSpaceRequest{RequestId: id, Space: &chatapi.Space{SpaceType: "GROUP_CHAT"}, Memberships: memberships(members)}
}
