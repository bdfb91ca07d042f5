package spaces

import (
	"context"
	"strings"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/words"
)

// Added is what came of each person who was to be added to a space.
type Added struct {
	Joined  []Member
	Invited []Member // have to accept first
	Failed  []Failed
}

// Failed is somebody who was not added.
type Failed struct {
	Member
	Why error
}

// Invite adds people to a space or group conversation as a person, one by one.
// Adding somebody who is in is fine, so that all of it can be repeated. One who
// cannot be added does not stop the others; when nobody could, the last reason
// is the error, unless some may be added later and some never.
func (s *Spaces) Invite(ctx context.Context, person resource.Person, space resource.SpaceName, members []Member) (Added, error) {
	var out Added
	for _, m := range members {
		made, err := s.addMember(ctx, person, space, m)
		if _, consent := capability.AsConsentError(err); consent {
			if len(out.Joined)+len(out.Invited) > 0 {
				err = &fault.Partly{Err: err}
			}
			return out, fault.Wrap("spaces.Invite", err)
		}
		switch {
		case err != nil:
			out.Failed = append(out.Failed, Failed{m, err})
		case made.State == "INVITED":
			out.Invited = append(out.Invited, m)
		default:
			out.Joined = append(out.Joined, m)
		}
	}
	n, passing := len(out.Failed), 0
	for _, f := range out.Failed {
		if fault.Passes(f.Why) {
			passing++
		}
	}
	if n > 0 && n == len(members) && (passing == 0 || passing == n) {
		return out, fault.Wrap("spaces.Invite", out.Failed[n-1].Why)
	}
	return out, nil
}

// addMember adds one. Who is in already is given as they are.
func (s *Spaces) addMember(ctx context.Context, person resource.Person, space resource.SpaceName, m Member) (Listed, error) {
	if err := s.adminAdds(m); err != nil {
		return Listed{}, err
	}
	call := s.api.Spaces.Members.Create(string(space), membership(m))
	if s.admin {
		call.UseAdminAccess(true)
	}
	needs, err := s.Needs(capability.ManageMembers)
	if err != nil {
		return Listed{}, err
	}
	adding := chatAPI
	adding.Forbids = words.ErrorAddDenied
	made, err := googlecall.Do(ctx, adding, googlecall.As{Actor: s.auth, Person: person, Needs: needs}, call)
	if err != nil && fault.KindOf(err) == fault.Conflict {
		return s.there(ctx, person, space, m), nil
	}
	if err != nil {
		return Listed{}, err
	}
	return listed(made), nil
}

// there is somebody whom Google says to be in already: they may still be
// invited only.
func (s *Spaces) there(ctx context.Context, person resource.Person, space resource.SpaceName, m Member) Listed {
	if !m.group() {
		if found, err := s.memberBy(ctx, person, space, strings.TrimPrefix(m.User, "users/"), capability.ManageMembers); err == nil {
			return found
		}
	}
	return Listed{User: m.User, State: "JOINED"}
}
