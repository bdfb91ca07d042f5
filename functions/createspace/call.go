package createspace

import (
	"cmp"
	"context"

	"example.com/deputy/shared/api"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/vault"
)

// newCall returns the call of a request; the authority is user by default.
func newCall(ctx context.Context, actAs string, authority *api.Authority, key string) operations.Call {
	return operations.Call{
		Caller: stateFrom(ctx).caller, Person: resource.ParseNamed(actAs), Key: resource.Key(key),
		Authority: cmp.Or(vault.Authority(api.Value(authority)), callers.AuthorityUser),
		OnRepeat:  func() { stateFrom(ctx).header.Set("Idempotent-Replayed", "true") },
	}
}

// parseMembers returns people and groups as a caller names them.
func parseMembers(names []api.MemberName) ([]spaces.Member, error) {
	var out []spaces.Member
	members, err := api.ParseMembers(names)
	for i, m := range members {
		out = append(out, spaces.Member{User: m, Label: names[i]})
	}
	return out, err
}

// spaceName returns the name of the space in a path.
func spaceName(id api.SpaceID) resource.SpaceName { return resource.SpaceName("spaces/" + id) }
