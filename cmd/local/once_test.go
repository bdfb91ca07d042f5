package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/deputy/shared/userauth"
)

const planBody = `{"actAs":"ada@example.com","displayName":"Plan %s"}`

func TestTheSameRequestGetsTheSameAnswerForSevenDays(t *testing.T) {
	t.Parallel()
	w := connectedWith(t)
	first := w.api(t, "POST", "/v1/spaces", fmt.Sprintf(planBody, "A"))
	calls := len(w.google.Calls())
	for range 3 {
		if again := w.api(t, "POST", "/v1/spaces", fmt.Sprintf(planBody, "A")); again.status != first.status || again.text != first.text {
			t.Errorf("again: %d %s, at first %s", again.status, again.text, first.text)
		}
	}
	if made := w.google.Calls()[calls:]; len(made) != 0 {
		t.Errorf("Google was asked: %v", made)
	}
	if other := w.api(t, "POST", "/v1/spaces", fmt.Sprintf(planBody, "B")); other.status != http.StatusUnprocessableEntity || other.problem() != "key_reused" {
		t.Errorf("another body under the key: %d %s", other.status, other.text)
	}
	if as := w.api(t, "POST", "/v1/spaces", `{"actAs":"`+ada.User()+`","displayName":"Plan C"}`); as.status != http.StatusCreated {
		t.Errorf("for somebody else the key is another: %d %s", as.status, as.text)
	}
	kept, err := w.docs.List(t.Context(), "replies", "", 10)
	if err != nil || len(kept) == 0 {
		t.Fatalf("%v, %v", kept, err)
	}
	for _, doc := range kept {
		for name, value := range doc.Fields {
			if strings.Contains(fmt.Sprintf("%s", value), "Plan") {
				t.Errorf("%s is readable in the store", name)
			}
		}
	}
	w.clock.advance(7*24*time.Hour + time.Minute)
	if after := w.api(t, "POST", "/v1/spaces", fmt.Sprintf(planBody, "D")); after.status != http.StatusCreated {
		t.Errorf("after seven days: %d %s", after.status, after.text)
	}
}

func TestWhatWasRefusedLeavesTheKeyFreeAndWhatFailedDoesNot(t *testing.T) {
	t.Parallel()
	w := connectedWith(t)
	w.google.Fail("chat.spaces.setup", 403)
	if refused := w.api(t, "POST", "/v1/spaces", fmt.Sprintf(planBody, "A")); refused.problem() != "denied" {
		t.Errorf("refused: %s", refused.text)
	}
	w.google.Fail("chat.spaces.setup", 500, 500, 500, 500)
	if failed := w.api(t, "POST", "/v1/spaces", fmt.Sprintf(planBody, "B")); failed.problem() != "unavailable" { // another body: nothing was done before
		t.Errorf("failed: %s", failed.text)
	}
	if other := w.api(t, "POST", "/v1/spaces", fmt.Sprintf(planBody, "C")); other.problem() != "key_reused" { // B may be there
		t.Errorf("another body: %s", other.text)
	}
	if again := w.api(t, "POST", "/v1/spaces", fmt.Sprintf(planBody, "B")); again.status != http.StatusCreated {
		t.Errorf("again: %d %s", again.status, again.text)
	}
}

func TestFiftyRequestsWithOneKeyOverTwoInstancesMakeOneSpace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := newTrial(t, nil, false)
		tr.allowed(userauth.Capabilities()...)
		tr.approved()
		tr.twice()
		token := tr.callerToken()
		post := func(instance http.Handler) *httptest.ResponseRecorder {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/createspace/v1/spaces", strings.NewReader(`{"actAs":"users/`+ada.Sub+`","displayName":"Launch plan"}`))
			r.Header.Set("Authorization", token)
			r.Header.Set("Idempotency-Key", "fifty-at-once")
			r.Header.Set("Content-Type", "application/json")
			answer := httptest.NewRecorder()
			instance.ServeHTTP(answer, r)
			return answer
		}
		answers := make([]*httptest.ResponseRecorder, 50)
		var all sync.WaitGroup
		for i := range answers {
			all.Go(func() { answers[i] = post([]http.Handler{tr.front, tr.twin.front}[i%2]) })
		}
		all.Wait()
		got := map[string]int{}
		for _, a := range answers {
			var p struct{ Type, Name string }
			if err := json.Unmarshal(a.Body.Bytes(), &p); err != nil {
				t.Fatalf("%v: %s", err, a.Body)
			}
			got[strings.TrimPrefix(p.Type, "urn:deputy:problem:")+p.Name]++
			if a.Code == http.StatusConflict && a.Header().Get("Retry-After") == "" {
				t.Error("come again, but not when")
			}
		}
		if tr.plans() != 1 || tr.google.Count("chat.spaces.setup") != 1 {
			t.Errorf("%d spaces, %d calls", tr.plans(), tr.google.Count("chat.spaces.setup"))
		}
		delete(got, "in_progress")
		if len(got) != 1 {
			t.Errorf("answers: %v", maps.Clone(got))
		}
		if last := post(tr.twin.front); last.Code != http.StatusCreated {
			t.Errorf("afterwards: %d %s", last.Code, last.Body)
		}
	})
}

func TestARequestWhoseInstanceDiedIsTakenOverAfterAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// The space is made, and then nothing answers any more: neither can the
		// end be stored.
		f := failures[7]
		if f.name != "10 s of silence" {
			t.Fatal(f.name)
		}
		tr := newTrial(t, &f, true)
		tr.connect()
		tr.approved()
		probe := newTrial(t, nil, false)
		probe.connect()
		probe.approved()
		from := probe.calls.Load()
		probe.post()
		last := int(probe.calls.Load() - from)
		tr.arm(last - 1) // from the storing of the answer on
		tr.post()
		tr.calm()
		if soon := tr.post(); soon.Code != http.StatusConflict && soon.Code != http.StatusCreated {
			t.Errorf("soon: %d %s", soon.Code, soon.Body)
		}
		tr.clock.advance(time.Minute)
		if later := tr.post(); later.Code != http.StatusCreated || tr.plans() != 1 {
			t.Errorf("later: %d %s, %d spaces", later.Code, later.Body, tr.plans())
		}
	})
}
