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

var (
	readSpaces = []capability.Capability{capability.ReadSpaces}
	editSpaces = []capability.Capability{capability.EditSpaces}
)

// ListSpaces lists the spaces of a person; with a query it searches them.
func (o *Operations) ListSpaces(ctx context.Context, c Call, query string, page PageRequest) (spaces.Page, error) {
	op := operation{name: "listSpaces", actions: []string{callers.ReadSpaces}, needs: readSpaces}
	return run(ctx, o, c, op, nil, func(a actor) (spaces.Page, error) {
		return a.spaces.List(ctx, a.person, query, page.Size, page.Token)
	})
}

// GetSpace reads a space.
func (o *Operations) GetSpace(ctx context.Context, c Call, space resource.SpaceName) (spaces.Info, error) {
	op := operation{name: "getSpace", actions: []string{callers.ReadSpaces}, space: space, needs: readSpaces}
	return run(ctx, o, c, op, nil, func(a actor) (spaces.Info, error) {
		return a.spaces.Get(ctx, a.person, space)
	})
}

// SpaceChange is a change of a space.
type SpaceChange struct {
	Space   resource.SpaceName // spaces/{id}
	Change  spaces.Change
	IfMatch *string // value of the header; nil changes any version
}

// UpdateSpace changes a space and returns its new state.
func (o *Operations) UpdateSpace(ctx context.Context, c Call, in SpaceChange) (spaces.Info, error) {
	op := operation{name: "updateSpace", actions: []string{callers.UpdateSpaces}, space: in.Space, needs: editSpaces}
	return run(ctx, o, c, op, in, func(a actor) (updated spaces.Info, err error) {
		// Google has no conditional update. Two callers with the same ETag must
		// not both win, so each space has one change at a time.
		err = o.runner.WithLock(ctx, string(in.Space), func() (err error) {
			if in.IfMatch != nil {
				if err := checkUnchanged(ctx, a, in); err != nil {
					return err
				}
			}
			updated, err = a.spaces.Update(ctx, a.person, in.Space, in.Change)
			return err
		})
		return updated, err
	})
}

// checkUnchanged returns ErrChanged in a fault if a space is not in the state that If-Match names.
// It accepts a state that an earlier attempt at this request may have left: that saved what it found.
func checkUnchanged(ctx context.Context, a actor, in SpaceChange) error {
	now, err := a.spaces.GetToEdit(ctx, a.person, in.Space)
	if err != nil {
		return err
	}
	changed := checkMatch(in.IfMatch, now)
	before := a.attempt.LoadJournal()
	switch {
	case changed == nil && before == nil:
		return a.attempt.SaveJournal(ctx, mustJSON(now))
	case changed == nil || before != nil && isOwnChange(before, now, in.Change):
		return nil
	}
	return changed
}

// isOwnChange reports whether every field in which a space differs from before
// (as JSON) has the value that the change sets.
func isOwnChange(before []byte, now spaces.Info, change spaces.Change) bool {
	var old spaces.Info
	if json.Unmarshal(before, &old) != nil {
		return false
	}
	was, is, wanted := reflect.ValueOf(old), reflect.ValueOf(now), reflect.ValueOf(change.Apply(old))
	for i := range is.NumField() {
		value := is.Field(i).Interface()
		unchanged := reflect.DeepEqual(value, was.Field(i).Interface())
		if !unchanged && !reflect.DeepEqual(value, wanted.Field(i).Interface()) {
			return false
		}
	}
	return true
}

// deletionBegun is the journal of a deletion: from then on the space may be gone.
var deletionBegun = []byte("begun")

// SpaceDeletion asks for the deletion of a space.
type SpaceDeletion struct {
	Space   resource.SpaceName // spaces/{id}
	Confirm string             // exact display name
}

// DeleteSpace deletes a space if Confirm is its display name.
func (o *Operations) DeleteSpace(ctx context.Context, c Call, in SpaceDeletion) error {
	needs := []capability.Capability{capability.DeleteSpaces, capability.ReadSpaces}
	op := operation{name: "deleteSpace", actions: []string{callers.DeleteSpaces}, space: in.Space, needs: needs}
	_, err := run(ctx, o, c, op, in, func(a actor) (struct{}, error) {
		return struct{}{}, deleteSpace(ctx, a, in, needs)
	})
	return err
}

func deleteSpace(ctx context.Context, a actor, in SpaceDeletion, needs []capability.Capability) error {
	if err := a.spaces.CheckCapabilities(ctx, a.person, needs...); err != nil {
		return err // one consent asks for both
	}
	found, err := a.spaces.Get(ctx, a.person, in.Space)
	if err != nil && fault.KindOf(err) == fault.NotFound && a.attempt.Journal != nil {
		return nil // an earlier attempt deleted it
	}
	if err != nil {
		return err
	}
	if found.DisplayName != in.Confirm {
		return fault.New(fault.Invalid,
			i18n.English("Nothing was deleted. confirm must be the exact display name of the space."))
	}
	if err := a.attempt.SaveJournal(ctx, deletionBegun); err != nil {
		return err
	}
	err = a.spaces.Delete(ctx, a.person, in.Space)
	if err != nil && fault.KindOf(err) == fault.NotFound {
		err = nil // it existed when Get read it: a retried call to Google deleted it
	}
	return err
}
