package createspace

import (
	"encoding/json"

	"example.com/deputy/shared/api"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/spaces"
)

// errPrivate is of a space that shall be found by nobody and by an audience.
var errPrivate = fault.New(fault.Invalid, i18n.English("access PRIVATE and an audience contradict each other: leave one out. Nothing was done."))

// permissionsFrom are permissions in Google's words. The fields have one name in
// both, so the JSON is the way.
func permissionsFrom(in *api.Permissions) spaces.Permissions {
	text, err := json.Marshal(in)
	named := map[string]api.Role{}
	if err == nil {
		err = json.Unmarshal(text, &named)
	}
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

func permissionsOf(in spaces.Permissions) *api.Permissions {
	if len(in) == 0 {
		return nil
	}
	named := map[string]api.Role{}
	for field, role := range in {
		named[field] = *roleOf(role)
	}
	text, err := json.Marshal(named)
	var out api.Permissions
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil {
		panic(err) // a mistake in the document
	}
	return &out
}

// roleOf is a role in the API's words, nil for none.
func roleOf(google spaces.Role) *api.Role {
	for ours, theirs := range roles {
		if theirs == google {
			return &ours
		}
	}
	return nil
}

func accessPermissionsFrom(in *api.AccessPermissions) spaces.AccessPermissions {
	a := api.Value(in)
	return spaces.AccessPermissions{Discover: api.Value(a.Discover), Join: api.Value(a.Join)}
}
