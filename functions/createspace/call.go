package createspace

import (
	"cmp"
	"context"

	"example.com/deputy/shared/api"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/vault"
)

// call is who asks for an operation, as whom, and under which key; the person's
// own authority by default.
func call(ctx context.Context, actAs string, by *api.Authority, key string) operations.Call {
	return operations.Call{Caller: of(ctx).caller, Person: resource.Named(actAs), Authority: cmp.Or(vault.Authority(api.Value(by)), callers.ByUser), Key: resource.Key(key)}
}

// user is a person's resource name as the caller has it in a field.
func user(named, field string) (string, error) {
	name, ok := resource.ParseUser(named)
	if !ok {
		return "", invalid(i18n.English("%s must be users/{id} with digits only, or a plain e-mail address."), field)
	}
	return name, nil
}

// membersOf are people and groups as a caller names them.
func membersOf(named []api.MemberName) ([]spaces.Member, error) {
	var out []spaces.Member
	for _, m := range named {
		name, ok := resource.ParseMember(m)
		if !ok {
			_, err := user("", "members")
			return nil, err
		}
		out = append(out, spaces.Member{User: name, Label: m})
	}
	return out, nil
}

// spaceIn is the space in a path.
func spaceIn(id api.SpaceID) resource.SpaceName { return resource.SpaceName("spaces/" + id) }
