package createspace

import (
	"context"
	"slices"
	"strings"

	"example.com/deputy/shared/api"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/text"
)

func (s server) ListSpaces(ctx context.Context, in api.ListSpacesRequestObject) (api.ListSpacesResponseObject, error) {
	query, c := text.Line(api.Value(in.Params.Query)), newCall(ctx, in.Params.ActAs, in.Params.Authority, "")
	sized := c.Authority != callers.AuthorityAdmin && in.Params.PageSize != nil
	if query != "" && sized {
		return nil, invalid(i18n.English("Without the authority admin, query can't be combined with pageSize, " +
			"because Google returns one page."))
	}
	list := newListID(c, query)
	page, err := list.decode(in.Params.PageSize, in.Params.PageToken)
	if err != nil {
		return nil, err
	}
	found, err := s.Operations.ListSpaces(ctx, c, query, page)
	out := api.ListSpaces200JSONResponse{
		Spaces: []api.Space{}, NextPageToken: list.encode(found.Next), Incomplete: api.Some(found.Truncated),
	}
	for _, info := range found.Spaces {
		out.Spaces = append(out.Spaces, apiSpace(info))
	}
	return out, err
}

func (s server) GetSpace(ctx context.Context, in api.GetSpaceRequestObject) (api.GetSpaceResponseObject, error) {
	c := newCall(ctx, in.Params.ActAs, in.Params.Authority, "")
	found, err := s.Operations.GetSpace(ctx, c, spaceName(in.Space))
	headers := api.GetSpace200ResponseHeaders{ETag: new(operations.ETag(found))}
	return api.GetSpace200JSONResponse{Body: apiSpace(found), Headers: headers}, err
}

// UpdateSpace changes the fields that updateMask names.
func (s server) UpdateSpace(
	ctx context.Context, in api.UpdateSpaceRequestObject,
) (api.UpdateSpaceResponseObject, error) {
	change, err := changeFrom(*in.Body, in.Params.UpdateMask)
	if err != nil {
		return nil, err
	}
	c := newCall(ctx, in.Body.ActAs, in.Body.Authority, in.Params.IdempotencyKey)
	updated, err := s.Operations.UpdateSpace(ctx, c, operations.SpaceChange{
		Space: spaceName(in.Space), Change: change, IfMatch: in.Params.IfMatch,
	})
	headers := api.UpdateSpace200ResponseHeaders{ETag: new(operations.ETag(updated))}
	return api.UpdateSpace200JSONResponse{Body: apiSpace(updated), Headers: headers}, err
}

// changeFrom returns the change of a body and its mask. A field in the mask that
// the body omits is cleared; a field in the body that the mask omits is an error.
func changeFrom(in api.UpdateSpace, mask string) (spaces.Change, error) {
	var out spaces.Change
	fields := map[string]struct {
		present bool
		set     func()
	}{
		"displayName": {in.DisplayName != nil, func() { out.DisplayName = new(api.Value(in.DisplayName)) }},
		"description": {in.Description != nil, func() { out.Description = new(api.Value(in.Description)) }},
		"guidelines":  {in.Guidelines != nil, func() { out.Guidelines = new(api.Value(in.Guidelines)) }},
		"history":     {in.History != nil, func() { out.History = new(spaces.History(api.Value(in.History))) }},
		"access":      {in.Access != nil, func() { out.Discoverable = new(api.Value(in.Access) == api.DISCOVERABLE) }},
		"audience":    {in.Audience != nil, func() { out.Audience = new(api.Value(in.Audience)) }},
		"permissions": {in.Permissions != nil, func() { out.Permissions = permissionsFrom(in.Permissions) }},

		"accessPermissions": {
			in.AccessPermissions != nil, func() { out.Access = accessPermissionsFrom(in.AccessPermissions) },
		},
	}
	names := strings.Split(mask, ",")
	for _, name := range names {
		field, ok := fields[name]
		if !ok {
			return out, invalid(i18n.English("updateMask names the unknown field %q."), name)
		}
		field.set()
	}
	for name, field := range fields {
		if field.present && !slices.Contains(names, name) {
			return out, invalid(i18n.English("%s is in the body but not in updateMask."), name)
		}
	}
	if in.Access != nil && *in.Access == api.PRIVATE && api.Value(in.Audience) != "" {
		return out, errPrivateAudience
	}
	for _, name := range []string{"permissions", "accessPermissions"} {
		if slices.Contains(names, name) && !fields[name].present {
			return out, invalid(i18n.English("%s can't be cleared. Set the values to change in the body."), name)
		}
	}
	return out, nil
}

// DeleteSpace deletes a space if confirm is its display name.
func (s server) DeleteSpace(
	ctx context.Context, in api.DeleteSpaceRequestObject,
) (api.DeleteSpaceResponseObject, error) {
	c := newCall(ctx, in.Params.ActAs, in.Params.Authority, in.Params.IdempotencyKey)
	deletion := operations.SpaceDeletion{Space: spaceName(in.Space), Confirm: in.Params.Confirm}
	return api.DeleteSpace204Response{}, s.Operations.DeleteSpace(ctx, c, deletion)
}

func apiSpace(s spaces.Info) api.Space {
	var access *string // absent if Google doesn't say
	if s.Discoverable != nil {
		access = api.AccessOf(*s.Discoverable)
	}
	return api.Space{
		Name: string(s.Name), DisplayName: s.DisplayName, Address: s.Address, Access: access,
		Description: api.Some(s.Description), Guidelines: api.Some(s.Guidelines), Audience: api.Some(s.Audience),
		Permissions: apiPermissions(s.Permissions), ExternalUserAllowed: &s.External,
		History: api.Some(string(s.History)), CreateTime: api.Some(s.Created),
	}
}
