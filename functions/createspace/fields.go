package createspace

import (
	"encoding/json"

	"example.com/deputy/shared/api"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/strictjson"
)

// errPrivateAudience is the error for a space with the access PRIVATE and an audience.
var errPrivateAudience = fault.New(fault.Invalid,
	i18n.English("A space with the access PRIVATE can't have an audience. Leave one of them out."))

// permissionsFrom returns permissions with Google's roles. The API and Google name the fields alike in JSON.
func permissionsFrom(in *api.Permissions) spaces.Permissions {
	named, err := viaJSON[map[string]api.Role](in)
	if err != nil {
		panic(err) // a mistake in the document
	}
	var out spaces.Permissions
	for field, role := range named {
		if out == nil {
			out = spaces.Permissions{}
		}
		out[field] = roles[role]
	}
	return out
}

func apiPermissions(in spaces.Permissions) *map[string]string {
	if len(in) == 0 {
		return nil
	}
	named := map[string]string{}
	for field, role := range in {
		named[field] = api.Value(apiRole(role))
	}
	return &named
}

// viaJSON converts a value to a type that has the same JSON.
func viaJSON[T any](in any) (out T, err error) {
	text, err := json.Marshal(in)
	if err == nil {
		err = strictjson.Decode(text, &out)
	}
	return out, err
}

// apiRole returns the API's name of a role, or Google's for a role that the API doesn't have; nil for none.
func apiRole(role spaces.Role) *string {
	for name, google := range roles {
		if google == role {
			return new(string(name))
		}
	}
	return api.Some(string(role))
}

func accessPermissionsFrom(in *api.AccessPermissions) spaces.AccessPermissions {
	a := api.Value(in)
	return spaces.AccessPermissions{Discover: api.Value(a.Discover), Join: api.Value(a.Join)}
}
