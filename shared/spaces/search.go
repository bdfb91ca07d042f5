package spaces

import (
	"context"
	"strings"

	"golang.org/x/oauth2"
	chatapi "google.golang.org/api/chat/v1"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/userauth"
)

// Found is a named space that a person is in.
type Found struct {
	Name, DisplayName, Address string
}

// Search are the named spaces of a person whose names have words that begin
// with these, newest first; without words all. Google gives 100 at most when
// it searches (chat-protocol.md 6.5).
func (s *Spaces) Search(ctx context.Context, person, words string) ([]Found, error) {
	var found []*chatapi.Space
	needed := []userauth.Capability{userauth.ReadSpaces}
	err := s.auth.Act(ctx, person, needed, userauth.ReadSpaces, func(token oauth2.TokenSource) (err error) {
		if words == "" {
			found, err = s.list(ctx, token)
		} else {
			found, err = s.search(ctx, token, words)
		}
		return err
	})
	if err != nil {
		return nil, fault.Wrap("spaces.Search", err)
	}
	var out []Found
	for _, space := range found {
		out = append(out, Found{space.Name, space.DisplayName, address(space)})
	}
	return out, nil
}

func (s *Spaces) search(ctx context.Context, token oauth2.TokenSource, words string) ([]*chatapi.Space, error) {
	quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(words) + `"`
	call := s.api.Spaces.Search().Query(`space_type = "SPACE" AND display_name:` + quoted).OrderBy("create_time DESC").PageSize(100)
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

func (s *Spaces) list(ctx context.Context, token oauth2.TokenSource) ([]*chatapi.Space, error) {
	call := s.api.Spaces.List().Filter(`spaceType = "SPACE"`).PageSize(1000)
	var out []*chatapi.Space
	err := googlecall.Do(ctx, call.Header(), token, func(ctx context.Context) error {
		res, err := call.Context(ctx).Do()
		if err == nil {
			out = res.Spaces
		}
		return err
	})
	return out, translate("spaces.list", err, "")
}
