package spaces

import (
	"context"

	chatapi "google.golang.org/api/chat/v1"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/resource"
)

// Info describes a space.
type Info struct {
	Name         resource.SpaceName `json:"name"`
	DisplayName  string             `json:"displayName"`
	Address      string             `json:"address"`
	Description  string             `json:"description,omitempty"`
	Guidelines   string             `json:"guidelines,omitempty"`
	Discoverable *bool              `json:"discoverable,omitempty"` // by an audience; nil if Google omits it
	Audience     string             `json:"audience,omitempty"`     // audiences/{id} that can discover it
	Permissions  Permissions        `json:"permissions,omitempty"`
	External     bool               `json:"externalUserAllowed"` // people outside the organization can be members
	History      History            `json:"history,omitempty"`
	Created      string             `json:"createTime,omitempty"` // RFC 3339; empty if Google omits it
}

func infoFrom(s *chatapi.Space) Info {
	out := Info{
		Name: resource.SpaceName(s.Name), DisplayName: s.DisplayName, Address: uri(s), Created: s.CreateTime,
		External: s.ExternalUserAllowed, History: History(s.SpaceHistoryState),
		Permissions: permissionsFrom(s.PermissionSettings),
	}
	if s.AccessSettings != nil {
		out.Audience = s.AccessSettings.Audience
		switch state := s.AccessSettings.AccessState; {
		case out.Audience != "" || state == "DISCOVERABLE":
			out.Discoverable = new(true)
		case state == "PRIVATE":
			out.Discoverable = new(false)
		}
	}
	if s.SpaceDetails != nil {
		out.Description, out.Guidelines = s.SpaceDetails.Description, s.SpaceDetails.Guidelines
	}
	return out
}

// Get reads a space as a person.
func (s *Spaces) Get(ctx context.Context, person resource.Person, space resource.SpaceName) (Info, error) {
	return s.get(ctx, person, space, capability.ReadSpaces)
}

// GetToEdit is Get with the capability to edit spaces, so that a change needs no other.
func (s *Spaces) GetToEdit(ctx context.Context, person resource.Person, space resource.SpaceName) (Info, error) {
	return s.get(ctx, person, space, capability.EditSpaces)
}

func (s *Spaces) get(
	ctx context.Context, person resource.Person, space resource.SpaceName, needed capability.Capability,
) (Info, error) {
	call := s.api.Spaces.Get(string(space))
	found, err := do(ctx, s, person, call, needed)
	if err != nil {
		return Info{}, fault.Wrap("spaces.Get", err)
	}
	return infoFrom(found), nil
}

// Page is a page of spaces.
type Page struct {
	Spaces    []Info
	Next      string // token of the next page; empty after the last page
	Truncated bool   // Google's limit is reached; there may be more spaces
}

// List returns a page of the named spaces that a person is in. With words, it returns
// at most 100 whose names have words that begin with these. For an administrator it
// covers the whole organization. token is Next of the previous page.
func (s *Spaces) List(
	ctx context.Context, person resource.Person, words string, size int64, token string,
) (Page, error) {
	var found page
	var cut bool
	var err error
	switch {
	case s.admin:
		found, err = googlecall.NextPage(size, token, s.searchPages(ctx, person, words))
	case words != "":
		found.Items, cut, err = s.search(ctx, person, words)
	default:
		found, err = googlecall.NextPage(size, token, s.listPages(ctx, person))
	}
	out := Page{Next: found.Next, Truncated: cut}
	for _, f := range found.Items {
		out.Spaces = append(out.Spaces, infoFrom(f))
	}
	return out, fault.Wrap("spaces.List", err)
}
