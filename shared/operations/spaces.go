package operations

import (
	"context"
	"encoding/json"
	"reflect"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/spaces"
)

var readSpaces = []capability.Capability{capability.ReadSpaces}

// ListSpaces lists the spaces of a person, or, with words, searches them.
func (o *Operations) ListSpaces(ctx context.Context, c Call, query string, page Page) (spaces.Page, error) {
	op := operation{name: "listSpaces", actions: only(callers.ReadSpaces), needs: readSpaces}
	return run(ctx, o, c, op, nil, func(who actor) (spaces.Page, done, error) {
		out, err := who.spaces.List(ctx, who.person, query, page.Size, page.Token)
		return out, done{}, err
	})
}

// GetSpace reads a space.
func (o *Operations) GetSpace(ctx context.Context, c Call, space resource.SpaceName) (spaces.Info, error) {
	op := operation{name: "getSpace", actions: only(callers.ReadSpaces), space: space, needs: readSpaces}
	return run(ctx, o, c, op, nil, func(who actor) (spaces.Info, done, error) {
		out, err := who.spaces.Get(ctx, who.person, space)
		return out, done{}, err
	})
}

// SpaceChange is what shall be different about a space.
type SpaceChange struct {
	Space   resource.SpaceName // spaces/{id}
	Change  spaces.Change
	IfMatch *string // as the header; nil changes it however it is
}

// UpdateSpace changes a space, and gives it as it is then.
func (o *Operations) UpdateSpace(ctx context.Context, c Call, in SpaceChange) (spaces.Info, error) {
	op := operation{name: "updateSpace", actions: only(callers.UpdateSpaces), space: in.Space, needs: []capability.Capability{capability.EditSpaces}}
	return run(ctx, o, c, op, in, func(who actor) (spaces.Info, done, error) {
		// Google has no condition on a change. Two callers that hold the same
		// ETag must not both win, so one space has one change at a time.
		var now spaces.Info
		err := o.runner.Hold(ctx, string(in.Space), func() (err error) {
			if in.IfMatch != nil {
				if err := unchanged(ctx, who, in); err != nil {
					return err
				}
			}
			now, err = who.spaces.Update(ctx, who.person, in.Space, in.Change)
			return err
		})
		return now, done{}, err
	})
}

// unchanged is ErrChanged in a fault, unless a space is as If-Match names it, or
// as a try before of this request may have left it: that keeps what it found.
func unchanged(ctx context.Context, who actor, in SpaceChange) error {
	now, err := who.spaces.GetToEdit(ctx, who.person, in.Space)
	if err != nil {
		return err
	}
	changed := match(in.IfMatch, now)
	before := who.try.Kept()
	switch {
	case changed == nil && before == nil:
		return who.try.Keep(ctx, asJSON(now))
	case changed == nil || before != nil && ours(before, now, in.Change):
		return nil
	}
	return changed
}

// ours reports whether a space differs from what it was before, as JSON, by
// nothing but fields that the change gave the values they have.
func ours(before []byte, now spaces.Info, change spaces.Change) bool {
	var was spaces.Info
	if json.Unmarshal(before, &was) != nil {
		return false
	}
	then, is, wanted := reflect.ValueOf(was), reflect.ValueOf(now), reflect.ValueOf(change.Of(was))
	for i := range is.NumField() {
		if is := is.Field(i).Interface(); !reflect.DeepEqual(is, then.Field(i).Interface()) && !reflect.DeepEqual(is, wanted.Field(i).Interface()) {
			return false
		}
	}
	return true
}

// begun is the journal of a deletion that was about to be made: from then on it
// may have been done.
var begun = []byte("begun")

// SpaceEnd is a space to be deleted.
type SpaceEnd struct {
	Space   resource.SpaceName // spaces/{id}
	Confirm string             // its display name, to the letter
}

// DeleteSpace ends a space once its name is repeated.
func (o *Operations) DeleteSpace(ctx context.Context, c Call, in SpaceEnd) error {
	needs := []capability.Capability{capability.DeleteSpaces, capability.ReadSpaces}
	op := operation{name: "deleteSpace", actions: only(callers.DeleteSpaces), space: in.Space, needs: needs}
	_, err := run(ctx, o, c, op, in, func(who actor) (struct{}, done, error) {
		return struct{}{}, done{}, deleteSpace(ctx, who, in, needs)
	})
	return err
}

func deleteSpace(ctx context.Context, who actor, in SpaceEnd, needs []capability.Capability) error {
	if err := who.spaces.Ready(ctx, who.person, needs...); err != nil {
		return err // one consent asks for both
	}
	now, err := who.spaces.Get(ctx, who.person, in.Space)
	if err != nil && fault.KindOf(err) == fault.NotFound && who.try.Journal != nil {
		return nil // it was there, and the try before has done it
	}
	if err != nil {
		return err
	}
	if now.DisplayName != in.Confirm {
		return fault.New(fault.Invalid, i18n.English("confirm must be the space's display name, to the letter. Nothing was deleted."))
	}
	if err := who.try.Keep(ctx, begun); err != nil {
		return err
	}
	err = who.spaces.Delete(ctx, who.person, in.Space)
	if err != nil && fault.KindOf(err) == fault.NotFound {
		err = nil // it was there a moment ago: the answer to the first try was lost
	}
	return err
}
