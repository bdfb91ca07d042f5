package spaces

import (
	"cmp"
	"context"

	chatapi "google.golang.org/api/chat/v1"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/resource"
)

// Participants are the people in a space that a person can see, and its groups.
type Participants struct {
	People []Participant
	Groups int  // the number of groups, whose people are not listed
	More   bool // there are more people
}

// Participant is a person in a space.
type Participant struct {
	User  resource.Person
	Label string // their name or email address; empty if Google omits both
	Email string // empty if Google omits it
}

// maxParticipants is how many participants are listed. It exceeds the guests of an event.
const maxParticipants = 1_000

// Participants returns the people in a space who have joined.
// more are further capabilities that the operation needs: one consent asks for all.
func (s *Spaces) Participants(
	ctx context.Context, person resource.Person, space resource.SpaceName, more ...capability.Capability,
) (Participants, error) {
	needed := append([]capability.Capability{capability.ReadMembers}, more...)
	list, cut, err := s.listMembers(ctx, person, space, maxParticipants, notAnApp, needed...)
	out := Participants{More: cut}
	for _, m := range list {
		switch u := m.Member; {
		case m.State != stateJoined && m.State != "":
		case u != nil:
			label := cmp.Or(u.DisplayName, u.Email)
			out.People = append(out.People, Participant{resource.Person(u.Name), label, u.Email})
		case m.GroupMember != nil:
			out.Groups++
		}
	}
	return out, fault.Wrap("spaces.Participants", err)
}

// The states of members. A member in any other state is not in the space.
const (
	stateJoined  = "JOINED"
	stateInvited = "INVITED"
)

// Membership is a person or a group in a space.
type Membership struct {
	Name        string `json:"-"`      // spaces/{id}/members/{id}, as Google gave it
	User        string `json:"member"` // users/{id} or groups/{id}
	DisplayName string `json:"displayName,omitempty"`
	Email       string `json:"email,omitempty"`
	Role        Role   `json:"role,omitempty"`
	State       string `json:"state"` // JOINED or INVITED
}

// Role is a member's role. Google's names for the two upper roles differ from
// those that Chat shows (Chat API reference: spaces.members).
type Role string

// The roles; a group has none.
const (
	RoleMember  Role = "ROLE_MEMBER"
	RoleManager Role = "ROLE_ASSISTANT_MANAGER"
	RoleOwner   Role = "ROLE_MANAGER"
)

func memberFrom(m *chatapi.Membership) Membership {
	out := Membership{Name: m.Name, State: m.State, Role: Role(m.Role)}
	switch {
	case m.Member != nil:
		out.User, out.DisplayName, out.Email = m.Member.Name, m.Member.DisplayName, m.Member.Email
	case m.GroupMember != nil:
		out.User = m.GroupMember.Name
	}
	return out
}

// Members returns a page of the members of a space, including groups and
// invited people. token is next of the previous page.
func (s *Spaces) Members(
	ctx context.Context, person resource.Person, space resource.SpaceName, size int64, token string,
) (out []Membership, next string, err error) {
	page, err := googlecall.NextPage(size, token, s.memberPages(ctx, person, space, "", capability.ReadMembers))
	for _, m := range page.Items {
		out = append(out, memberFrom(m))
	}
	return out, page.Next, fault.Wrap("spaces.Members", err)
}

// Member returns one member (an id or email address) of a space; NotFound if they are not in it.
func (s *Spaces) Member(
	ctx context.Context, person resource.Person, space resource.SpaceName, member string,
) (Membership, error) {
	return s.getMember(ctx, person, space, member, capability.ReadMembers)
}

func (s *Spaces) getMember(
	ctx context.Context, person resource.Person, space resource.SpaceName,
	member string, needed capability.Capability,
) (Membership, error) {
	call := s.api.Spaces.Members.Get(string(space) + "/members/" + member)
	found, err := do(ctx, s, person, call, needed)
	if err != nil {
		return Membership{}, fault.Wrap("spaces.Member", err)
	}
	return memberFrom(found), nil
}

// Groups returns the groups in a space. Google documents no form for the names of their memberships, and does not list
// the people who are in through them.
func (s *Spaces) Groups(
	ctx context.Context, person resource.Person, space resource.SpaceName, needed capability.Capability,
) (out []Membership, err error) {
	list, _, err := s.listMembers(ctx, person, space, maxListed, "", needed)
	for _, m := range list {
		if m.GroupMember != nil {
			out = append(out, memberFrom(m))
		}
	}
	return out, fault.Wrap("spaces.Groups", err)
}

// SetRole changes the role of a member (an id or email address).
func (s *Spaces) SetRole(
	ctx context.Context, person resource.Person, space resource.SpaceName, member string, role Role,
) (Membership, error) {
	values := &chatapi.Membership{Role: string(role)}
	call := s.api.Spaces.Members.Patch(string(space)+"/members/"+member, values).UpdateMask("role")
	updated, err := do(ctx, s, person, call, capability.ManageMembers)
	if err != nil {
		return Membership{}, fault.Wrap("spaces.SetRole", err)
	}
	return memberFrom(updated), nil
}

// RemoveMember removes a member from a space by the name spaces/{id}/members/{id}, whose last part may be a person's
// email address. It fails with NotFound if they are not in it.
func (s *Spaces) RemoveMember(ctx context.Context, person resource.Person, name string) error {
	call := s.api.Spaces.Members.Delete(name)
	_, err := do(ctx, s, person, call, capability.ManageMembers)
	return fault.Wrap("spaces.RemoveMember", err)
}
