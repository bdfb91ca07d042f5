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

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

const planBody = `{"actAs":"ada@example.com","displayName":"Plan %s"}`

func TestIdempotency_SevenDays(t *testing.T) {
	t.Parallel()
	w := newConnectedWorld(t)
	first := w.api(t, "POST", "/v1/spaces", fmt.Sprintf(planBody, "A"))
	calls := len(w.google.Calls())
	for range 3 {
		if again := w.api(t, "POST", "/v1/spaces", fmt.Sprintf(planBody, "A")); again.status != first.status ||
			again.text != first.text {
			t.Errorf("again: %d %s, first %s", again.status, again.text, first.text)
		}
	}
	if extra := w.google.Calls()[calls:]; len(extra) != 0 {
		t.Errorf("unexpected calls to Google: %v", extra)
	}
	if other := w.api(t, "POST", "/v1/spaces",
		fmt.Sprintf(planBody, "B")); other.status != http.StatusUnprocessableEntity || other.problem() != "key_reused" {
		t.Errorf("another body with the same key: %d %s", other.status, other.text)
	}
	if byID := w.api(t, "POST", "/v1/spaces", `{"actAs":"`+ada.User()+
		`","displayName":"Plan C"}`); byID.problem() != "key_reused" {
		t.Errorf("the same person by ID: %d %s", byID.status, byID.text)
	}
	stored, err := w.docs.List(t.Context(), "operations", "", 10)
	if err != nil || len(stored) == 0 {
		t.Fatalf("%v, %v", stored, err)
	}
	for _, doc := range stored {
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

func TestIdempotency_KeyAfterDenialAndFailure(t *testing.T) {
	t.Parallel()
	w := newConnectedWorld(t)
	w.google.Fail("chat.spaces.setup", 403)
	if denied := w.api(t, "POST", "/v1/spaces", fmt.Sprintf(planBody, "A")); denied.problem() != "denied" {
		t.Errorf("denied: %s", denied.text)
	}
	w.google.Fail("chat.spaces.setup", 500, 500, 500, 500)
	// The denied request did nothing, so its key is free for another body.
	failed := w.api(t, "POST", "/v1/spaces", fmt.Sprintf(planBody, "B"))
	if failed.problem() != "unavailable" {
		t.Errorf("failed: %s", failed.text)
	}
	// The failed request might have created space B.
	if other := w.api(t, "POST", "/v1/spaces", fmt.Sprintf(planBody, "C")); other.problem() != "key_reused" {
		t.Errorf("another body: %s", other.text)
	}
	if again := w.api(t, "POST", "/v1/spaces", fmt.Sprintf(planBody, "B")); again.status != http.StatusCreated {
		t.Errorf("again: %d %s", again.status, again.text)
	}
}

func TestIdempotency_ConcurrentOnTwoInstances(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := newTrial(t, nil, false)
		tr.allow(capability.All()...)
		tr.approveAll()
		tr.startTwin()
		token := tr.callerToken()
		post := func(instance http.Handler) *httptest.ResponseRecorder {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/createspace/v1/spaces",
				strings.NewReader(`{"actAs":"users/`+ada.Sub+`","displayName":"Launch plan"}`))
			r.Header.Set("Authorization", token)
			r.Header.Set("Idempotency-Key", "fifty-at-once")
			r.Header.Set("Content-Type", "application/json")
			answer := httptest.NewRecorder()
			instance.ServeHTTP(answer, r)
			return answer
		}
		answers := make([]*httptest.ResponseRecorder, 50)
		var wg sync.WaitGroup
		for i := range answers {
			wg.Go(func() { answers[i] = post([]http.Handler{tr.front, tr.peer.front}[i%2]) })
		}
		wg.Wait()
		outcomes := map[string]int{}
		for _, a := range answers {
			var p struct{ Type, Name string }
			if err := json.Unmarshal(a.Body.Bytes(), &p); err != nil {
				t.Fatalf("%v: %s", err, a.Body)
			}
			outcomes[strings.TrimPrefix(p.Type, "urn:deputy:problem:")+p.Name]++
			if a.Code == http.StatusConflict && a.Header().Get("Retry-After") == "" {
				t.Error("409 without Retry-After")
			}
		}
		if tr.countPlans() != 1 || tr.google.Count("chat.spaces.setup") != 1 {
			t.Errorf("%d spaces, %d calls", tr.countPlans(), tr.google.Count("chat.spaces.setup"))
		}
		delete(outcomes, "in_progress")
		if len(outcomes) != 1 {
			t.Errorf("outcomes: %v", maps.Clone(outcomes))
		}
		if retry := post(tr.peer.front); retry.Code != http.StatusCreated {
			t.Errorf("afterwards: %d %s", retry.Code, retry.Body)
		}
	})
}

