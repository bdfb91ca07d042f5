package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/serve"
)

// newBlockedTrial returns a trial whose spaces.setup calls wait until release is called.
func newBlockedTrial(t *testing.T) (tr *trial, release func()) {
	t.Helper()
	gate := make(chan struct{})
	tr = newTrial(t, &failure{
		name: "Google hangs",
		wire: func(r *http.Request, passOn http.RoundTripper) (*http.Response, error) {
			if strings.HasSuffix(r.URL.Path, "/spaces:setup") {
				select {
				case <-gate:
				case <-r.Context().Done():
					return nil, r.Context().Err()
				}
			}
			return passOn.RoundTrip(r)
		},
	}, true)
	tr.allow(capability.All()...)
	tr.approveAll()
	tr.arm(1)
	return tr, sync.OnceFunc(func() { close(gate) })
}

// startRequests starts n requests that block at Google. The responses are complete when wait returns.
func startRequests(n int, send func(i int) *httptest.ResponseRecorder) ([]*httptest.ResponseRecorder, func()) {
	answers := make([]*httptest.ResponseRecorder, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { answers[i] = send(i) })
	}
	synctest.Wait() // until each request waits for Google
	return answers, wg.Wait
}

func TestOverload_Chat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr, release := newBlockedTrial(t)
		event := func(i int) *httptest.ResponseRecorder {
			return tr.sendEvent(command(ada, fmt.Sprintf("spaces/DM/messages/busy%d", i), 5, fmt.Sprintf("Plan %d", i)))
		}
		opened := choose(101)(tr, "DM"+ada.Sub)
		answers, wait := startRequests(serve.MaxInFlight, event)
		began := tr.clock.now()
		more := event(serve.MaxInFlight)
		if more.Code != http.StatusOK || !strings.Contains(more.Body.String(), "Deputy is busy") ||
			!strings.Contains(more.Body.String(), "Try again") {
			t.Errorf("over the limit: %d %s", more.Code, more.Body)
		}
		form := tr.press(opened, "Create", "DM"+ada.Sub, url.Values{"name": {"What was typed"}})
		if !strings.Contains(form, "Deputy is busy") || !strings.Contains(form, "What was typed") {
			t.Errorf("form over the limit: %s", visibleText(form))
		}
		if took := tr.clock.now().Sub(began); took > 0 {
			t.Errorf("the answer took %v", took)
		}
		release()
		wait()
		for i, a := range answers {
			if !strings.Contains(a.Body.String(), "Space created") {
				t.Fatalf("request %d within the limit: %d %s", i, a.Code, a.Body)
			}
		}
		if again := event(serve.MaxInFlight); !strings.Contains(again.Body.String(), "Space created") {
			t.Errorf("after the others finished: %s", again.Body)
		}
	})
}

func TestOverload_API(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr, release := newBlockedTrial(t)
		create := func(i int) *httptest.ResponseRecorder {
			body := fmt.Sprintf(`{"actAs":"%s","displayName":"Plan %d"}`, ada.User(), i)
			return tr.do(http.MethodPost, "/createspace/v1/spaces", body, "Authorization", tr.callerToken(),
				"Idempotency-Key", fmt.Sprintf("overload-%04d", i), "Content-Type", "application/json")
		}
		answers, wait := startRequests(serve.MaxInFlight, create)
		more := create(serve.MaxInFlight)
		if more.Code != http.StatusServiceUnavailable || more.Header().Get("Retry-After") != "2" ||
			!strings.Contains(more.Body.String(), "urn:deputy:problem:unavailable") {
			t.Errorf("over the limit: %d %s %s", more.Code, more.Header().Get("Retry-After"), more.Body)
		}
		release()
		wait()
		bodies := map[string]bool{}
		for i, a := range answers {
			if a.Code != http.StatusCreated {
				t.Fatalf("request %d within the limit: %d %s", i, a.Code, a.Body)
			}
			bodies[a.Body.String()] = true
		}
		if again := create(serve.MaxInFlight); again.Code != http.StatusCreated || len(bodies) != serve.MaxInFlight {
			t.Errorf("after the others finished: %d %s; %d spaces", again.Code, again.Body, len(bodies))
		}
	})
}
