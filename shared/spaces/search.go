package spaces

import (
	"context"
	"slices"
	"strings"

	"golang.org/x/oauth2"
	chatapi "google.golang.org/api/chat/v1"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googlecall"
)

// Found is a named space that a person is in.
type Found struct {
	Name, DisplayName, Address string
}

// Search are the named spaces of a person whose names have words that begin
// with these, newest first; without words all. Google gives 100 at most when
// it searches (chat-protocol.md 6.5), and a first page of 1,000 when it lists:
// cut tells that there may be more.
func (s *Spaces) Search(ctx context.Context, person, words string) (out []Found, cut bool, err error) {
	var found []*chatapi.Space
	needed := []capability.Capability{capability.ReadSpaces}
	err = s.act(ctx, person, needed, func(token oauth2.TokenSource) (err error) {
		if words == "" {
			found, cut, err = s.list(ctx, token)
		} else {
			found, err = s.search(ctx, token, words)
			cut = len(found) == mostFound
		}
		return err
	})
	if err != nil {
		return nil, false, fault.Wrap("spaces.Search", err)
	}
	// A list has no order that Google documents; its times sort as text.
	slices.SortStableFunc(found, func(a, b *chatapi.Space) int { return strings.Compare(b.CreateTime, a.CreateTime) })
	for _, space := range found {
		out = append(out, Found{space.Name, space.DisplayName, uri(space)})
	}
	return out, cut, nil
}

const mostFound = 100

func (s *Spaces) search(ctx context.Context, token oauth2.TokenSource, words string) ([]*chatapi.Space, error) {
	call := s.api.Spaces.Search().Query(`space_type = "SPACE" AND display_name:` + quoted(words)).OrderBy("create_time DESC").PageSize(mostFound)
	var out []*chatapi.Space
	err := googlecall.Do(ctx, call.Header(), token, func(ctx context.Context) error {
		res, err := call.Context(ctx).Do()
		if err != nil {
			return err
		}
		out = nil
		for _, r := range res.Results {
			out = append(out, r.Space)
		}
		return nil
	})
	return out, translate("spaces.search", err, "")
}

// searchAll is a page of an administrator's search of the whole organization,
// with or without words.
func (s *Spaces) searchAll(ctx context.Context, token oauth2.TokenSource, words string, size int64, page string) (Page, error) {
	named := ""
	if words != "" {
		named = strings.Join([]string{"", "AND", "display_name:" + quoted(words)}, " ")
	}
	call := s.api.Spaces.Search().UseAdminAccess(true).Query(`customer = "customers/my_customer" AND space_type = "SPACE"` + named).OrderBy("create_time DESC").PageSize(size).PageToken(page)
	var out Page
	err := googlecall.Do(ctx, call.Header(), token, func(ctx context.Context) error {
		res, err := call.Context(ctx).Do()
		if err != nil {
			return err
		}
		out = Page{Next: res.NextPageToken}
		for _, r := range res.Results {
			out.Spaces = append(out.Spaces, infoOf(r.Space))
		}
		return nil
	})
	return out, translate("spaces.search", err, "")
}

func quoted(words string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(words) + `"`
}

func (s *Spaces) list(ctx context.Context, token oauth2.TokenSource) (out []*chatapi.Space, more bool, err error) {
	call := s.api.Spaces.List().Filter(`spaceType = "SPACE"`).PageSize(1000).Fields("nextPageToken", "spaces(name,displayName,spaceUri,createTime)")
	err = googlecall.Do(ctx, call.Header(), token, func(ctx context.Context) error {
		res, err := call.Context(ctx).Do()
		if err == nil {
			out, more = res.Spaces, res.NextPageToken != ""
		}
		return err
	})
	return out, more, translate("spaces.list", err, "")
}