func TestIdempotency_TakeoverAfterCrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := newTrial(t, nil, false)
		tr.connect()
		tr.approveAll()
		tr.createByAPI()
		// Undo the stored result, as if the instance crashed before storing it.
		stored, err := tr.store.List(t.Context(), "operations", "", 10)
		if err != nil || len(stored) != 1 {
			t.Fatalf("%v, %v", stored, err)
		}
		operation, err := tr.vault.Operation(t.Context(), stored[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		operation.Result, operation.Lease = config.Secret{}, tr.clock.now().Add(time.Minute)
		if _, err := tr.vault.SaveOperation(t.Context(), operation); err != nil {
			t.Fatal(err)
		}
		calls := len(tr.google.Calls())
		soon := tr.createByAPI()
		if soon.Code != http.StatusConflict || !strings.Contains(soon.Body.String(), "in_progress") ||
			soon.Header().Get("Retry-After") != "1" || len(tr.google.Calls()) != calls {
			t.Errorf("soon: %d %s %s", soon.Code, soon.Header().Get("Retry-After"), soon.Body)
		}
		tr.clock.advance(time.Minute)
		if later := tr.createByAPI(); later.Code != http.StatusCreated || tr.countPlans() != 1 ||
			tr.google.Count("chat.spaces.setup") != 2 {
			t.Errorf("later: %d %s, %d spaces", later.Code, later.Body, tr.countPlans())
		}
	})
}

func TestIdempotency_PendingStepsFinishOnRetry(t *testing.T) {
	t.Parallel()
	w := newConnectedWorld(t)
	w.google.Fail("chat.spaces.messages.create", 503, 503, 503, 503)
	const body = `{"actAs":"ada@example.com","displayName":"Plan","firstMessage":"Hello"}`
	first := w.api(t, "POST", "/v1/spaces", body)
	if first.status != http.StatusAccepted || first.header.Get("Retry-After") == "" ||
		!strings.Contains(first.text, `"state":"PENDING"`) {
		t.Errorf("first: %d %s", first.status, first.text)
	}
	second := w.api(t, "POST", "/v1/spaces", body)
	if second.status != http.StatusCreated || !strings.Contains(second.text, `"state":"DONE"`) ||
		second.body["name"] != first.body["name"] {
		t.Errorf("second: %d %s", second.status, second.text)
	}
	w.google.Fail("chat.spaces.members.create", 503, 503, 503, 503)
	const add = `{"actAs":"ada@example.com","members":["alan@example.com","grace@example.com"]}`
	if got := w.api(t, "POST", "/v1/spaces/AAAAteam/members", add,
		"Idempotency-Key", "add-them"); got.status != http.StatusAccepted {
		t.Errorf("members: %d %s", got.status, got.text)
	}
	if got := w.api(t, "POST", "/v1/spaces/AAAAteam/members", add,
		"Idempotency-Key", "add-them"); got.status != http.StatusOK || strings.Contains(got.text, "FAILED") {
		t.Errorf("members again: %d %s", got.status, got.text)
	}
}

func TestUpdate_PartialChangeKeepsKey(t *testing.T) {
	t.Parallel()
	w := newConnectedWorld(t)
	created := w.api(t, "POST", "/v1/spaces", fmt.Sprintf(planBody, "A"))
	at := "/v1/" + created.body["name"].(string)
	w.google.Fail("chat.spaces.patch", 0, 403) // the name is changed, the access is not
	if got := w.api(t, "PATCH", at+"?updateMask=displayName,access",
		`{"actAs":"ada@example.com","displayName":"Plan B","access":"DISCOVERABLE"}`,
		"Idempotency-Key", "change-it"); got.problem() != "denied" {
		t.Errorf("partial: %d %s", got.status, got.text)
	}
	if got := w.api(t, "PATCH", at+"?updateMask=displayName", `{"actAs":"ada@example.com","displayName":"Plan C"}`,
		"Idempotency-Key", "change-it"); got.problem() != "key_reused" {
		t.Errorf("another request with the same key: %d %s", got.status, got.text)
	}
	activities, err := w.vault.Activities(t.Context(), resource.Person(ada.User()), 10)
	if err != nil || len(activities) != 2 {
		t.Errorf("activities: %v, %v", activities, err)
	}
}

func TestDelete_LostResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lostResponse := failures[5]
		if lostResponse.name != "half an answer" {
			t.Fatal(lostResponse.name)
		}
		tr := newTrial(t, &lostResponse, false)
		tr.allow(capability.All()...)
		tr.approveAll()
		tr.createByAPI()
		space := tr.google.SpacesOf(ada)[len(tr.google.SpacesOf(ada))-1]
		at := "/createspace/v1/" + space.Name() + "?actAs=" + ada.User() + "&confirm=Launch%20plan"
		remove := func() *httptest.ResponseRecorder {
			return tr.do(http.MethodDelete, at, "", "Authorization", tr.callerToken(),
				"Idempotency-Key", "over-and-out")
		}
		// Let each call of the deletion fail in turn.
		for n := 1; n < 12; n++ {
			tr.arm(n)
			if got := remove(); got.Code == http.StatusNoContent {
				break
			}
			tr.clearFaults()
			tr.clock.advance(time.Minute)
		}
		tr.clearFaults()
		tr.clock.advance(time.Minute)
		if got := remove(); got.Code != http.StatusNoContent || tr.countPlans() != 0 {
			t.Errorf("%d %s, %d spaces", got.Code, got.Body, tr.countPlans())
		}
	})
}

