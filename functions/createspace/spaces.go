package createspace

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"example.com/deputy/shared/api"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/spaces"
)

// ListSpaces lists or searches the spaces of a person.
func (f function) ListSpaces(ctx context.Context, in api.ListSpacesRequestObject) (api.ListSpacesResponseObject, error) {
	query, c := strings.TrimSpace(api.Value(in.Params.Query)), call(ctx, in.Params.ActAs, in.Params.Authority, "")
	if query != "" && (c.Authority != callers.ByAdmin && in.Params.PageSize != nil || utf8.RuneCountInString(query) > 200) {
		return nil, invalid(i18n.English("query takes 200 characters at most, and, unless authority is admin, no pageSize: Google gives 100 spaces at once, and no next page."))
	}
	list := listOf(c, query)
	page, err := list.read(in.Params.PageSize, in.Params.PageToken)
	if err != nil {
		return nil, err
	}
	found, err := f.Operations.ListSpaces(ctx, c, query, page)
	out := api.ListSpaces200JSONResponse{Spaces: []api.Space{}, NextPageToken: list.write(found.Next), Incomplete: api.Some(found.Cut)}
	for _, s := range found.Spaces {
		out.Spaces = append(out.Spaces, spaceOf(s))
	}
	return out, err
}

// GetSpace reads a space.
func (f function) GetSpace(ctx context.Context, in api.GetSpaceRequestObject) (api.GetSpaceResponseObject, error) {
	found, err := f.Operations.GetSpace(ctx, call(ctx, in.Params.ActAs, in.Params.Authority, ""), spaceIn(in.Space))
	return api.GetSpace200JSONResponse{Body: spaceOf(found), Headers: api.GetSpace200ResponseHeaders{ETag: new(operations.ETag(found))}}, err
}

// UpdateSpace changes the fields that updateMask names.
func (f function) UpdateSpace(ctx context.Context, in api.UpdateSpaceRequestObject) (api.UpdateSpaceResponseObject, error) {
	change, err := changeFrom(*in.Body, in.Params.UpdateMask)
	if err != nil {
		return nil, err
	}
	c := call(ctx, in.Body.ActAs, in.Body.Authority, in.Params.IdempotencyKey)
	now, err := f.Operations.UpdateSpace(ctx, c, operations.SpaceChange{Space: spaceIn(in.Space), Change: change, IfMatch: in.Params.IfMatch})
	return api.UpdateSpace200JSONResponse{Body: spaceOf(now), Headers: api.UpdateSpace200ResponseHeaders{ETag: new(operations.ETag(now))}}, err
}

// changeFrom is a body under its mask: a field that the mask names and the body
// does not have is set to nothing; one that only the body has is a mistake.
func changeFrom(in api.UpdateSpace, mask string) (spaces.Change, error) {
	var out spaces.Change
	fields := map[string]struct {
		held bool
		set  func()
	}{
		"displayName": {in.DisplayName != nil, func() { out.DisplayName = new(api.Value(in.DisplayName)) }},
		"description": {in.Description != nil, func() { out.Description = new(api.Value(in.Description)) }},
		"guidelines":  {in.Guidelines != nil, func() { out.Guidelines = new(api.Value(in.Guidelines)) }},
		"history":     {in.History != nil, func() { out.History = new(spaces.History(api.Value(in.History))) }},
		"access":      {in.Access != nil, func() { out.Discoverable = new(api.Value(in.Access) == api.DISCOVERABLE) }},
		"audience":    {in.Audience != nil, func() { out.Audience = new(api.Value(in.Audience)) }},
		"permissions": {in.Permissions != nil, func() { out.Permissions = permissionsFrom(in.Permissions) }},

		"accessPermissions": {in.AccessPermissions != nil, func() { out.Access = accessPermissionsFrom(in.AccessPermissions) }},
	}
	named := strings.Split(mask, ",")
	for _, name := range named {
		field, ok := fields[name]
		if !ok {
			return out, invalid(i18n.English("updateMask: %q is not a field that can be changed."), name)
		}
		field.set()
	}
	for name, field := range fields {
		if field.held && !slices.Contains(named, name) {
			return out, invalid(i18n.English("%s is in the body and not in updateMask."), name)
		}
	}
	if in.Access != nil && *in.Access == api.PRIVATE && api.Value(in.Audience) != "" {
		return out, errPrivate
	}
	for _, field := range []string{"permissions", "accessPermissions"} {
		if slices.Contains(named, field) && !fields[field].held {
			return out, invalid(i18n.English("%s cannot be set to nothing: name in it what shall be different."), field)
		}
	}
	return out, nil
}

// DeleteSpace ends a space once its name is repeated.
func (f function) DeleteSpace(ctx context.Context, in api.DeleteSpaceRequestObject) (api.DeleteSpaceResponseObject, error) {
	c := call(ctx, in.Params.ActAs, in.Params.Authority, in.Params.IdempotencyKey)
	err := f.Operations.DeleteSpace(ctx, c, operations.SpaceEnd{Space: spaceIn(in.Space), Confirm: in.Params.Confirm})
	return api.DeleteSpace204Response{}, err
}

func spaceOf(s spaces.Info) api.Space {
	access := api.AccessOf(s.Discoverable)
	return api.Space{
		Name: string(s.Name), DisplayName: s.DisplayName, Address: s.Address, Description: api.Some(s.Description), Guidelines: api.Some(s.Guidelines),
		Access: &access, ExternalUserAllowed: &s.External, History: api.Some(string(s.History)), CreateTime: api.Some(s.Created),
		Audience: api.Some(s.Audience), Permissions: permissionsOf(s.Permissions),
	}
}
