package spaces

import (
	"context"

	chatapi "google.golang.org/api/chat/v1"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
)

// Rename gives a space another name, as a person. Conflict when it is taken.
func (s *Spaces) Rename(ctx context.Context, person resource.Person, space resource.SpaceName, name string) (string, error) {
	name, err := CheckedName(name)
	if err == nil {
		err = s.patch(ctx, person, space, &chatapi.Space{DisplayName: name}, "displayName")
	}
	return name, fault.Wrap("spaces.Rename", err)
}

// Delete ends a space with all that was said in it, as a person. NotFound when
// it is gone already, as a repetition finds it, or when the person has left it.
func (s *Spaces) Delete(ctx context.Context, person resource.Person, space resource.SpaceName) error {
	call := s.api.Spaces.Delete(string(space))
	if s.admin {
		call.UseAdminAccess(true)
	}
	_, err := do(ctx, s, person, call, capability.DeleteSpaces)
	return fault.Wrap("spaces.Delete", err)
}

// patch changes one field of a space.
func (s *Spaces) patch(ctx context.Context, person resource.Person, space resource.SpaceName, to *chatapi.Space, mask string) error {
	call := s.api.Spaces.Patch(string(space), to).UpdateMask(mask)
	if s.admin {
		call.UseAdminAccess(true)
	}
	_, err := do(ctx, s, person, call, capability.EditSpaces)
	return named(to.DisplayName, err)
}
