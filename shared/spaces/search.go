package spaces

import (
	"context"
	"slices"
	"strings"

	chatapi "google.golang.org/api/chat/v1"
	"google.golang.org/api/googleapi"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/resource"
)

// FoundSpace is a named space that a person is in.
type FoundSpace struct {
	Name                 resource.SpaceName
	DisplayName, Address string
}

// Search returns the named spaces of a person, newest first. With words, it returns those whose names have words that
// begin with these. Google returns at most 100 results of a search (Chat API reference: spaces),
// and at most 1,000 spaces are listed. cut reports whether there may be more.
func (s *Spaces) Search(ctx context.Context, person resource.Person, words string) (out []FoundSpace, cut bool,
	err error,
) {
	var found []*chatapi.Space
	if words == "" {
		fields := []googleapi.Field{
			"nextPageToken", "spaces/name", "spaces/displayName", "spaces/spaceUri", "spaces/createTime",
		}
		found, cut, err = googlecall.List(maxSpaces, s.listPages(ctx, person, fields...))
	} else {
		found, cut, err = s.search(ctx, person, words)
	}
	if err != nil {
		return nil, false, fault.Wrap("spaces.Search", err)
	}
	// Google documents no order for a list; its times sort as text.
	slices.SortStableFunc(found, func(a, b *chatapi.Space) int { return strings.Compare(b.CreateTime, a.CreateTime) })
	for _, space := range found {
		out = append(out, FoundSpace{resource.SpaceName(space.Name), space.DisplayName, uri(space)})
	}
	return out, cut, nil
}

const (
	maxFound  = 100   // Google's limit for the results of a search without useAdminAccess
	maxSpaces = 1_000 // of a person that are listed
)

func (s *Spaces) search(
	ctx context.Context, person resource.Person, words string,
) (found []*chatapi.Space, cut bool, err error) {
	found, _, err = googlecall.List(maxFound, s.searchPages(ctx, person, words))
	return found, len(found) == maxFound, err
}

type page = googlecall.Page[*chatapi.Space]

// searchPages searches the named spaces of a person or, for an administrator, of their organization.
func (s *Spaces) searchPages(
	ctx context.Context, person resource.Person, words string,
) googlecall.Fetch[*chatapi.Space] {
	query := `space_type = "SPACE"`
	if s.admin {
		query = `customer = "customers/my_customer" AND ` + query
	}
	if words != "" {
		query += ` AND display_name:"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(words) + `"`
	}
	call := s.api.Spaces.Search().Query(query).OrderBy("create_time DESC")
	return pages(ctx, s, person, call, func(res *chatapi.SearchSpacesResponse) page {
		out := page{Next: res.NextPageToken}
		for _, r := range res.Results {
			out.Items = append(out.Items, r.Space)
		}
		return out
	}, capability.ReadSpaces)
}

// listPages lists the named spaces of a person, with these fields or all.
func (s *Spaces) listPages(
	ctx context.Context, person resource.Person, fields ...googleapi.Field,
) googlecall.Fetch[*chatapi.Space] {
	call := s.api.Spaces.List().Filter(`spaceType = "SPACE"`)
	if len(fields) > 0 {
		call.Fields(fields...)
	}
	return pages(ctx, s, person, call, func(res *chatapi.ListSpacesResponse) page {
		return page{Items: res.Spaces, Next: res.NextPageToken}
	}, capability.ReadSpaces)
}
