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

// held is a trial whose calls to Chat's API wait until let.
func held(t *testing.T) (tr *trial, let func()) {
	t.Helper()
	gate := make(chan struct{})
	tr = newTrial(t, &failure{name: "Google hangs", wire: func(r *http.Request, passOn http.RoundTripper) (*http.Response, error) {
		if strings.HasSuffix(r.URL.Path, "/spaces:setup") {
			select {
			case <-gate:
			case <-r.Context().Done():
				return nil, r.Context().Err()
			}
		}
		return passOn.RoundTrip(r)
	}}, true)
	tr.allowed(capability.All()...)
	tr.everything()
	tr.arm(1)
	return tr, sync.OnceFunc(func() { close(gate) })
}

// fill lets so many acts begin, and gives their answers when they have ended.
func fill(n int, act func(i int) *httptest.ResponseRecorder) (answers []*httptest.ResponseRecorder, wait func()) {
	answers = make([]*httptest.ResponseRecorder, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { answers[i] = act(i) })
	}
	synctest.Wait() // all wait for Google
	return answers, all.Wait
}

func TestPastItsRoomChatGetsACardAtOnceAndTheOthersAreNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr, let := held(t)
		event := func(i int) *httptest.ResponseRecorder {
			return tr.sendEvent(command(ada, fmt.Sprintf("spaces/DM/messages/busy%d", i), 5, fmt.Sprintf("Plan %d", i)))
		}
		opened := choose(101)(tr, "DM"+ada.Sub)
		answers, wait := fill(serve.MaxInFlight, event)
		began := tr.clock.now()
		more := event(serve.MaxInFlight)
		if more.Code != http.StatusOK || !strings.Contains(more.Body.String(), "Deputy is busy") || !strings.Contains(more.Body.String(), "Try again") {
			t.Errorf("past the room: %d %s", more.Code, more.Body)
		}
		form := tr.press(opened, "Create", "DM"+ada.Sub, url.Values{"name": {"What was typed"}})
		if !strings.Contains(form, "Deputy is busy") || !strings.Contains(form, "What was typed") {
			t.Errorf("a form past the room: %s", text(form))
		}
		if took := tr.clock.now().Sub(began); took > 0 {
			t.Errorf("it took %v to say so", took)
		}
		let()
		wait()
		for i, a := range answers {
			if !strings.Contains(a.Body.String(), "Space created") {
				t.Fatalf("%d of those who were in: %d %s", i, a.Code, a.Body)
			}
		}
		if again := event(serve.MaxInFlight); !strings.Contains(again.Body.String(), "Space created") {
			t.Errorf("when there is room again: %s", again.Body)
		}
	})
}

func TestPastItsRoomTheAPISaysWhenToComeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr, let := held(t)
		create := func(i int) *httptest.ResponseRecorder {
			body := fmt.Sprintf(`{"actAs":"%s","displayName":"Plan %d"}`, ada.User(), i)
			return tr.do(http.MethodPost, "/createspace/v1/spaces", body, "Authorization", tr.callerToken(), "Idempotency-Key", fmt.Sprintf("overload-%04d", i), "Content-Type", "application/json")
		}
		answers, wait := fill(serve.MaxInFlight, create)
		more := create(serve.MaxInFlight)
		if more.Code != http.StatusServiceUnavailable || more.Header().Get("Retry-After") != "2" || !strings.Contains(more.Body.String(), "urn:deputy:problem:unavailable") {
			t.Errorf("past the room: %d %s %s", more.Code, more.Header().Get("Retry-After"), more.Body)
		}
		let()
		wait()
		made := map[string]bool{}
		for i, a := range answers {
			if a.Code != http.StatusCreated {
				t.Fatalf("%d of those who were in: %d %s", i, a.Code, a.Body)
			}
			made[a.Body.String()] = true
		}
		if again := create(serve.MaxInFlight); again.Code != http.StatusCreated || len(made) != serve.MaxInFlight {
			t.Errorf("when there is room again: %d %s; %d spaces", again.Code, again.Body, len(made))
		}
	})
}
