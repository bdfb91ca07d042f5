package spaces

import (
	"cmp"
	"context"

	"golang.org/x/oauth2"
	chatapi "google.golang.org/api/chat/v1"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/userauth"
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
func (s *Spaces) Participants(ctx context.Context, person, space string, more ...userauth.Capability) ([]Participant, error) {
	needed := append([]userauth.Capability{userauth.ReadMembers}, more...)
	var list []*chatapi.Membership
	err := s.auth.Act(ctx, person, needed, userauth.ReadMembers, func(token oauth2.TokenSource) (err error) {
		list, err = s.members(ctx, token, s.api.Spaces.Members.List(space).Filter(`member.type = "HUMAN"`))
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

// members are the first 1,000 of a list.
func (s *Spaces) members(ctx context.Context, token oauth2.TokenSource, call *chatapi.SpacesMembersListCall) ([]*chatapi.Membership, error) {
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
