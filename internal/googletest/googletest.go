// Package googletest lets tests use emulator/google without a network: a request is a function call. So a test can run
// in a synctest bubble, where retries and pauses take no time.
package googletest

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"example.com/deputy/emulator/google"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/resource"
)

// URL is the address of all of Google's services.
const URL = "https://google.test"

// Google is an emulated Google. It is the http.RoundTripper for the code under test.
type Google struct {
	*google.Server
	mu       sync.Mutex
	requests []string
	answers  map[string][]string
}

// New returns a Google of one test. c.Now may be nil.
func New(c google.Config) *Google {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.ChatAddress == "" {
		c.ChatAddress = "https://chat.test/"
	}
	return &Google{Server: google.New(c), answers: map[string][]string{}}
}

// Answer sets the next answers to a request, such as GET /v1/spaces, before the emulator answers again.
func (g *Google) Answer(request string, bodies ...string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.answers[request] = append(g.answers[request], bodies...)
}

// TakeRequests returns the requests so far, each as METHOD path?query body, and forgets them. It omits the query's
// parameters that are in every request.
func (g *Google) TakeRequests() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := g.requests
	g.requests = nil
	return out
}

// RoundTrip implements http.RoundTripper.
func (g *Google) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	response := httptest.NewRecorder()
	if answer, ok := g.record(r, body); ok {
		response.Header().Set("Content-Type", "application/json")
		_, _ = response.WriteString(answer)
	} else {
		in := r.Clone(r.Context())
		in.Body = io.NopCloser(bytes.NewReader(body))
		g.Handler().ServeHTTP(response, in)
	}
	out := response.Result()
	out.Request = r
	return out, nil
}

func (g *Google) record(r *http.Request, body []byte) (answer string, ok bool) {
	q := r.URL.Query()
	q.Del("alt")
	q.Del("prettyPrint")
	text := r.Method + " " + r.URL.Path
	if query, _ := url.QueryUnescape(q.Encode()); query != "" {
		text += "?" + query
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.requests = append(g.requests, strings.TrimSpace(text+" "+string(body)))
	key := r.Method + " " + r.URL.Path
	if len(g.answers[key]) == 0 {
		return "", false
	}
	answer, g.answers[key] = g.answers[key][0], g.answers[key][1:]
	return answer, true
}

// Actor acts as emulated people. Each token allows exactly what the call asks for, so that Google rejects a call that
// asks for too little.
type Actor struct {
	Google   *Google
	Declined []capability.Capability
	Asked    [][]capability.Capability // by each call

	mu sync.Mutex
}

// Act implements googlecall.Actor.
func (a *Actor) Act(
	_ context.Context, person resource.Person, needed []capability.Capability, do func(oauth2.TokenSource) error,
) error {
	a.mu.Lock()
	a.Asked = append(a.Asked, needed)
	a.mu.Unlock()
	isAllowed := func(c capability.Capability) bool { return !slices.Contains(a.Declined, c) }
	if missing := slices.DeleteFunc(slices.Clone(needed), isAllowed); len(missing) > 0 {
		return &capability.ConsentError{Capabilities: needed, Missing: missing, Declined: true}
	}
	p, _ := google.FindPerson(string(person))
	_, access := a.Google.Connect(p, capability.Scopes(needed...)...)
	return do(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: access}))
}

// Email implements googlecall.Actor.
func (*Actor) Email(_ context.Context, person resource.Person) (string, error) {
	p, _ := google.FindPerson(string(person))
	return p.Email, nil
}
