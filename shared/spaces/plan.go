package spaces

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"golang.org/x/oauth2"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
)

// Planned is a request that would go to Google.
type Planned struct {
	Method string
	URL    string
	Body   json.RawMessage // nil without one
}

// What stands for names that only Google knows.
const (
	newSpace = "spaces/NEW"
	newGroup = "groups/ID"
)

// Plan is what do would ask of Google with the Spaces it is given, which calls
// nobody. A new space's name stands there as spaces/NEW, and nobody is in it.
func (s *Spaces) Plan(ctx context.Context, do func(context.Context, *Spaces) error) ([]Planned, error) {
	var made recorder
	api, identity, err := services(ctx, Google, &made)
	if err != nil {
		return nil, fault.Wrap("spaces.Plan", err)
	}
	plan := *s
	plan.api, plan.identity, plan.auth, plan.planning = api, identity, nobody{}, true
	err = do(ctx, &plan)
	return made.requests, fault.Wrap("spaces.Plan", err)
}

// nobody acts without a token.
type nobody struct{}

func (nobody) Act(_ context.Context, _ resource.Person, _ []capability.Capability, do func(oauth2.TokenSource) error) error {
	return do(oauth2.StaticTokenSource(&oauth2.Token{}))
}

func (nobody) Email(context.Context, resource.Person) (string, error) { return "", nil }

// recorder writes requests down instead of sending them.
type recorder struct{ requests []Planned }

// RoundTrip implements http.RoundTripper.
func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	p := Planned{Method: req.Method, URL: req.URL.String()}
	answer := "{}"
	if req.Body != nil {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		p.Body = bytes.TrimSpace(body)
	}
	switch {
	case strings.HasSuffix(req.URL.Path, "/spaces:setup"):
		answer = `{"name":"` + newSpace + `"}`
	case strings.HasSuffix(req.URL.Path, "/groups:lookup"):
		answer = `{"name":"` + newGroup + `"}`
	}
	r.requests = append(r.requests, p)
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(answer)), Request: req,
	}, nil
}
