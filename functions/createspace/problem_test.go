package createspace_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/internal/vaulttest"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/serve"
)

func TestProblem_Types(t *testing.T) {
	t.Parallel()
	const say = `{"actAs":"ada@example.com","text":"Hello"}`
	post := func(e *env) answer { return e.call("POST", team+"/messages", say) }
	for name, c := range map[string]struct {
		status int
		do     func(*env) answer
		header map[string]string
	}{
		"invalid_request": {400, func(e *env) answer { return e.call("POST", team+"/messages", `{}`) }, nil},
		"unauthenticated": {401, func(e *env) answer {
			return e.call("POST", team+"/messages", say, "Authorization", "Bearer x")
		}, map[string]string{"WWW-Authenticate": `Bearer error="invalid_token"`}},
		"consent_required": {403, func(e *env) answer {
			e.Connect(ada, capability.Meet)
			e.Approve(ada, callers.AuthorityUser, callers.Actions()...)
			return post(e)
		}, nil},
		"approval_required": {403, func(e *env) answer {
			e.Connect(ada, capability.Meet)
			return post(e)
		}, nil},
		"denied": {403, func(e *env) answer {
			return e.call("POST", team+"/messages", `{"actAs":"kim@partner.example","text":"Hello"}`)
		}, nil},
		"not_found": {404, func(e *env) answer { return e.call("POST", "/v1/spaces/none/messages", say) }, nil},
		"method_not_allowed": {
			405, func(e *env) answer { return e.call("GET", team+"/messages", "") }, map[string]string{"Allow": "POST"},
		},
		"conflict": {409, func(e *env) answer {
			e.space("Plan")
			return e.call("POST", "/v1/spaces", `{"actAs":"ada@example.com","displayName":"Plan"}`)
		}, nil},
		"changed": {412, func(e *env) answer {
			return e.call("PATCH", team+"?updateMask=description", `{"actAs":"ada@example.com"}`, "If-Match", `"x"`)
		}, nil},
		"too_large": {413, func(e *env) answer {
			return e.call("POST", team+"/messages", strings.Repeat(" ", 500_000))
		}, nil},
		"unsupported_media_type": {415, func(e *env) answer {
			return e.call("POST", team+"/messages", say, "Content-Type", "text/plain")
		}, nil},
		"key_reused": {422, func(e *env) answer {
			post(e)
			return e.call("POST", team+"/messages", `{"actAs":"ada@example.com","text":"Bye"}`)
		}, nil},
		"rate_limited": {429, func(e *env) answer {
			e.Google.Fail("chat.spaces.messages.create", 429, 429, 429, 429)
			return post(e)
		}, map[string]string{"Retry-After": "30"}},
		"internal": {500, func(e *env) answer {
			e.Docs.Inject = func(context.Context, vaulttest.Call) error { panic("marked") }
			return post(e)
		}, nil},
		"unavailable": {503, func(e *env) answer {
			e.Docs.Inject = func(context.Context, vaulttest.Call) error {
				return fault.New(fault.Unavailable, fault.NoText)
			}
			return post(e)
		}, map[string]string{"Retry-After": "30"}},
	} {
		t.Run(name, func(t *testing.T) {
			inEnv(t, func(t *testing.T, e *env) {
				got := c.do(e)
				if got.problem() != name || got.Code != c.status || got.body["status"] != float64(c.status) ||
					got.text("title") != http.StatusText(c.status) || got.text("detail") == "" ||
					got.Header().Get("Content-Type") != "application/problem+json" {
					t.Errorf("%d %s %v", got.Code, got.Body, got.Header())
				}
				for _, header := range []string{"WWW-Authenticate", "Allow", "Retry-After"} {
					if value := got.Header().Get(header); value != c.header[header] {
						t.Errorf("%s: %q", header, value)
					}
				}
				isKnown := name != "unauthenticated" && name != "method_not_allowed" // the caller
				if (got.Header().Get("RateLimit") != "") != isKnown {
					t.Errorf("RateLimit: %q", got.Header().Get("RateLimit"))
				}
				if reference := got.text("reference"); reference == "" || !strings.Contains(e.Log(), reference) ||
					strings.Contains(got.Body.String(), "marked") {
					t.Errorf("reference %q", reference)
				}
				asks := name == "consent_required" || name == "approval_required"
				invited := strings.HasPrefix(got.text("invitation"), "https://deputy.test/start?invitation=")
				missing, _ := got.body["missing"].([]any)
				if invited != asks || asks != (cmp.Diff([]any{"PostMessages"}, missing) == "") {
					t.Errorf("%s", got.Body)
				}
			})
		})
	}
}

