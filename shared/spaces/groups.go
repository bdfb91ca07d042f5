package spaces

import (
	"context"
	"strings"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/words"
)

// IsGroupAddress reports whether m is a group named by its email address. The Chat
// API does not accept it: see ResolveGroups.
func (m Member) IsGroupAddress() bool { return m.group() && strings.Contains(m.User, "@") }

// ResolveGroups returns the members with each groups/{email address} replaced by groups/{id}
// (Cloud Identity, groups.lookup). Invalid if the person cannot see a group.
func (s *Spaces) ResolveGroups(ctx context.Context, person resource.Person, members []Member) ([]Member, error) {
	out := make([]Member, len(members))
	for i, m := range members {
		out[i] = m
		if !m.IsGroupAddress() {
			continue
		}
		email := strings.TrimPrefix(m.User, "groups/")
		call := s.identity.Groups.Lookup().GroupKeyId(email)
		found, err := do(ctx, s, person, call, capability.ResolveGroups)
		if kind := fault.KindOf(err); err != nil && (kind == fault.Denied || kind == fault.NotFound) {
			return nil, &fault.Error{
				Op: "spaces.ResolveGroups", Kind: fault.Invalid, Public: words.ErrorGroupUnknown, Args: []any{email},
				Err: err,
			}
		}
		if err != nil {
			return nil, fault.Wrap("spaces.ResolveGroups", err)
		}
		out[i].User = found.Name
	}
	return out, nil
}
