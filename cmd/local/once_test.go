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
	if as := w.api(t, "POST", "/v1/spaces", `{"actAs":"`+ada.User()+`","displayName":"Plan C"}`); as.problem() != "key_reused" {
		t.Errorf("the same person by another name: %d %s", as.status, as.text)
	}
	kept, err := w.docs.List(t.Context(), "operations", "", 10)
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
		tr.allowed(capability.All()...)
		tr.everything()
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
			all.Go(func() { answers[i] = post([]http.Handler{tr.front, tr.peer.front}[i%2]) })
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
		if tr.countPlans() != 1 || tr.google.Count("chat.spaces.setup") != 1 {
			t.Errorf("%d spaces, %d calls", tr.countPlans(), tr.google.Count("chat.spaces.setup"))
		}
		delete(got, "in_progress")
		if len(got) != 1 {
			t.Errorf("answers: %v", maps.Clone(got))
		}
		if last := post(tr.peer.front); last.Code != http.StatusCreated {
			t.Errorf("afterwards: %d %s", last.Code, last.Body)
		}
	})
}

func TestARequestWhoseInstanceDiedIsTakenOverAfterAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := newTrial(t, nil, false)
		tr.connect()
		tr.everything()
		tr.createByAPI()
		// As if it had died after the act: nobody has stored the answer.
		kept, err := tr.store.List(t.Context(), "operations", "", 10)
		if err != nil || len(kept) != 1 {
			t.Fatalf("%v, %v", kept, err)
		}
		done, err := tr.vault.Operation(t.Context(), kept[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		done.Result, done.Lease = config.Secret{}, tr.clock.now().Add(time.Minute)
		if _, err := tr.vault.SaveOperation(t.Context(), done); err != nil {
			t.Fatal(err)
		}
		calls := len(tr.google.Calls())
		soon := tr.createByAPI()
		if soon.Code != http.StatusConflict || !strings.Contains(soon.Body.String(), "in_progress") || soon.Header().Get("Retry-After") != "60" || len(tr.google.Calls()) != calls {
			t.Errorf("soon: %d %s %s", soon.Code, soon.Header().Get("Retry-After"), soon.Body)
		}
		tr.clock.advance(time.Minute)
		if later := tr.createByAPI(); later.Code != http.StatusCreated || tr.countPlans() != 1 || tr.google.Count("chat.spaces.setup") != 2 {
			t.Errorf("later: %d %s, %d spaces", later.Code, later.Body, tr.countPlans())
		}
	})
}

func TestWhatMayGoWellLaterIsNotTheLastAnswer(t *testing.T) {
	t.Parallel()
	w := connectedWith(t)
	w.google.Fail("chat.spaces.messages.create", 503, 503, 503, 503)
	const body = `{"actAs":"ada@example.com","displayName":"Plan","firstMessage":"Hello"}`
	first := w.api(t, "POST", "/v1/spaces", body)
	if first.status != http.StatusAccepted || first.header.Get("Retry-After") == "" || !strings.Contains(first.text, `"state":"PENDING"`) {
		t.Errorf("first: %d %s", first.status, first.text)
	}
	second := w.api(t, "POST", "/v1/spaces", body)
	if second.status != http.StatusCreated || !strings.Contains(second.text, `"state":"DONE"`) || second.body["name"] != first.body["name"] {
		t.Errorf("second: %d %s", second.status, second.text)
	}
	w.google.Fail("chat.spaces.members.create", 503, 503, 503, 503)
	const add = `{"actAs":"ada@example.com","members":["alan@example.com","grace@example.com"]}`
	if got := w.api(t, "POST", "/v1/spaces/AAAAteam/members", add, "Idempotency-Key", "add-them"); got.status != http.StatusAccepted {
		t.Errorf("members: %d %s", got.status, got.text)
	}
	if got := w.api(t, "POST", "/v1/spaces/AAAAteam/members", add, "Idempotency-Key", "add-them"); got.status != http.StatusOK || strings.Contains(got.text, "FAILED") {
		t.Errorf("members again: %d %s", got.status, got.text)
	}
}

func TestAChangeThatWasHalfDoneKeepsItsKeyAndIsNoted(t *testing.T) {
	t.Parallel()
	w := connectedWith(t)
	made := w.api(t, "POST", "/v1/spaces", fmt.Sprintf(planBody, "A"))
	at := "/v1/" + made.body["name"].(string)
	w.google.Fail("chat.spaces.patch", 0, 403) // the name goes well, the access does not
	if got := w.api(t, "PATCH", at+"?updateMask=displayName,access", `{"actAs":"ada@example.com","displayName":"Plan B","access":"DISCOVERABLE"}`, "Idempotency-Key", "change-it"); got.problem() != "denied" {
		t.Errorf("half: %d %s", got.status, got.text)
	}
	if got := w.api(t, "PATCH", at+"?updateMask=displayName", `{"actAs":"ada@example.com","displayName":"Plan C"}`, "Idempotency-Key", "change-it"); got.problem() != "key_reused" {
		t.Errorf("something else under the key: %d %s", got.status, got.text)
	}
	done, err := w.vault.Activities(t.Context(), resource.Person(ada.User()), 10)
	if err != nil || len(done) != 2 {
		t.Errorf("noted: %v, %v", done, err)
	}
}