// A request in progress says to wait as long as it has been running, at least a second.
func TestProblem_InProgress(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		const say = `{"actAs":"ada@example.com","text":"Hello"}`
		var waits []string
		e.Intercept = func(r *http.Request, next func() *http.Response) (*http.Response, error) {
			for _, pause := range []time.Duration{500 * time.Millisecond, 4 * time.Second} {
				if !strings.HasSuffix(r.URL.Path, "/messages") {
					continue
				}
				time.Sleep(pause)
				during := e.call("POST", team+"/messages", say)
				waits = append(waits, during.Header().Get("Retry-After"))
				if during.Code != http.StatusConflict || during.problem() != "in_progress" {
					t.Errorf("%d %s", during.Code, during.Body)
				}
			}
			return next(), nil
		}
		e.want(201, "POST", team+"/messages", say)
		if diff := cmp.Diff([]string{"1", "5"}, waits); diff != "" {
			t.Error(diff)
		}
	})
}

// A full instance refuses the next request at once; it had no effect and may be repeated soon.
func TestProblem_Full(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		e.want(200, "GET", team+asAda, "") // fetches Google's keys
		released := make(chan struct{})
		e.Intercept = func(_ *http.Request, next func() *http.Response) (*http.Response, error) {
			<-released
			return next(), nil
		}
		var wg sync.WaitGroup
		for range serve.MaxInFlight {
			wg.Go(func() { e.handler.ServeHTTP(httptest.NewRecorder(), e.request("GET", team+asAda, "")) })
		}
		synctest.Wait()
		got := e.call("GET", team+asAda, "")
		if got.Code != http.StatusServiceUnavailable || got.problem() != "unavailable" ||
			got.Header().Get("Retry-After") != "2" || got.Header().Get("RateLimit") == "" {
			t.Errorf("%d %s %v", got.Code, got.Body, got.Header())
		}
		close(released)
		wg.Wait()
	})
}

// A caller that is authenticated and not allowed is in the audit, with its account if the file does not list it.
func TestCaller_DeniedIsAudited(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		e.CallersYAML = "callers: []\n"
		e.refuse("denied", "operator", "GET", "/v1/people/ada@example.com/connection", "")
		want := `action="GET /v1/people/{person}/connection" caller_id="" account=` + uniqueID + " outcome=denied"
		lines := e.Lines("audit")
		if len(lines) != 1 || !strings.Contains(lines[0], want) {
			t.Errorf("%q", lines)
		}
		e.CallersYAML = strings.Replace(callersFile("people.read"), "name: CI", "name: CI, paused: true", 1)
		time.Sleep(2 * time.Minute)
		e.refuse("denied", "operator", "GET", "/v1/people/ada@example.com/connection", "")
		if lines = e.Lines("audit"); len(lines) != 2 || !strings.Contains(lines[1], "caller_id=ci account=") {
			t.Errorf("%q", lines)
		}
		e.refuse("unauthenticated", "", "GET", "/v1/templates", "", "Authorization", "Bearer x")
		if len(e.Lines("audit")) != 2 {
			t.Error("anyone can fill the audit")
		}
	})
}

func TestLog_RequestsWithoutNames(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		e.want(200, "GET", "/v1/people/ada@example.com/connection", "")
		lines := e.Lines("request")
		if len(lines) != 1 || !strings.Contains(lines[0], "caller=ci") ||
			!strings.Contains(lines[0], "path=/v1/people/{person}/connection") ||
			!strings.Contains(lines[0], "function=createspace") || strings.Contains(e.Log(), "ada@") {
			t.Errorf("%q", lines)
		}
	})
}

// Nothing is read of a person, and no body is checked, before the caller is known.
func TestCaller_CheckedFirst(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		reads := e.Docs.Calls()
		e.refuse("unauthenticated", "", "POST", "/v1/spaces", "{", "Authorization", "Bearer x")
		e.CallersYAML = "callers: []\n"
		e.refuse("denied", "", "POST", "/v1/spaces", "{")
		if got := e.Docs.Calls(); got != reads {
			t.Errorf("the store was read %d times", got-reads)
		}
	})
}

