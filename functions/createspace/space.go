package createspace

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"example.com/deputy/shared/api"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/words"
)

// usualPage is how many of a list come when the caller does not say.
const usualPage = 100

// ListSpaces lists or searches the spaces of a person.
func (f function) ListSpaces(ctx context.Context, in api.ListSpacesRequestObject) (api.ListSpacesResponseObject, error) {
	query := strings.TrimSpace(value(in.Params.Query))
	everywhere := by(in.Params.Authority) == callers.ByAdmin
	if query != "" && (!everywhere && in.Params.PageSize != nil || utf8.RuneCountInString(query) > 200) {
		return nil, invalid(words.English("query takes 200 characters at most, and, unless authority is admin, no pageSize: Google gives 100 spaces at once, and no next page."))
	}
	cursor, err := readCursor(value(in.Params.PageToken), in.Params.ActAs, by(in.Params.Authority), query)
	if err != nil {
		return nil, err
	}
	size, err := sizeOf(in.Params.PageSize)
	if err != nil {
		return nil, err
	}
	a := act{only(callers.ReadSpaces), in.Params.ActAs, by(in.Params.Authority), "", "", []capability.Capability{capability.ReadSpaces}}
	return final(as(ctx, f, a, nil, func(who actor) (api.ListSpaces200JSONResponse, done, error) {
		out := api.ListSpaces200JSONResponse{Spaces: []api.Space{}}
		page, err := who.spaces.List(ctx, who.person, query, size, cursor)
		for _, s := range page.Spaces {
			out.Spaces = append(out.Spaces, spaceOf(s))
		}
		out.NextPageToken, out.Incomplete = some(writeCursor(page.Next, in.Params.ActAs, by(in.Params.Authority), query)), some(page.Cut)
		return out, done{}, err
	}))
}

// GetSpace reads a space.
func (f function) GetSpace(ctx context.Context, in api.GetSpaceRequestObject) (api.GetSpaceResponseObject, error) {
	a := act{only(callers.ReadSpaces), in.Params.ActAs, by(in.Params.Authority), "spaces/" + in.Space, "", []capability.Capability{capability.ReadSpaces}}
	out, err := final(as(ctx, f, a, nil, func(who actor) (api.Space, done, error) {
		out, err := who.spaces.Get(ctx, who.person, a.space)
		return spaceOf(out), done{}, err
	}))
	return api.GetSpace200JSONResponse{Body: out, Headers: api.GetSpace200ResponseHeaders{ETag: etag(out)}}, err
}

// UpdateSpace changes the fields that updateMask names.
func (f function) UpdateSpace(ctx context.Context, in api.UpdateSpaceRequestObject) (api.UpdateSpaceResponseObject, error) {
	change, err := changeOf(*in.Body, in.Params.UpdateMask)
	if err != nil {
		return nil, err
	}
	a := act{only(callers.UpdateSpaces), in.Body.ActAs, by(in.Body.Authority), "spaces/" + in.Space, in.Params.IdempotencyKey, []capability.Capability{capability.EditSpaces}}
	out, err := final(as(ctx, f, a, []any{in.Params.UpdateMask, in.Params.IfMatch, in.Body}, func(who actor) (api.Space, done, error) {
		// Google has no condition on a change. Two callers that hold the same
		// ETag must not both win, so one space has one change at a time.
		var now spaces.Info
		err := f.Operations.Hold(ctx, a.space, func() (err error) {
			if in.Params.IfMatch != nil {
				if err := f.unchanged(ctx, who, a.space, in); err != nil {
					return err
				}
			}
			now, err = who.spaces.Update(ctx, who.person, a.space, change)
			return err
		})
		return spaceOf(now), done{}, err
	}))
	return api.UpdateSpace200JSONResponse{Body: out, Headers: api.UpdateSpace200ResponseHeaders{ETag: etag(out)}}, err
}

// unchanged is errChanged in a fault, unless a space is as If-Match names it, or
// as a try before of this request may have left it: that keeps what it found.
func (f function) unchanged(ctx context.Context, who actor, space string, in api.UpdateSpaceRequestObject) error {
	found, err := who.spaces.GetToEdit(ctx, who.person, space)
	if err != nil {
		return err
	}
	now := spaceOf(found)
	changed := match(in.Params.IfMatch, now)
	switch {
	case changed == nil && who.try.Kept() == nil:
		return who.try.Keep(ctx, asJSON(now))
	case changed == nil || who.try.Kept() != nil && ours(who.try.Kept(), asJSON(now), asJSON(in.Body), in.Params.UpdateMask):
		return nil
	}
	return changed
}

