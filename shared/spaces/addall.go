package spaces

import (
	"cmp"
	"context"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
)

// tries are what came of adding members one by one.
type tries struct {
	added   []Member
	in      roll // of those added, by Google's answers
	failed  []Failed
	pending []Member
}

// addAll adds members one by one, at a pace that leaves the project's quota to
// others. When time or quota runs out, the others are left for later.
func (s *Spaces) addAll(ctx context.Context, person resource.Person, space resource.SpaceName, members []Member) tries {
	out, over := tries{in: newRoll()}, false
	for _, m := range members {
		if over || !s.mayAdd(ctx) {
			over, out.pending = true, append(out.pending, m)
			continue
		}
		made, err := s.addMember(ctx, person, space, m)
		switch {
		case err == nil:
			id := cmp.Or(made.User, m.User)
			out.added, out.in.alias[m.User] = append(out.added, m), id
			out.in.note(id, made.State, made.DisplayName)
		case fault.Passes(err):
			over = fault.KindOf(err) == fault.RateLimited
			out.pending = append(out.pending, m)
		default:
			out.failed = append(out.failed, Failed{m, err})
		}
	}
	return out
}
