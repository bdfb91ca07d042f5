package api_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"example.com/deputy/shared/api"
)

// The largest valid body, written as long as JSON allows, is within its limit.
func TestMaxBody_Largest(t *testing.T) {
	emoji := func(n int) string { return strings.Repeat(`\ud83d\ude00`, n) }
	member := `,
		"` + strings.Repeat("m", 300) + `@example.com"`
	body := `{
		"actAs": "users/1", "displayName": "` + emoji(128) + `", "description": "` + emoji(4096) + `",
		"guidelines": "` + emoji(5000) + `", "firstMessage": "` + emoji(4000) + `",
		"members": ["users/1"` + strings.Repeat(member, 499) + `]}`
	limit := api.MaxBody("POST /v1/spaces")
	if err := createSpace(body); err != nil || int64(len(body)) > limit {
		t.Errorf("%d bytes, at most %d: %v", len(body), limit, err)
	}
	if int64(len(body)) < limit*8/10 {
		t.Errorf("the limit %d is much more than the largest body, %d", limit, len(body))
	}
}

// Each operation has a limit, and no schema of a request is without a bound.
func TestMaxBody_EachOperation(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(api.Document)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range slices.Sorted(maps.Keys(doc.Paths.Map())) {
		for method, o := range doc.Paths.Value(path).Operations() {
			limit := api.MaxBody(method + " " + path)
			if hasBody := o.RequestBody != nil; hasBody != (limit > 1<<10) || limit > 400<<10 {
				t.Errorf("%s %s: %d bytes", method, path, limit)
			}
		}
	}
	if limit := api.MaxBody(http.MethodGet + " /v1/spaces"); limit != 1<<10 {
		t.Errorf("without a body: %d", limit)
	}
}
