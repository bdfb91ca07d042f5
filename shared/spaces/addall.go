package spaces

import (
	"cmp"
	"context"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
)

// additions are the results of adding members one by one.
type additions struct {
	added   []Member
	roster  roster // of those added, by Google's answers
	failed  []FailedMember
	pending []Member
}

// addAll adds members one by one, at a pace that leaves quota of the project
// for others. When time or quota runs out, the remaining members are pending.
func (s *Spaces) addAll(
	ctx context.Context, person resource.Person, space resource.SpaceName, members []Member,
) additions {
	out, stopped := additions{roster: newRoster()}, false
	for _, m := range members {
		if stopped || !s.waitToAdd(ctx) {
			stopped, out.pending = true, append(out.pending, m)
			continue
		}
		found, err := s.addMember(ctx, person, space, m)
		switch {
		case err == nil:
			id := cmp.Or(found.User, m.User)
			out.added, out.roster.alias[m.User] = append(out.added, m), id
			out.roster.add(id, found.State, found.DisplayName)
		case fault.IsTransient(err):
			stopped = fault.KindOf(err) == fault.RateLimited
			out.pending = append(out.pending, m)
		default:
			out.failed = append(out.failed, FailedMember{m, err})
		}
	}
	return out
}
