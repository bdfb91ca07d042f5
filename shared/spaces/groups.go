package spaces

import (
	"context"
	"strings"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/words"
)

// ByAddress tells whether m is a group named by its e-mail address, which Chat
// does not take: see Resolve.
func (m Member) ByAddress() bool { return m.group() && strings.Contains(m.User, "@") }

// Resolve gives the members with their groups by id: groups/{e-mail address}
// becomes groups/{id} (Cloud Identity, groups.lookup). Invalid when the person
// does not see a group.
func (s *Spaces) Resolve(ctx context.Context, person resource.Person, members []Member) ([]Member, error) {
	out := make([]Member, len(members))
	for i, m := range members {
		out[i] = m
		if !m.ByAddress() {
			continue
		}
		address := strings.TrimPrefix(m.User, "groups/")
		call := s.identity.Groups.Lookup().GroupKeyId(address)
		found, err := do(ctx, s, person, call, capability.ResolveGroups)
		if kind := fault.KindOf(err); err != nil && (kind == fault.Denied || kind == fault.NotFound) {
			return nil, &fault.Error{Op: "spaces.Resolve", Kind: fault.Invalid, Public: words.ErrorGroupUnknown, Args: []any{address}, Err: err}
		}
		if err != nil {
			return nil, fault.Wrap("spaces.Resolve", err)
		}
		out[i].User = found.Name
	}
	return out, nil
}
