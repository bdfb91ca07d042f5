package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"example.com/deputy/internal/apitest"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/serve"
)

// randomValue returns a value that the schema allows. With probability oddRate, at
// each level, it returns one that the schema might not allow.
func randomValue(r *rand.Rand, s *openapi3.Schema, oddRate float64) any {
	if r.Float64() < oddRate {
		return []any{
			nil, 7, -1.5e300, true, "", strings.Repeat("x", 5000), "\x00\u202e", "users/../x", "groups/",
			[]any{},
			map[string]any{"a": 1},
			[]any{nil},
		}[r.IntN(12)]
	}
	switch {
	case len(s.Enum) > 0:
		return s.Enum[r.IntN(len(s.Enum))]
	case s.Type.Is("object"):
		out := map[string]any{}
		for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
			if slices.Contains(s.Required, name) || r.IntN(2) == 0 {
				out[name] = randomValue(r, s.Properties[name].Value, oddRate)
			}
		}
		if r.Float64() < oddRate {
			out["unheardOf"] = 1
		}
		return out
	case s.Type.Is("array"):
		out := []any{}
		for range 1 + r.IntN(3) {
			out = append(out, randomValue(r, s.Items.Value, oddRate))
		}
		return out
	case s.Type.Is("boolean"):
		return r.IntN(2) == 0
	case s.Type.Is("integer"):
		return 1 + r.IntN(50)
	case strings.Contains(s.Pattern, "threads"):
		return "spaces/AAAAteam/threads/t1"
	case strings.Contains(s.Description, "users/{id}"):
		return []any{"ada@example.com", ada.User(), "grace@example.com", "nobody@example.com"}[r.IntN(4)]
	default:
		return fmt.Sprintf("text %d äß😀", r.IntN(1000))
	}
}

// pathValues are values for path parameters. The first exists.
var pathValues = []string{
	"AAAAteam", "AAAA0001", ada.Sub, "ada@example.com", "x", "a%2Fb", "..", "%00", "",
	strings.Repeat("a", 300), "ä", "__x__", ".",
}

func TestAPI_RandomRequests(t *testing.T) {
	t.Parallel()
	doc, _ := apitest.Document()
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // reproducible
	for name, oddRate := range map[string]float64{"valid": 0, "broken": 0.15} {
		tr := newTrial(t, nil, false)
		tr.allow(capability.All()...)
		tr.approveAll()
		token, statuses, front := tr.callerToken(), map[int]int{}, serve.NewServer(tr.front).Handler
		for n := range 1000 {
			paths := slices.Sorted(maps.Keys(doc.Paths.Map()))
			path := paths[r.IntN(len(paths))]
			methods := slices.Sorted(maps.Keys(doc.Paths.Value(path).Operations()))
			method := methods[r.IntN(len(methods))]
			if method == http.MethodDelete && strings.Contains(path, "people") && oddRate == 0 {
				continue // later requests would only get consent_required
			}
			operation := doc.Paths.Value(path).Operations()[method]
			query := url.Values{}
			for _, p := range operation.Parameters {
				if p.Value.In == "query" && (p.Value.Required || r.IntN(2) == 0) && p.Value.Name != "pageToken" {
					query.Set(p.Value.Name, fmt.Sprint(randomValue(r, p.Value.Schema.Value, oddRate)))
				}
			}
			if query.Has("actAs") && oddRate == 0 {
				query.Set("actAs", ada.User())
			}
			if query.Has("updateMask") && oddRate == 0 {
				query.Set("updateMask", "description")
			}
			at := path
			for strings.Contains(at, "{") {
				value := pathValues[r.IntN(len(pathValues))]
				if oddRate == 0 {
					value = pathValues[0]
				}
				from, to := strings.Index(at, "{"), strings.Index(at, "}")
				at = at[:from] + value + at[to+1:]
			}
			body := ""
			if operation.RequestBody != nil {
				text, err := json.Marshal(randomValue(r,
					operation.RequestBody.Value.Content["application/json"].Schema.Value, oddRate))
				if err != nil {
					t.Fatal(err)
				}
				body = string(text)
				if r.Float64() < oddRate {
					body = body[:r.IntN(len(body)+1)]
				}
			}
			u, err := url.Parse(tr.address + "/createspace" + at + "?" + query.Encode())
			if err != nil {
				continue // no client can send it
			}
			req := httptest.NewRequestWithContext(t.Context(), method, "/", strings.NewReader(body))
			req.URL, req.RequestURI = u, ""
			u.Scheme, u.Host = "", ""
			req.Header.Set("Authorization", token)
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("Idempotency-Key", fmt.Sprintf("request-%d", n))
			answer := httptest.NewRecorder()
			front.ServeHTTP(answer, req)
			tr.clock.advance(100 * time.Millisecond) // the caller's rate
			statuses[answer.Code]++
			if answer.Code >= http.StatusInternalServerError {
				t.Fatalf("%s: %s %s %s: %d %s", name, method, u, body, answer.Code, answer.Body)
			}
			if kind := answer.Header().Get("Content-Type"); answer.Code >= 400 && kind != "application/problem+json" {
				t.Errorf("%s: %s %s: %d has content type %s: %s", name, method, u, answer.Code, kind, answer.Body)
			}
		}
		t.Logf("%s: %v", name, statuses)
		if oddRate == 0 && statuses[200]+statuses[201] < 200 {
			t.Errorf("too few requests succeeded: %v", statuses)
		}
	}
}
