package spaces

import (
	"context"
	"slices"
	"strings"

	chatapi "google.golang.org/api/chat/v1"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
)

// FoundSpace is a named space that a person is in.
type FoundSpace struct {
	Name                 resource.SpaceName
	DisplayName, Address string
}

// Search returns the named spaces of a person, newest first. With words, it returns those whose names have words that
// begin with these. Google returns at most 100 results of a search (Chat API reference: spaces),
// and 1,000 on the first page of a list. cut reports whether there may be more.
func (s *Spaces) Search(ctx context.Context, person resource.Person, words string) (out []FoundSpace, cut bool,
	err error,
) {
	var found []*chatapi.Space
	if words == "" {
		found, cut, err = s.list(ctx, person)
	} else {
		found, err = s.search(ctx, person, words)
		cut = len(found) == maxFound
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

func (s *Spaces) search(ctx context.Context, person resource.Person, words string) ([]*chatapi.Space, error) {
	query := `space_type = "SPACE" AND display_name:` + quote(words)
	call := s.api.Spaces.Search().Query(query).OrderBy("create_time DESC").PageSize(maxFound)
	res, err := do(ctx, s, person, call, capability.ReadSpaces)
	if err != nil {
		return nil, err
	}
	return spacesFrom(res), nil
}

func spacesFrom(res *chatapi.SearchSpacesResponse) []*chatapi.Space {
	var out []*chatapi.Space
	for _, r := range res.Results {
		out = append(out, r.Space)
	}
	return out
}

// searchAll returns a page of the spaces of an administrator's organization, with or without words.
func (s *Spaces) searchAll(
	ctx context.Context, person resource.Person, words string, size int64, token string,
) (Page, error) {
	query := `customer = "customers/my_customer" AND space_type = "SPACE"`
	if words != "" {
		query += ` AND display_name:` + quote(words)
	}
	call := s.api.Spaces.Search().UseAdminAccess(true).Query(query).OrderBy("create_time DESC")
	res, err := do(ctx, s, person, call.PageSize(size).PageToken(token), capability.ReadSpaces)
	if err != nil {
		return Page{}, err
	}
	return newPage(spacesFrom(res), res.NextPageToken), nil
}

func quote(words string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(words) + `"`
}

func (s *Spaces) list(ctx context.Context, person resource.Person) (out []*chatapi.Space, more bool, err error) {
	call := s.api.Spaces.List().Filter(`spaceType = "SPACE"`).PageSize(1000)
	call.Fields("nextPageToken", "spaces(name,displayName,spaceUri,createTime)")
	res, err := do(ctx, s, person, call, capability.ReadSpaces)
	if err != nil {
		return nil, false, err
	}
	return res.Spaces, res.NextPageToken != "", nil
}