func TestDisconnect_LateRetryKeepsNewConsent(t *testing.T) {
	t.Parallel()
	w := newConnectedWorld(t)
	disconnect := func() apiResponse { return w.api(t, "DELETE", "/v1/people/ada@example.com/connection", "") }
	if got := disconnect(); got.body["outcome"] != "revoked" {
		t.Errorf("ended: %s", got.text)
	}
	w.browser(t, ada).connect()
	if got := disconnect(); got.body["outcome"] != "revoked" {
		t.Errorf("again: %s", got.text)
	}
	if c, err := w.grants.Connection(t.Context(), resource.Person(ada.User())); err != nil || !c.Connected {
		t.Errorf("the new consent was disconnected: %v", err)
	}
}

func TestIdempotency_KeyBelongsToOneRequest(t *testing.T) {
	t.Parallel()
	w := newConnectedWorld(t)
	const key = "always-the-same"
	first := w.api(t, "POST", "/v1/spaces/AAAAteam/messages", `{"actAs":"ada@example.com","text":"x"}`,
		"Idempotency-Key", key)
	for path, body := range map[string]string{
		"/v1/spaces/AAAAteam/messages": `{"actAs":"ada@example.com","text":"y"}`,
		"/v1/spaces/AAAAteam/meetings": `{"actAs":"ada@example.com","text":"x"}`,
		"/v1/spaces":                   fmt.Sprintf(planBody, "A"),
	} {
		if got := w.api(t, "POST", path, body, "Idempotency-Key", key); got.problem() != "key_reused" {
			t.Errorf("%s: %d %s", path, got.status, got.text)
		}
	}
	again := w.api(t, "POST", "/v1/spaces/AAAAteam/messages", `{"actAs":"Ada@Example.com","text":"x"}`,
		"Idempotency-Key", key) // the same address in another case
	if again.text != first.text || w.count("chat.spaces.messages.create") != 1 || w.count("meet.spaces.create") != 0 {
		t.Errorf("again: %d %s", again.status, again.text)
	}
	if activities, err := w.vault.Activities(t.Context(), resource.Person(ada.User()), 10); err != nil ||
		len(activities) != 1 {
		t.Errorf("activities: %v, %v", activities, err)
	}
}

func TestIdempotency_CorruptResultNotRepeated(t *testing.T) {
	t.Parallel()
	w := newConnectedWorld(t)
	w.api(t, "POST", "/v1/spaces", fmt.Sprintf(planBody, "A"))
	stored, err := w.docs.List(t.Context(), "operations", "", 10)
	if err != nil || len(stored) != 1 {
		t.Fatalf("%v, %v", stored, err)
	}
	sealed := stored[0].Fields["sealed"].([]byte)
	sealed[len(sealed)-1] ^= 1
	if _, err := w.docs.Replace(t.Context(), "operations", stored[0].ID, stored[0].Fields,
		stored[0].Version); err != nil {
		t.Fatal(err)
	}
	calls := w.count("chat.spaces.setup")
	if got := w.api(t, "POST", "/v1/spaces", fmt.Sprintf(planBody, "A")); got.status < 500 ||
		w.count("chat.spaces.setup") != calls {
		t.Errorf("%d %s", got.status, got.text)
	}
}

func TestErase_StoredResults(t *testing.T) {
	t.Parallel()
	w := newConnectedWorld(t)
	w.api(t, "POST", "/v1/spaces/AAAAteam/messages", `{"actAs":"ada@example.com","text":"private words"}`)
	if _, err := w.grants.Erase(t.Context(), resource.Person(ada.User())); err != nil {
		t.Fatal(err)
	}
	for _, collection := range []string{"operations", "activity/" + ada.Sub + "/acts"} {
		if left, err := w.docs.List(t.Context(), vault.Collection(collection), "", 10); err != nil || len(left) != 0 {
			t.Errorf("%s: %v, %v", collection, left, err)
		}
	}
}

func TestLog_NoEmailFromPath(t *testing.T) {
	t.Parallel()
	w := newConnectedWorld(t)
	w.api(t, "GET", "/v1/people/ada@example.com/connection", "")
	w.api(t, "PUT", "/v1/people/ada@example.com/connection", "")
	w.api(t, "GET", "/v1/people/ada@example.com/connections", "")
	w.api(t, "PUT", "/v1/templates/ada@example.com", "{}")
	if at := strings.Index(w.log.String(), "ada@example.com"); at >= 0 {
		t.Error(lineAt(w.log.String(), at))
	}
}
