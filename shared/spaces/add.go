package spaces

import (
	"context"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/words"
)

// AddMembers adds members to a space or group conversation as a person, one by one, at a pace that leaves quota of the
// project for others. It can be repeated: it succeeds for existing members. A failure does not stop the others. When
// time or quota runs out, the others are pending. If all failed, it returns the last error, unless only some of the
// failures may pass.
func (s *Spaces) AddMembers(
	ctx context.Context, person resource.Person, space resource.SpaceName, members []Member,
) (Outcome, error) {
	out, err := s.addAll(ctx, person, space, members)
	if err != nil {
		return out, fault.Wrap("spaces.AddMembers", err)
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

// addAll adds members one by one. It fails only if the person has to consent first.
func (s *Spaces) addAll(
	ctx context.Context, person resource.Person, space resource.SpaceName, members []Member,
) (out Outcome, err error) {
	for i, m := range members {
		if !s.waitToAdd(ctx) {
			out.Pending = members[i:]
			return out, nil
		}
		found, err := s.addMember(ctx, person, space, m)
		if _, consent := capability.AsConsentError(err); consent {
			if len(out.Joined)+len(out.Invited) > 0 {
				err = &fault.PartialError{Err: err}
			}
			out.Pending = members[i:]
			return out, err
		}
		if err == nil {
			out.place(m, found.State, found.DisplayName)
			continue
		}
		out.Failed = append(out.Failed, FailedMember{m, err})
		if fault.KindOf(err) == fault.RateLimited {
			out.Pending = members[i+1:]
			break
		}
	}
	return out, nil
}

// addMember adds a member. For an existing member it returns their state. Google's answer is final: a list that
// follows it may lack the member.
func (s *Spaces) addMember(
	ctx context.Context, person resource.Person, space resource.SpaceName, m Member,
) (Membership, error) {
	if err := s.checkAdminAdd(m); err != nil {
		return Membership{}, err
	}
	call := s.api.Spaces.Members.Create(string(space), membership(m))
	texts := chatTexts
	texts.Forbidden, texts.NotFound = words.ErrorAddDenied, words.ErrorMemberUnknown
	created, err := doWith(ctx, s, texts, person, call, capability.ManageMembers)
	switch {
	case err == nil:
		return memberFrom(created), nil
	case fault.KindOf(err) == fault.Conflict:
		return s.findMember(ctx, person, space, m), nil
	case fault.KindOf(err) == fault.NotFound: // the member, or the space
		if _, missing := s.memberPages(ctx, person, space, "", capability.ManageMembers)(1, ""); missing != nil {
			err = missing
		}
	}
	return Membership{}, err
}

// findMember returns a member who exists according to Google. They may be only invited so far.
func (s *Spaces) findMember(ctx context.Context, person resource.Person, space resource.SpaceName,
	m Member,
) Membership {
	if !m.group() {
		if found, err := s.getMember(ctx, person, space, m.id(), capability.ManageMembers); err == nil {
			return found
		}
	}
	return Membership{User: m.User, State: stateJoined}
}
