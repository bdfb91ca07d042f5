package spaces

import (
	"context"
	"slices"
	"strings"

	chatapi "google.golang.org/api/chat/v1"

	"example.com/deputy/shared/address"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/words"
)

// EnsureGroupChat finds or creates the group conversation of a person with exactly these members. It is safe to repeat.
func (s *Spaces) EnsureGroupChat(
	ctx context.Context, person resource.Person, key resource.Key, members []Member,
) (CreatedSpace, error) {
	members, err := s.otherMembers(ctx, person, members)
	if err != nil {
		return CreatedSpace{}, fault.Wrap("spaces.EnsureGroupChat", err)
	}
	parts := []string{string(person), string(key)}
	for _, m := range members {
		parts = append(parts, m.User)
	}
	id, err := requestID(s.keys, "group", parts...)
	if err != nil {
		return CreatedSpace{}, fault.Wrap("spaces.EnsureGroupChat", err)
	}
	needed := []capability.Capability{capability.CreateSpaces, capability.ReadMembers}
	out, err := s.findGroup(ctx, person, parts[2:], needed)
	if err == nil && out.Name == "" {
		var space *chatapi.Space
		setup := s.api.Spaces.Setup(setupRequest(id, "GROUP_CHAT", members))
		if space, err = do(ctx, s, person, setup, needed...); err == nil {
			out = CreatedSpace{Name: resource.SpaceName(space.Name), Address: uri(space)}
		}
	}
	if err != nil {
		return CreatedSpace{}, fault.Wrap("spaces.EnsureGroupChat", err)
	}
	out.Outcome = s.Finish(ctx, person, key, out.Name, Request{Members: members})
	return out, nil
}

// EnsureDirectMessage finds or creates the direct message of a person with a member.
// It is safe to repeat: Google returns the existing one.
func (s *Spaces) EnsureDirectMessage(
	ctx context.Context, person resource.Person, key resource.Key, m Member,
) (CreatedSpace, error) {
	if m.group() {
		return CreatedSpace{}, fault.New(fault.Invalid, words.GroupNoGroups)
	}
	id, err := requestID(s.keys, "direct", string(person), string(key), m.User)
	if err != nil {
		return CreatedSpace{}, fault.Wrap("spaces.EnsureDirectMessage", err)
	}
	setup := s.api.Spaces.Setup(setupRequest(id, "DIRECT_MESSAGE", []Member{m}))
	space, err := do(ctx, s, person, setup, capability.CreateSpaces)
	if err != nil {
		return CreatedSpace{}, fault.Wrap("spaces.EnsureDirectMessage", err)
	}
	outcome := Outcome{Joined: []Member{m}}
	return CreatedSpace{Name: resource.SpaceName(space.Name), Address: uri(space), Outcome: outcome}, nil
}

// otherMembers returns the members without duplicates and without the person.
// Invalid if a group is among them, or if fewer than two people are left.
func (s *Spaces) otherMembers(ctx context.Context, person resource.Person, members []Member) ([]Member, error) {
	seen := map[string]bool{string(person): true}
	if slices.ContainsFunc(members, func(m Member) bool { return strings.Contains(m.User, "@") }) {
		email, err := s.auth.Email(ctx, person)
		if err != nil {
			return nil, err
		}
		seen["users/"+address.Lower(email)] = true
	}
	out := unseen(members, seen)
	switch n := len(out); {
	case slices.ContainsFunc(members, Member.group):
		return nil, fault.New(fault.Invalid, words.GroupNoGroups)
	case n < 2:
		return nil, fault.New(fault.Invalid, words.GroupWho)
	case n > MaxMembers:
		return nil, fault.New(fault.Invalid, words.ErrorTooManyPeople, n, MaxMembers)
	}
	return out, nil
}

func (s *Spaces) findGroup(
	ctx context.Context, person resource.Person, users []string, needed []capability.Capability,
) (CreatedSpace, error) {
	call := s.api.Spaces.FindGroupChats().Users(users...)
	fetch := pages(ctx, s, person, call, func(res *chatapi.FindGroupChatsResponse) page {
		return page{Items: res.Spaces, Next: res.NextPageToken}
	}, needed...)
	found, _, err := googlecall.List(1, func(size int64, token string) (page, error) {
		return fetch(min(size, 30), token) // Google's limit
	})
	if err != nil || len(found) == 0 {
		return CreatedSpace{}, err
	}
	space := found[0]
	return CreatedSpace{Name: resource.SpaceName(space.Name), Address: uri(space), Found: true}, nil
}

func setupRequest(id, spaceType string, members []Member) *chatapi.SetUpSpaceRequest {
	space := &chatapi.Space{SpaceType: spaceType}
	return &chatapi.SetUpSpaceRequest{RequestId: id, Space: space, Memberships: memberships(members)}
}
