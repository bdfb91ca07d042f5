package createspace_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/getkin/kin-openapi/openapi3filter"

	"example.com/deputy/emulator/google"
	"example.com/deputy/functions/createspace"
	"example.com/deputy/internal/apitest"
	"example.com/deputy/internal/operationstest"
	"example.com/deputy/internal/seed"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/googleauth"
)

var ada, grace, alan = google.People()[0], google.People()[1], google.People()[2]

var check = operationstest.Check

const (
	audience = "https://api.test"
	uniqueID = "100000000000000000900"
	team     = "/v1/spaces/AAAAteam"
	asAda    = "?actAs=ada@example.com"
)

// env is the function with real operations.
type env struct {
	*operationstest.World
	handler http.Handler
	t       *testing.T
	token   string
}

// inEnv runs a test with a function of its own, where waiting takes no time.
func inEnv(t *testing.T, test func(t *testing.T, e *env)) {
	t.Helper()
	inSeededEnv(t, seed.Get(t), test)
}

// inFriendlyEnv is inEnv for a test of whole answers: Google sends whole pages and all fields.
func inFriendlyEnv(t *testing.T, test func(t *testing.T, e *env)) {
	t.Helper()
	inSeededEnv(t, 0, test)
}

func inSeededEnv(t *testing.T, strict uint64, test func(t *testing.T, e *env)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &env{World: operationstest.NewSeeded(t, strict), t: t}
		e.CallersYAML = callersFile(callers.Actions()...)
		keys := googleauth.NewKeySet(operationstest.Address+"/oauth2/v3/certs", e.Base, time.Now)
		e.handler = createspace.New(createspace.Deps{
			Callers:    callers.NewAuthenticator(keys, e.Deps.Callers, time.Now, audience),
			Operations: e.Operations, Log: e.Deps.Log,
		})
		e.token = e.Google.SignGoogle(map[string]any{
			"iss": "https://accounts.google.com", "aud": audience, "azp": uniqueID, "sub": uniqueID,
			"email": "ci@project.iam.gserviceaccount.com", "email_verified": true,
			"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
		})
		test(t, e)
	})
}

// callersFile is a callers file in which ci may do these actions for example.com.
func callersFile(actions ...string) string {
	return "callers:\n- {id: ci, kind: service-account, uniqueId: '" + uniqueID + "', name: CI,\n  actions: [" +
		strings.Join(actions, ", ") + "],\n  domains: [example.com], authorities: [user, admin, delegation]}\n" +
		"templates:\n- {name: Operators, description: d}\n"
}

// answer is a response.
type answer struct {
	*httptest.ResponseRecorder
	body map[string]any
}

// problem returns the type of a problem without its prefix.
func (a answer) problem() string {
	kind, _ := a.body["type"].(string)
	return strings.TrimPrefix(kind, "urn:deputy:problem:")
}

// text returns a string in the body.
func (a answer) text(field string) string { s, _ := a.body[field].(string); return s }

// list returns a list of objects in the body.
func (a answer) list(field string) []map[string]any {
	all, _ := a.body[field].([]any)
	var out []map[string]any
	for _, item := range all {
		object, _ := item.(map[string]any)
		out = append(out, object)
	}
	return out
}

// request returns a request of ci. header holds names and values; an empty value removes the header.
func (e *env) request(method, path, body string, header ...string) *http.Request {
	r := httptest.NewRequestWithContext(e.t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+e.token)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if method != http.MethodGet {
		r.Header.Set("Idempotency-Key", "the-usual-key")
	}
	for i := 0; i < len(header); i += 2 {
		if r.Header.Set(header[i], header[i+1]); header[i+1] == "" {
			r.Header.Del(header[i])
		}
	}
	return r
}

// call sends a request and checks the response against the document.
func (e *env) call(method, path, body string, header ...string) answer {
	e.t.Helper()
	out := answer{ResponseRecorder: httptest.NewRecorder()}
	e.handler.ServeHTTP(out, e.request(method, path, body, header...))
	if out.Body.Len() > 0 {
		if err := json.Unmarshal(out.Body.Bytes(), &out.body); err != nil {
			e.t.Fatalf("%s %s: %v: %s", method, path, err, out.Body)
		}
	}
	e.checkDocumented(method, path, out)
	return out
}

// checkDocumented checks a response of an operation against the document.
func (e *env) checkDocumented(method, path string, got answer) {
	e.t.Helper()
	_, router := apitest.Document()
	r := httptest.NewRequestWithContext(e.t.Context(), method, path, nil)
	route, params, err := router.FindRoute(r)
	if err != nil {
		return // not in the document: the test checks the response
	}
	in := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route},
		Status:                 got.Code, Header: got.Header(),
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	}
	in.SetBodyBytes(got.Body.Bytes())
	if err := openapi3filter.ValidateResponse(e.t.Context(), in); err != nil {
		e.t.Errorf("%s %s: the response does not match the document: %v", method, path, err)
	}
}

// want calls an operation that must succeed with a status.
func (e *env) want(status int, method, path, body string, header ...string) answer {
	e.t.Helper()
	got := e.call(method, path, body, header...)
	if got.Code != status {
		e.t.Fatalf("%s %s: %d %s", method, path, got.Code, got.Body)
	}
	return got
}

// refuse calls an operation that must fail with a problem and a detail that contains text.
func (e *env) refuse(problem, text, method, path, body string, header ...string) answer {
	e.t.Helper()
	got := e.call(method, path, body, header...)
	if got.problem() != problem || !strings.Contains(got.text("detail"), text) {
		e.t.Errorf("%s %s %s: got %d %s, want %s with %q", method, path, body, got.Code, got.Body, problem, text)
	}
	return got
}

// space creates a space of Ada with members, and returns its path.
func (e *env) space(name string, members ...google.Person) string {
	return "/v1/spaces/" + e.Google.CreateSpace(name, append([]google.Person{ada}, members...)...).ID
}
