package spaces

import (
	"cmp"
	"context"

	chatapi "google.golang.org/api/chat/v1"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
)

// Participant is somebody who is in a space.
type Participant struct {
	User  resource.Person
	Label string // their name, or what is known in its place
	Email string // empty when Google does not tell it
}

// Participants are the people in a space, as a person may see them. more are
// the capabilities that the act needs besides, so that one consent asks for
// all.
func (s *Spaces) Participants(ctx context.Context, person resource.Person, space resource.SpaceName, more ...capability.Capability) ([]Participant, error) {
	needed := append([]capability.Capability{capability.ReadMembers}, more...)
	list, err := s.list1000(ctx, person, s.api.Spaces.Members.List(string(space)).Filter(`member.type = "HUMAN"`), needed...)
	if err != nil {
		return nil, fault.Wrap("spaces.Participants", err)
	}
	var out []Participant
	for _, m := range list {
		if m.Member != nil {
			out = append(out, Participant{resource.Person(m.Member.Name), cmp.Or(m.Member.DisplayName, m.Member.Email, m.Member.Name), m.Member.Email})
		}
	}
	return out, nil
}

// Listed is somebody, or a group, in a space.
type Listed struct {
	User        string `json:"member"`                // users/{id} or groups/{id}
	DisplayName string `json:"displayName,omitempty"` // as far as Google tells it
	Email       string `json:"email,omitempty"`
	Role        Role   `json:"role,omitempty"`
	State       string `json:"state"` // JOINED or INVITED
}

// Role is what a member may do. Google's names for the two upper ones are not
// those of Chat's page (chat-protocol.md 6.3).
type Role string

// The roles; a group has none.
const (
	RoleMember  Role = "ROLE_MEMBER"
	RoleManager Role = "ROLE_ASSISTANT_MANAGER"
	RoleOwner   Role = "ROLE_MANAGER"
)

func listed(m *chatapi.Membership) Listed {
	out := Listed{State: m.State, Role: Role(m.Role)}
	switch {
	case m.Member != nil:
		out.User, out.DisplayName, out.Email = m.Member.Name, m.Member.DisplayName, m.Member.Email
	case m.GroupMember != nil:
		out.User = m.GroupMember.Name
	}
	return out
}

// Members are a page of those who are in a space or invited, groups as well.
// token is next of the page before.
func (s *Spaces) Members(ctx context.Context, person resource.Person, space resource.SpaceName, size int64, token string) (out []Listed, next string, err error) {
	call := s.api.Spaces.Members.List(string(space)).ShowInvited(true).ShowGroups(true).PageSize(size).PageToken(token)
	if s.admin {
		call.UseAdminAccess(true).Filter(`member.type != "BOT"`) // Google wants that
	}
	res, err := do(ctx, s, person, call, capability.ReadMembers)
	if err != nil {
		return nil, "", fault.Wrap("spaces.Members", err)
	}
	for _, m := range res.Memberships {
		out = append(out, listed(m))
	}
	return out, res.NextPageToken, nil
}

// Member is one member (their id or e-mail address) of a space; NotFound when
// they are not in it.
func (s *Spaces) Member(ctx context.Context, person resource.Person, space resource.SpaceName, member string) (Listed, error) {
	return s.memberBy(ctx, person, space, member, capability.ReadMembers)
}

// memberBy is Member by a capability that allows to read members.
func (s *Spaces) memberBy(ctx context.Context, person resource.Person, space resource.SpaceName, member string, by capability.Capability) (Listed, error) {
	call := s.api.Spaces.Members.Get(string(space) + "/members/" + member)
	if s.admin {
		call.UseAdminAccess(true)
	}
	found, err := do(ctx, s, person, call, by)
	if err != nil {
		return Listed{}, fault.Wrap("spaces.Member", err)
	}
	return listed(found), nil
}

// SetRole changes what a member (their id or e-mail address) may do.
func (s *Spaces) SetRole(ctx context.Context, person resource.Person, space resource.SpaceName, member string, role Role) (Listed, error) {
	call := s.api.Spaces.Members.Patch(string(space)+"/members/"+member, &chatapi.Membership{Role: string(role)}).UpdateMask("role")
	if s.admin {
		call.UseAdminAccess(true)
	}
	now, err := do(ctx, s, person, call, capability.ManageMembers)
	if err != nil {
		return Listed{}, fault.Wrap("spaces.SetRole", err)
	}
	return listed(now), nil
}

// RemoveMember takes a member (their id or e-mail address) out of a space.
// NotFound when they are not in it.
func (s *Spaces) RemoveMember(ctx context.Context, person resource.Person, space resource.SpaceName, member string) error {
	call := s.api.Spaces.Members.Delete(string(space) + "/members/" + member)
	if s.admin {
		call.UseAdminAccess(true)
	}
	_, err := do(ctx, s, person, call, capability.ManageMembers)
	return fault.Wrap("spaces.RemoveMember", err)
}

// list1000 are the first 1,000 of a list.
func (s *Spaces) list1000(ctx context.Context, person resource.Person, call *chatapi.SpacesMembersListCall, takes ...capability.Capability) ([]*chatapi.Membership, error) {
	list, err := do(ctx, s, person, call.PageSize(1000), takes...)
	if err != nil {
		return nil, err
	}
	return list.Memberships, nil
}
