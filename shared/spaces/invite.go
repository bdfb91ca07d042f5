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

// AddResult holds the results of adding members to a space.
type AddResult struct {
	Joined  []Member
	Invited []Member // have to accept first
	Failed  []FailedMember
}

// FailedMember is a member who was not added.
type FailedMember struct {
	Member
	Err error
}

// AddMembers adds members to a space or group conversation as a person, one by one. It can
// be repeated: it succeeds for existing members. A failure does not stop the others.
// If all failed, it returns the last error, unless only some of the failures may pass.
func (s *Spaces) AddMembers(
	ctx context.Context, person resource.Person, space resource.SpaceName, members []Member,
) (AddResult, error) {
	var out AddResult
	for _, m := range members {
		found, err := s.addMember(ctx, person, space, m)
		if _, consent := capability.AsConsentError(err); consent {
			if len(out.Joined)+len(out.Invited) > 0 {
				err = &fault.PartialError{Err: err}
			}
			return out, fault.Wrap("spaces.AddMembers", err)
		}
		switch {
		case err != nil:
			out.Failed = append(out.Failed, FailedMember{m, err})
		case found.State == "INVITED":
			out.Invited = append(out.Invited, m)
		default:
			out.Joined = append(out.Joined, m)
		}
	}
	n, passing := len(out.Failed), 0
	for _, f := range out.Failed {
		if fault.IsTransient(f.Err) {
			passing++
		}
	}
	if n > 0 && n == len(members) && (passing == 0 || passing == n) {
		return out, fault.Wrap("spaces.AddMembers", out.Failed[n-1].Err)
	}
	return out, nil
}

// addMember adds a member. For an existing member it returns their state.
func (s *Spaces) addMember(
	ctx context.Context, person resource.Person, space resource.SpaceName, m Member,
) (Membership, error) {
	if err := s.checkAdminAdd(m); err != nil {
		return Membership{}, err
	}
	call := s.api.Spaces.Members.Create(string(space), membership(m))
	if s.admin {
		call.UseAdminAccess(true)
	}
	needs, err := s.Capabilities(capability.ManageMembers)
	if err != nil {
		return Membership{}, err
	}
	texts := chatTexts
	texts.Forbidden = words.ErrorAddDenied
	created, err := googlecall.Do(ctx, texts, googlecall.Target{Actor: s.auth, Person: person, Capabilities: needs},
		call)
	if err != nil && fault.KindOf(err) == fault.Conflict {
		return s.findMember(ctx, person, space, m), nil
	}
	if err != nil {
		return Membership{}, err
	}
	return memberFrom(created), nil
}

// findMember returns a member who exists according to Google. They may be only invited so far.
func (s *Spaces) findMember(ctx context.Context, person resource.Person, space resource.SpaceName,
	m Member,
) Membership {
	if !m.group() {
		id := strings.TrimPrefix(m.User, "users/")
		if found, err := s.getMember(ctx, person, space, id, capability.ManageMembers); err == nil {
			return found
		}
	}
	return Membership{User: m.User, State: "JOINED"}
}
