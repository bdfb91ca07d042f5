package spaces

import (
	"context"

	chatapi "google.golang.org/api/chat/v1"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
)

// Info is what there is to know of a space.
type Info struct {
	Name         resource.SpaceName `json:"name"`
	DisplayName  string             `json:"displayName"`
	Address      string             `json:"address"`
	Description  string             `json:"description,omitempty"`
	Guidelines   string             `json:"guidelines,omitempty"`
	Discoverable bool               `json:"discoverable"`       // by an audience
	Audience     string             `json:"audience,omitempty"` // audiences/{id} that may discover it
	Permissions  Permissions        `json:"permissions,omitempty"`
	External     bool               `json:"externalUserAllowed"` // people from outside may be in it
	History      History            `json:"history,omitempty"`
	Created      string             `json:"createTime,omitempty"` // RFC 3339; empty when Google does not tell
}

func infoOf(s *chatapi.Space) Info {
	out := Info{
		Name: resource.SpaceName(s.Name), DisplayName: s.DisplayName, Address: uri(s), External: s.ExternalUserAllowed, History: History(s.SpaceHistoryState), Created: s.CreateTime,
		Permissions: permissionsOf(s.PermissionSettings),
	}
	if s.AccessSettings != nil {
		out.Audience, out.Discoverable = s.AccessSettings.Audience, s.AccessSettings.Audience != ""
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

// GetToEdit is Get by the capability that changing it needs.
func (s *Spaces) GetToEdit(ctx context.Context, person resource.Person, space resource.SpaceName) (Info, error) {
	return s.get(ctx, person, space, capability.EditSpaces)
}

// get is Get by a capability that allows to read spaces.
func (s *Spaces) get(ctx context.Context, person resource.Person, space resource.SpaceName, by capability.Capability) (Info, error) {
	call := s.api.Spaces.Get(string(space))
	if s.admin {
		call.UseAdminAccess(true)
	}
	found, err := do(ctx, s, person, call, by)
	if err != nil {
		return Info{}, fault.Wrap("spaces.Get", err)
	}
	return infoOf(found), nil
}

// Page is a page of spaces.
type Page struct {
	Spaces []Info
	Next   string // token of the next page; empty at the end
	Cut    bool   // Google gives no more, and there may be more
}

// List is a page of the named spaces that a person is in, or of those whose
// names have words that begin with these (100 at most); for an administrator,
// of those of the whole organization. token is Next of the page before.
func (s *Spaces) List(ctx context.Context, person resource.Person, words string, size int64, token string) (Page, error) {
	var out Page
	var err error
	switch {
	case s.admin:
		out, err = s.searchAll(ctx, person, words, size, token)
	case words != "":
		var found []*chatapi.Space
		found, err = s.search(ctx, person, words)
		out = pageOf(found, "")
		out.Cut = len(found) == mostFound
	default:
		var res *chatapi.ListSpacesResponse
		res, err = do(ctx, s, person, s.api.Spaces.List().Filter(`spaceType = "SPACE"`).PageSize(size).PageToken(token), capability.ReadSpaces)
		if err == nil {
			out = pageOf(res.Spaces, res.NextPageToken)
		}
	}
	return out, fault.Wrap("spaces.List", err)
}

func pageOf(found []*chatapi.Space, next string) Page {
	out := Page{Next: next}
	for _, f := range found {
		out.Spaces = append(out.Spaces, infoOf(f))
	}
	return out
}