// ours reports whether a space differs from what it was before by nothing but
// fields of the mask, which have the values that were wanted. All are JSON.
func ours(before, now, wanted []byte, mask string) bool {
	var was, is, want map[string]any
	if json.Unmarshal(before, &was) != nil || json.Unmarshal(now, &is) != nil || json.Unmarshal(wanted, &want) != nil {
		return false
	}
	for name := range was {
		if _, still := is[name]; !still {
			is[name] = nil
		}
	}
	for name, value := range is {
		written := slices.Contains(strings.Split(mask, ","), name) && reflect.DeepEqual(value, want[name])
		if !written && !reflect.DeepEqual(value, was[name]) {
			return false
		}
	}
	return true
}

func asJSON(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // a mistake in the document
	}
	return text
}

// changeOf is a body under its mask: a field that the mask names and the body
// does not have is set to nothing; one that only the body has is a mistake.
func changeOf(in api.UpdateSpace, mask string) (spaces.Change, error) {
	var out spaces.Change
	fields := map[string]struct {
		held bool
		set  func()
	}{
		"displayName": {in.DisplayName != nil, func() { out.DisplayName = new(value(in.DisplayName)) }},
		"description": {in.Description != nil, func() { out.Description = new(value(in.Description)) }},
		"guidelines":  {in.Guidelines != nil, func() { out.Guidelines = new(value(in.Guidelines)) }},
		"history":     {in.History != nil, func() { out.History = new(spaces.History(value(in.History))) }},
		"access":      {in.Access != nil, func() { out.Discoverable = new(value(in.Access) == api.DISCOVERABLE) }},
		"audience":    {in.Audience != nil, func() { out.Audience = new(value(in.Audience)) }},
		"permissions": {in.Permissions != nil, func() { out.Permissions = permissionsOf(in.Permissions) }},

		"accessPermissions": {in.AccessPermissions != nil, func() { out.Access = accessPermissionsOf(in.AccessPermissions) }},
	}
	named := strings.Split(mask, ",")
	for _, name := range named {
		field, ok := fields[name]
		if !ok {
			return out, invalid(words.English("updateMask: %q is not a field that can be changed."), name)
		}
		field.set()
	}
	for name, field := range fields {
		if field.held && !slices.Contains(named, name) {
			return out, invalid(words.English("%s is in the body and not in updateMask."), name)
		}
	}
	if in.Access != nil && *in.Access == api.PRIVATE && value(in.Audience) != "" {
		return out, errPrivate
	}
	for _, field := range []string{"permissions", "accessPermissions"} {
		if slices.Contains(named, field) && !fields[field].held {
			return out, invalid(words.English("%s cannot be set to nothing: name in it what shall be different."), field)
		}
	}
	return out, audiences(append(append([]string{value(in.Audience)}, out.Access.Discover...), out.Access.Join...)...)
}

// begun is the journal of a deletion that was about to be made: from then on it
// may have been done.
var begun = []byte("begun")

// DeleteSpace ends a space once its name is repeated.
func (f function) DeleteSpace(ctx context.Context, in api.DeleteSpaceRequestObject) (api.DeleteSpaceResponseObject, error) {
	needs := []capability.Capability{capability.DeleteSpaces, capability.ReadSpaces}
	a := act{only(callers.DeleteSpaces), in.Params.ActAs, by(in.Params.Authority), "spaces/" + in.Space, in.Params.IdempotencyKey, needs}
	return final(as(ctx, f, a, in.Params.Confirm, func(who actor) (api.DeleteSpace204Response, done, error) {
		var none api.DeleteSpace204Response
		if err := who.spaces.Ready(ctx, who.person, needs...); err != nil {
			return none, done{}, err // one consent asks for both
		}
		now, err := who.spaces.Get(ctx, who.person, a.space)
		if err != nil && fault.KindOf(err) == fault.NotFound && who.try.Journal != nil {
			return none, done{}, nil // it was there, and the try before has done it
		}
		if err != nil {
			return none, done{}, err
		}
		if now.DisplayName != in.Params.Confirm {
			return none, done{}, fault.New(fault.Invalid, words.English("confirm must be the space's display name, to the letter. Nothing was deleted."))
		}
		if err := who.try.Keep(ctx, begun); err != nil {
			return none, done{}, err
		}
		err = who.spaces.Delete(ctx, who.person, a.space)
		if err != nil && fault.KindOf(err) == fault.NotFound {
			err = nil // it was there a moment ago: the answer to the first try was lost
		}
		return none, done{}, err
	}))
}

func spaceOf(s spaces.Info) api.Space {
	access := accessOf(s.Discoverable)
	return api.Space{
		Name: s.Name, DisplayName: s.DisplayName, Address: s.Address, Description: some(s.Description), Guidelines: some(s.Guidelines),
		Access: &access, ExternalUserAllowed: &s.External, History: some(string(s.History)), CreateTime: some(s.Created),
		Audience: some(s.Audience), Permissions: permissionsFrom(s.Permissions),
	}
}
