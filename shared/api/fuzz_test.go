package api_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"example.com/deputy/shared/api"
	"example.com/deputy/shared/fault"
)

// FuzzCheck checks that an accepted request has a body that decodes, and that every rejection is the caller's fault.
func FuzzCheck(f *testing.F) {
	f.Add("/v1/spaces", "actAs=users/1", `{"actAs":"ada@example.com","displayName":"Plan"}`)
	f.Add("/v1/spaces/AAAA/members", "", `{"actAs":"users/1","members":["groups/x"]}`)
	f.Add("/v1/spaces", "a=%zz&actAs=1&actAs=2", `[`)
	f.Fuzz(func(t *testing.T, path, query, body string) {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.URL = &url.URL{Path: path, RawQuery: query}
		r.Header.Set("Content-Type", "application/json")
		for _, pattern := range []string{"POST /v1/spaces", "POST /v1/spaces/{space}/members"} {
			err := api.Check(r, pattern, []byte(body))
			if err != nil && fault.KindOf(err) != fault.Invalid {
				t.Errorf("%s %s: got %v", pattern, path, err)
			}
			var out map[string]any
			if err == nil && api.Decode([]byte(body), pattern, &out) != nil {
				t.Errorf("%s: accepted, but %q doesn't decode", pattern, body)
			}
		}
	})
}
