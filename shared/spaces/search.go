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

// Found is a named space that a person is in.
type Found struct {
	Name                 resource.SpaceName
	DisplayName, Address string
}

// Search are the named spaces of a person whose names have words that begin
// with these, newest first; without words all. Google gives 100 at most when
// it searches (chat-protocol.md 6.5), and a first page of 1,000 when it lists:
// cut tells that there may be more.
func (s *Spaces) Search(ctx context.Context, person resource.Person, words string) (out []Found, cut bool, err error) {
	var found []*chatapi.Space
	if words == "" {
		found, cut, err = s.list(ctx, person)
	} else {
		found, err = s.search(ctx, person, words)
		cut = len(found) == mostFound
	}
	if err != nil {
		return nil, false, fault.Wrap("spaces.Search", err)
	}
	// A list has no order that Google documents; its times sort as text.
	slices.SortStableFunc(found, func(a, b *chatapi.Space) int { return strings.Compare(b.CreateTime, a.CreateTime) })
	for _, space := range found {
		out = append(out, Found{resource.SpaceName(space.Name), space.DisplayName, uri(space)})
	}
	return out, cut, nil
}

const mostFound = 100

func (s *Spaces) search(ctx context.Context, person resource.Person, words string) ([]*chatapi.Space, error) {
	call := s.api.Spaces.Search().Query(`space_type = "SPACE" AND display_name:` + quoted(words)).OrderBy("create_time DESC").PageSize(mostFound)
	res, err := do(ctx, s, person, call, capability.ReadSpaces)
	if err != nil {
		return nil, err
	}
	return spacesIn(res), nil
}

func spacesIn(res *chatapi.SearchSpacesResponse) []*chatapi.Space {
	var out []*chatapi.Space
	for _, r := range res.Results {
		out = append(out, r.Space)
	}
	return out
}

// searchAll is a page of an administrator's search of the whole organization,
// with or without words.
func (s *Spaces) searchAll(ctx context.Context, person resource.Person, words string, size int64, page string) (Page, error) {
	call := s.api.Spaces.Search().UseAdminAccess(true).Query(`customer = "customers/my_customer" AND space_type = "SPACE"`).OrderBy("create_time DESC").PageSize(size).PageToken(page)
	if words != "" {
		call.Query(`customer = "customers/my_customer" AND space_type = "SPACE" AND display_name:` + quoted(words))
	}
	res, err := do(ctx, s, person, call, capability.ReadSpaces)
	if err != nil {
		return Page{}, err
	}
	return pageOf(spacesIn(res), res.NextPageToken), nil
}

func quoted(words string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(words) + `"`
}

func (s *Spaces) list(ctx context.Context, person resource.Person) (out []*chatapi.Space, more bool, err error) {
	call := s.api.Spaces.List().Filter(`spaceType = "SPACE"`).PageSize(1000).Fields("nextPageToken", "spaces(name,displayName,spaceUri,createTime)")
	res, err := do(ctx, s, person, call, capability.ReadSpaces)
	if err != nil {
		return nil, false, err
	}
	return res.Spaces, res.NextPageToken != "", nil
}