// An operation ends before its request does: what does not fit in is left for the next request.
func TestOperation_Deadline(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		start := time.Now()
		got := e.want(202, "POST", "/v1/spaces", manyMembers(400))
		took := time.Since(start)
		states := map[any]int{}
		for _, m := range got.list("members") {
			states[m["state"]]++
		}
		if took < 30*time.Second || took > 50*time.Second || states["JOINED"] < 100 || states["PENDING"] < 100 {
			t.Errorf("%v in %v", states, took)
		}
		if got.Header().Get("Retry-After") != "1" {
			t.Errorf("Retry-After %q", got.Header().Get("Retry-After"))
		}
	})
}

// Each answer, also one that refuses, says what is left of the caller's quota, and names the request.
func TestAnswer_Headers(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		e.CallersYAML = strings.Replace(callersFile(callers.Actions()...), "id: ci,", "id: ci, rate: 2,", 1)
		for n, want := range []string{`"caller";r=1;t=30`, `"caller";r=0;t=60`, `"caller";r=0;t=60`} {
			path := "/v1/templates"
			if n == 1 {
				path += "?unknown=1" // a 400 also counts
			}
			got := e.call("GET", path, "")
			h := got.Header()
			if h.Get("RateLimit") != want || h.Get("RateLimit-Policy") != `"caller";q=2;w=60` ||
				(h.Get("Retry-After") == "30") != (n == 2) || (got.Code == http.StatusTooManyRequests) != (n == 2) {
				t.Errorf("request %d: %d %v", n+1, got.Code, h)
			}
			if h.Get("Request-Id") == "" || !strings.Contains(e.Log(), h.Get("Request-Id")) ||
				h.Get("Cache-Control") != "no-store, no-transform" {
				t.Errorf("request %d: %v", n+1, h)
			}
		}
		time.Sleep(30 * time.Second) // as Retry-After said
		e.want(200, "GET", "/v1/templates", "")
	})
}

// A condition that is ignored would be a lost update. Only the operations that document one take it.
func TestConditions_Refused(t *testing.T) {
	inEnv(t, func(_ *testing.T, e *env) {
		for _, c := range []struct{ method, path, body, name string }{
			{"DELETE", team + asAda + "&confirm=Team", "", "If-Match"},
			{"GET", team + asAda, "", "If-None-Match"},
			{"PATCH", team + "/members/" + grace.Sub, `{"actAs":"ada@example.com","role":"MANAGER"}`, "If-Match"},
			{"POST", "/v1/spaces", `{"actAs":"ada@example.com","displayName":"x"}`, "If-None-Match"},
			{"PATCH", team + "?updateMask=description", `{"actAs":"ada@example.com"}`, "If-Unmodified-Since"},
		} {
			e.refuse("invalid_request", "doesn't support "+c.name, c.method, c.path, c.body, c.name, `"x"`)
		}
	})
}

// A problem names the field: by JSON Pointer in the body, else by the parameter.
func TestProblem_Field(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		for _, c := range []struct{ method, path, body, pointer, parameter string }{
			{"POST", "/v1/spaces", `{"actAs":"ada@example.com","displayName":1}`, "/displayName", ""},
			{"POST", "/v1/spaces", `{"displayName":"x"}`, "/actAs", ""},
			{"POST", "/v1/spaces", `{"actAs":"a@example.com","members":["a@example.com",""]}`, "/members/1", ""},
			{"POST", "/v1/spaces", `{"actAs":"a@example.com","a/b~c":1}`, "/a~1b~0c", ""},
			{"GET", team, "", "", "actAs"},
			{"GET", team + asAda + "&x=1", "", "", "x"},
			{"GET", "/v1/spaces/A%20B" + asAda, "", "", "space"},
			{"GET", "/v1/spaces" + asAda + "&pageSize=0", "", "", "pageSize"},
		} {
			got := e.refuse("invalid_request", "", c.method, c.path, c.body)
			errs := got.list("errors")
			if len(errs) != 1 || errs[0]["detail"] != got.text("detail") ||
				(errs[0]["pointer"] != c.pointer) != (c.pointer == "") ||
				(errs[0]["parameter"] != c.parameter) != (c.parameter == "") {
				t.Errorf("%s %s %s: %s", c.method, c.path, c.body, got.Body)
			}
		}
	})
}
