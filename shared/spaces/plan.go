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

// PlannedRequest is a request that would go to Google.
type PlannedRequest struct {
	Method string
	URL    string
	Body   json.RawMessage // nil without one
}

// Plan returns the requests that do would send. It passes do a Spaces that records
// requests instead of sending them. A new space is named spaces/NEW and has no members,
// a group is named groups/ID.
func (s *Spaces) Plan(ctx context.Context, do func(context.Context, *Spaces) error) ([]PlannedRequest, error) {
	var rec recorder
	api, identity, err := services(ctx, Google, &rec)
	if err != nil {
		return nil, fault.Wrap("spaces.Plan", err)
	}
	plan := *s
	plan.api, plan.identity, plan.auth, plan.planning = api, identity, noAuth{}, true
	err = do(ctx, &plan)
	return rec.requests, fault.Wrap("spaces.Plan", err)
}

// noAuth is an actor without a token.
type noAuth struct{}

func (noAuth) Act(
	_ context.Context, _ resource.Person, _ []capability.Capability, do func(oauth2.TokenSource) error,
) error {
	return do(oauth2.StaticTokenSource(&oauth2.Token{}))
}

func (noAuth) Email(context.Context, resource.Person) (string, error) { return "", nil }

// recorder records requests instead of sending them.
type recorder struct{ requests []PlannedRequest }

// RoundTrip implements http.RoundTripper.
func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	p := PlannedRequest{Method: req.Method, URL: req.URL.String()}
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
		answer = `{"name":"spaces/NEW"}`
	case strings.HasSuffix(req.URL.Path, "/groups:lookup"):
		answer = `{"name":"groups/ID"}`
	}
	r.requests = append(r.requests, p)
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(answer)), Request: req,
	}, nil
}
