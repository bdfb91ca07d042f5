package spaces

import (
	"cmp"
	"context"
	"net/http"

	"golang.org/x/oauth2"
	chatapi "google.golang.org/api/chat/v1"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googlecall"
)

// Participant is somebody who is in a space.
type Participant struct {
	User  string // users/{id}
	Label string // their name, or what is known in its place
	Email string // empty when Google does not tell it
}

// Participants are the people in a space, as a person may see them. more are
// the capabilities that the act needs besides, so that one consent asks for
// all.
func (s *Spaces) Participants(ctx context.Context, person, space string, more ...capability.Capability) ([]Participant, error) {
	needed := append([]capability.Capability{capability.ReadMembers}, more...)
	var list []*chatapi.Membership
	err := s.act(ctx, person, needed, func(token oauth2.TokenSource) (err error) {
		list, err = s.list1000(ctx, token, s.api.Spaces.Members.List(space).Filter(`member.type = "HUMAN"`))
		return err
	})
	if err != nil {
		return nil, fault.Wrap("spaces.Participants", err)
	}
	var out []Participant
	for _, m := range list {
		if m.Member != nil {
			out = append(out, Participant{m.Member.Name, cmp.Or(m.Member.DisplayName, m.Member.Email, m.Member.Name), m.Member.Email})
		}
	}
	return out, nil
}

// Listed is somebody, or a group, in a space.
type Listed struct {
	User        string // users/{id} or groups/{id}
	DisplayName string // as far as Google tells it
	Email       string
	Role        Role
	State       string // JOINED or INVITED
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
func (s *Spaces) Members(ctx context.Context, person, space string, size int64, token string) (out []Listed, next string, err error) {
	call := s.api.Spaces.Members.List(space).ShowInvited(true).ShowGroups(true).PageSize(size).PageToken(token)
	if s.admin {
		call.UseAdminAccess(true).Filter(`member.type != "BOT"`) // Google wants that
	}
	err = s.act(ctx, person, []capability.Capability{capability.ReadMembers}, func(source oauth2.TokenSource) error {
		err := googlecall.Do(ctx, call.Header(), source, func(ctx context.Context) error {
			res, err := call.Context(ctx).Do()
			if err != nil {
				return err
			}
			out, next = nil, res.NextPageToken
			for _, m := range res.Memberships {
				out = append(out, listed(m))
			}
			return nil
		})
		return translate("spaces.members.list", err, "")
	})
	return out, next, fault.Wrap("spaces.Members", err)
}

// Member is one member (their id or e-mail address) of a space; NotFound when
// they are not in it.
func (s *Spaces) Member(ctx context.Context, person, space, member string) (Listed, error) {
	return s.memberBy(ctx, person, space, member, capability.ReadMembers)
}

// memberBy is Member by a capability that allows to read members.
func (s *Spaces) memberBy(ctx context.Context, person, space, member string, by capability.Capability) (Listed, error) {
	call := s.api.Spaces.Members.Get(space + "/members/" + member)
	if s.admin {
		call.UseAdminAccess(true)
	}
	var found *chatapi.Membership
	err := s.act(ctx, person, []capability.Capability{by}, func(token oauth2.TokenSource) error {
		err := googlecall.Do(ctx, call.Header(), token, func(ctx context.Context) (err error) {
			found, err = call.Context(ctx).Do()
			return err
		})
		return translate("spaces.members.get", err, "")
	})
	if err != nil {
		return Listed{}, fault.Wrap("spaces.Member", err)
	}
	return listed(found), nil
}

// SetRole changes what a member (their id or e-mail address) may do.
func (s *Spaces) SetRole(ctx context.Context, person, space, member string, role Role) (Listed, error) {
	call := s.api.Spaces.Members.Patch(space+"/members/"+member, &chatapi.Membership{Role: string(role)}).UpdateMask("role")
	if s.admin {
		call.UseAdminAccess(true)
	}
	var now *chatapi.Membership
	err := s.manage(ctx, person, "spaces.members.patch", call.Header(), func(ctx context.Context) (err error) {
		now, err = call.Context(ctx).Do()
		return err
	})
	if err != nil {
		return Listed{}, fault.Wrap("spaces.SetRole", err)
	}
	return listed(now), nil
}

// RemoveMember takes a member (their id or e-mail address) out of a space.
// NotFound when they are not in it.
func (s *Spaces) RemoveMember(ctx context.Context, person, space, member string) error {
	call := s.api.Spaces.Members.Delete(space + "/members/" + member)
	if s.admin {
		call.UseAdminAccess(true)
	}
	return fault.Wrap("spaces.RemoveMember", s.manage(ctx, person, "spaces.members.delete", call.Header(), func(ctx context.Context) error {
		_, err := call.Context(ctx).Do()
		return err
	}))
}

// manage makes one call that changes who is in a space.
func (s *Spaces) manage(ctx context.Context, person, op string, header http.Header, call func(context.Context) error) error {
	return s.act(ctx, person, []capability.Capability{capability.ManageMembers}, func(token oauth2.TokenSource) error {
		return translate(op, googlecall.Do(ctx, header, token, call), "")
	})
}

// list1000 are the first 1,000 of a list.
func (s *Spaces) list1000(ctx context.Context, token oauth2.TokenSource, call *chatapi.SpacesMembersListCall) ([]*chatapi.Membership, error) {
	call.PageSize(1000)
	var list *chatapi.ListMembershipsResponse
	err := googlecall.Do(ctx, call.Header(), token, func(ctx context.Context) (err error) {
		list, err = call.Context(ctx).Do()
		return err
	})
	if err != nil {
		return nil, translate("spaces.members.list", err, "")
	}
	return list.Memberships, nil
}
