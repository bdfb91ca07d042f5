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
		found, cut, err = s.list(ctx, person)
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

// maxFound is Google's limit for the results of a search without useAdminAccess.
const maxFound = 100

func (s *Spaces) search(
	ctx context.Context, person resource.Person, words string,
) (found []*chatapi.Space, cut bool, err error) {
	query := `space_type = "SPACE" AND display_name:` + quote(words)
	call := s.api.Spaces.Search().Query(query).OrderBy("create_time DESC")
	found, _, err = googlecall.List(maxFound, func(size int64, token string) (page, error) {
		return s.searchPage(ctx, person, call, size, token)
	})
	return found, len(found) == maxFound, err
}

type page = googlecall.Page[*chatapi.Space]

func (s *Spaces) searchPage(
	ctx context.Context, person resource.Person, call *chatapi.SpacesSearchCall, size int64, token string,
) (page, error) {
	if token != "" {
		call.PageToken(token)
	}
	res, err := do(ctx, s, person, call.PageSize(size), capability.ReadSpaces)
	if err != nil {
		return page{}, err
	}
	out := page{Next: res.NextPageToken}
	for _, r := range res.Results {
		out.Items = append(out.Items, r.Space)
	}
	return out, nil
}

// searchAll returns a page of the spaces of an administrator's organization, with or without words.
func (s *Spaces) searchAll(
	ctx context.Context, person resource.Person, words string, size int64, token string,
) (page, error) {
	query := `customer = "customers/my_customer" AND space_type = "SPACE"`
	if words != "" {
		query += ` AND display_name:` + quote(words)
	}
	call := s.api.Spaces.Search().Query(query).OrderBy("create_time DESC")
	return googlecall.NextPage(size, token, func(size int64, token string) (page, error) {
		return s.searchPage(ctx, person, call, size, token)
	})
}

func quote(words string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(words) + `"`
}

// maxSpaces is how many spaces of a person are listed.
const maxSpaces = 1_000

func (s *Spaces) list(ctx context.Context, person resource.Person) (out []*chatapi.Space, more bool, err error) {
	return googlecall.List(maxSpaces, func(size int64, token string) (page, error) {
		return s.listPage(ctx, person, size, token, "nextPageToken", "spaces/name", "spaces/displayName",
			"spaces/spaceUri", "spaces/createTime")
	})
}

// listPage returns a page of the named spaces of a person, with these fields or all.
func (s *Spaces) listPage(
	ctx context.Context, person resource.Person, size int64, token string, fields ...googleapi.Field,
) (page, error) {
	call := s.api.Spaces.List().Filter(`spaceType = "SPACE"`).PageSize(size)
	if token != "" {
		call.PageToken(token)
	}
	if len(fields) > 0 {
		call.Fields(fields...)
	}
	res, err := do(ctx, s, person, call, capability.ReadSpaces)
	if err != nil {
		return page{}, err
	}
	return page{Items: res.Spaces, Next: res.NextPageToken}, nil
}
