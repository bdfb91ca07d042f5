package spaces

import (
	"context"

	chatapi "google.golang.org/api/chat/v1"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
)

// Rename renames a space as a person and returns the normalized name. It returns Conflict if the name is taken.
func (s *Spaces) Rename(
	ctx context.Context, person resource.Person, space resource.SpaceName, name string,
) (string, error) {
	name, err := NormalizeName(name)
	if err == nil {
		err = s.patch(ctx, person, space, &chatapi.Space{DisplayName: name}, "displayName")
	}
	return name, fault.Wrap("spaces.Rename", err)
}

// Delete permanently deletes a space with all its messages, as a person.
// NotFound if it is already deleted, or if the person has left it.
func (s *Spaces) Delete(ctx context.Context, person resource.Person, space resource.SpaceName) error {
	call := s.api.Spaces.Delete(string(space))
	_, err := do(ctx, s, person, call, capability.DeleteSpaces)
	return fault.Wrap("spaces.Delete", err)
}

// patch changes the fields of a space that mask names.
func (s *Spaces) patch(
	ctx context.Context, person resource.Person, space resource.SpaceName, values *chatapi.Space, mask string,
) error {
	call := s.api.Spaces.Patch(string(space), values).UpdateMask(mask)
	_, err := do(ctx, s, person, call, capability.EditSpaces)
	return withTakenName(values.DisplayName, err)
}