func TestADeletionWhoseAnswerWasLostIsADeletion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lost := failures[5]
		if lost.name != "half an answer" {
			t.Fatal(lost.name)
		}
		tr := newTrial(t, &lost, false)
		tr.allowed(capability.All()...)
		tr.everything()
		tr.createByAPI()
		space := tr.google.SpacesOf(ada)[len(tr.google.SpacesOf(ada))-1]
		at := "/createspace/v1/" + space.Name() + "?actAs=" + ada.User() + "&confirm=Launch%20plan"
		remove := func() *httptest.ResponseRecorder {
			return tr.do(http.MethodDelete, at, "", "Authorization", tr.callerToken(), "Idempotency-Key", "over-and-out")
		}
		// Its calls: approval, reply, grant is seen, get, delete.
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

func TestALateRepetitionOfADisconnectLeavesANewConsentAlone(t *testing.T) {
	t.Parallel()
	w := connectedWith(t)
	end := func() answered { return w.api(t, "DELETE", "/v1/people/ada@example.com/connection", "") }
	if got := end(); got.body["outcome"] != "revoked" {
		t.Errorf("ended: %s", got.text)
	}
	w.browser(t, ada).connect()
	if got := end(); got.body["outcome"] != "revoked" {
		t.Errorf("again: %s", got.text)
	}
	if c, err := w.grants.Connection(t.Context(), resource.Person(ada.User())); err != nil || !c.Connected {
		t.Errorf("she is not connected any more: %v", err)
	}
}

func TestAKeyBelongsToOneRequest(t *testing.T) {
	t.Parallel()
	w := connectedWith(t)
	const key = "always-the-same"
	first := w.api(t, "POST", "/v1/spaces/AAAAteam/messages", `{"actAs":"ada@example.com","text":"x"}`, "Idempotency-Key", key)
	for path, body := range map[string]string{
		"/v1/spaces/AAAAteam/messages": `{"actAs":"ada@example.com","text":"y"}`,
		"/v1/spaces/AAAAteam/meetings": `{"actAs":"ada@example.com","text":"x"}`,
		"/v1/spaces":                   fmt.Sprintf(planBody, "A"),
	} {
		if got := w.api(t, "POST", path, body, "Idempotency-Key", key); got.problem() != "key_reused" {
			t.Errorf("%s: %d %s", path, got.status, got.text)
		}
	}
	again := w.api(t, "POST", "/v1/spaces/AAAAteam/messages", `{"actAs":"Ada@Example.com","text":"x"}`, "Idempotency-Key", key) // the same person
	if again.text != first.text || w.count("chat.spaces.messages.create") != 1 || w.count("meet.spaces.create") != 0 {
		t.Errorf("again: %d %s", again.status, again.text)
	}
	if done, err := w.vault.Activities(t.Context(), resource.Person(ada.User()), 10); err != nil || len(done) != 1 {
		t.Errorf("noted: %v, %v", done, err)
	}
}

func TestAnAnswerThatDoesNotOpenIsNotDoneAgain(t *testing.T) {
	t.Parallel()
	w := connectedWith(t)
	w.api(t, "POST", "/v1/spaces", fmt.Sprintf(planBody, "A"))
	kept, err := w.docs.List(t.Context(), "operations", "", 10)
	if err != nil || len(kept) != 1 {
		t.Fatalf("%v, %v", kept, err)
	}
	sealed := kept[0].Fields["sealed"].([]byte)
	sealed[len(sealed)-1] ^= 1
	if _, err := w.docs.Replace(t.Context(), "operations", kept[0].ID, kept[0].Fields, kept[0].Version); err != nil {
		t.Fatal(err)
	}
	calls := w.count("chat.spaces.setup")
	if got := w.api(t, "POST", "/v1/spaces", fmt.Sprintf(planBody, "A")); got.status < 500 || w.count("chat.spaces.setup") != calls {
		t.Errorf("%d %s", got.status, got.text)
	}
}

func TestNothingOfAPersonIsLeftWithTheAnswersWhenTheyEraseEverything(t *testing.T) {
	t.Parallel()
	w := connectedWith(t)
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

func TestNoAddressOfAPersonIsLoggedFromAPath(t *testing.T) {
	t.Parallel()
	w := connectedWith(t)
	w.api(t, "GET", "/v1/people/ada@example.com/connection", "")
	w.api(t, "PUT", "/v1/people/ada@example.com/connection", "")
	w.api(t, "GET", "/v1/people/ada@example.com/connections", "")
	w.api(t, "PUT", "/v1/templates/ada@example.com", "{}")
	if at := strings.Index(w.log.String(), "ada@example.com"); at >= 0 {
		t.Error(lineAt(w.log.String(), at))
	}
}
