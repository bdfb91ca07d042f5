package spaces

import (
	"context"
	"strings"

	"golang.org/x/oauth2"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/words"
)

// ByAddress tells whether m is a group named by its e-mail address, which Chat
// does not take: see Resolve.
func (m Member) ByAddress() bool { return m.group() && strings.Contains(m.User, "@") }

// Resolve gives the members with their groups by id: groups/{e-mail address}
// becomes groups/{id} (Cloud Identity, groups.lookup). Invalid when the person
// does not see a group.
func (s *Spaces) Resolve(ctx context.Context, person string, members []Member) ([]Member, error) {
	out := make([]Member, len(members))
	for i, m := range members {
		out[i] = m
		if !m.ByAddress() {
			continue
		}
		address := strings.TrimPrefix(m.User, "groups/")
		call := s.identity.Groups.Lookup().GroupKeyId(address)
		err := s.act(ctx, person, []capability.Capability{capability.ResolveGroups}, func(token oauth2.TokenSource) error {
			err := googlecall.Do(ctx, call.Header(), token, func(ctx context.Context) error {
				found, err := call.Context(ctx).Do()
				if err == nil {
					out[i].User = found.Name
				}
				return err
			})
			return translate("cloudidentity.groups.lookup", err, "")
		})
		if kind := fault.KindOf(err); err != nil && (kind == fault.Denied || kind == fault.NotFound) {
			return nil, &fault.Error{Op: "spaces.Resolve", Kind: fault.Invalid, Public: words.GroupUnknown, Args: []any{address}, Err: err}
		}
		if err != nil {
			return nil, fault.Wrap("spaces.Resolve", err)
		}
	}
	return out, nil
}
