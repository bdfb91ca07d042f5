package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

// activities returns Ada's newest activities, at most ten.
func (w *world) activities(t *testing.T) []vault.Activity {
	t.Helper()
	activities, err := w.vault.Activities(t.Context(), resource.Person(ada.User()), 10)
	if err != nil {
		t.Fatal(err)
	}
	return activities
}

func TestRetry_TemplateRemoved(t *testing.T) {
	t.Parallel()
	w := newConnectedWorld(t)
	w.addTemplates(t, incident)
	const body = `{"actAs":"ada@example.com","template":"Incident","displayName":"Disk full"}`
	w.google.Fail("chat.spaces.messages.create", 503, 503, 503, 503)
	first := w.api(t, "POST", "/v1/spaces", body)
	w.editCallers(t, func(d *callers.Draft) error {
		d.RemoveTemplate("Incident")
		return nil
	})
	if first.status != http.StatusAccepted {
		t.Fatalf("%d %s", first.status, first.text)
	}
	for range 2 { // the retry that finishes, and one that gets the stored result
		if again := w.api(t, "POST", "/v1/spaces", body); again.status != http.StatusCreated ||
			again.body["name"] != first.body["name"] {
			t.Errorf("%d %s", again.status, again.text)
		}
	}
	if other := w.api(t, "POST", "/v1/spaces", body,
		"Idempotency-Key", "another-key"); other.problem() != "invalid_request" ||
		!strings.Contains(other.text, "no template has this name") {
		t.Errorf("another key: %d %s", other.status, other.text)
	}
}

func TestRetry_ConcurrentChangeKept(t *testing.T) {
	t.Parallel()
	w := newConnectedWorld(t)
	space := w.google.CreateSpace("Plan", ada)
	at := "/v1/" + space.Name()
	tag := w.api(t, "GET", at+"?actAs=ada@example.com", "").header.Get("ETag")
	change := func(key, text string, header ...string) apiResponse {
		return w.api(t, "PATCH", at+"?updateMask=description", `{"actAs":"ada@example.com","description":"`+text+`"}`,
			append(header, "Idempotency-Key", key)...)
	}
	w.google.Fail("chat.spaces.get", 503, 503, 503, 503) // before the ETag is compared
	if first := change("first-change", "Mine", "If-Match", tag); first.problem() != "unavailable" {
		t.Errorf("%d %s", first.status, first.text)
	}
	if other := change("other-change", "Theirs"); other.status != http.StatusOK {
		t.Errorf("%d %s", other.status, other.text)
	}
	again := change("first-change", "Mine", "If-Match", tag)
	if now, _ := w.google.SpaceByName("Plan"); again.status != http.StatusPreconditionFailed ||
		now.Description != "Theirs" {
		t.Errorf("%d %s, now %q", again.status, again.text, now.Description)
	}
}

func TestRetry_OwnChangeIsNoConflict(t *testing.T) {
	t.Parallel()
	w := newConnectedWorld(t)
	space := w.google.CreateSpace("Plan", ada)
	at := "/v1/" + space.Name()
	tag := w.api(t, "GET", at+"?actAs=ada@example.com", "").header.Get("ETag")
	w.google.Fail("chat.spaces.patch", 0, 503, 503, 503, 503) // the name is changed, the access is not
	change := func() apiResponse {
		return w.api(t, "PATCH", at+"?updateMask=displayName,access",
			`{"actAs":"ada@example.com","displayName":"Plan B","access":"DISCOVERABLE"}`, "If-Match", tag)
	}
	if first, again := change(), change(); first.problem() != "unavailable" || again.status != http.StatusOK ||
		again.body["displayName"] != "Plan B" {
		t.Errorf("%d %s, then %d %s", first.status, first.text, again.status, again.text)
	}
}

func TestUpdate_ReadBackFails(t *testing.T) {
	t.Parallel()
	w := newConnectedWorld(t)
	space := w.google.CreateSpace("Plan", ada)
	w.google.Fail("chat.spaces.get", 404)
	change := func() apiResponse {
		return w.api(t, "PATCH", "/v1/"+space.Name()+"?updateMask=displayName",
			`{"actAs":"ada@example.com","displayName":"Changed"}`)
	}
	if got := change(); got.problem() != "unavailable" || len(w.activities(t)) != 1 {
		t.Errorf("%d %s, activities %v", got.status, got.text, w.activities(t))
	}
	if again := change(); again.status != http.StatusOK || again.body["displayName"] != "Changed" {
		t.Errorf("again: %d %s", again.status, again.text)
	}
}

func TestRetry_DeleteUnseenSpace(t *testing.T) {
	t.Parallel()
	w := newConnectedWorld(t)
	space := w.google.CreateSpace("Secret", grace) // Ada is not in it
	at := "/v1/" + space.Name() + "?actAs=ada@example.com&confirm=Secret"
	w.google.Fail("chat.spaces.get", 503, 503, 503, 503)
	first := w.api(t, "DELETE", at, "")
	again := w.api(t, "DELETE", at, "")
	if _, exists := w.google.SpaceByName("Secret"); first.problem() != "unavailable" ||
		again.problem() != "not_found" ||
		!exists {
		t.Errorf("%d %s, then %d %s, exists %v", first.status, first.text, again.status, again.text, exists)
	}
}

func TestRetry_ReusedSpaceAddsNoMembers(t *testing.T) {
	t.Parallel()
	w := newConnectedWorld(t)
	w.google.CreateSpace("All hands", ada, grace)
	body, _ := bodyWithMembers(52, `,"onDuplicate":"REUSE"`)
	w.google.Fail("chat.spaces.members.list", 503, 503, 503, 503)
	w.google.Fail("chat.spaces.members.list", 503, 503, 503, 503) // small pages, too
	first := w.api(t, "POST", "/v1/spaces", body)
	again := w.api(t, "POST", "/v1/spaces", body)
	space, _ := w.google.SpaceByName("All hands")
	if first.status != http.StatusAccepted || again.status != http.StatusCreated || again.body["reused"] != true ||
		len(space.Members) != 2 || w.count("chat.spaces.members.create") != 0 {
		t.Errorf("%d, then %d %s; %d members", first.status, again.status, again.text, len(space.Members))
	}
	if n := strings.Count(again.text, "LEFT_OUT"); n != 52 {
		t.Errorf("%d of 52 members are LEFT_OUT", n)
	}
}

func TestActivity_KeyReusedAfterSevenDays(t *testing.T) {
	t.Parallel()
	w := newConnectedWorld(t)
	for _, text := range []string{"one", "two"} {
		if got := w.api(t, "POST", "/v1/spaces/AAAAteam/messages", `{"actAs":"ada@example.com","text":"`+text+`"}`,
			"Idempotency-Key", "always-the-same"); got.status != http.StatusCreated {
			t.Errorf("%d %s", got.status, got.text)
		}
		w.clock.advance(8 * 24 * time.Hour)
	}
	if activities := w.activities(t); len(activities) != 2 || w.count("chat.spaces.messages.create") != 2 {
		t.Errorf("activities %v for %d messages", activities, w.count("chat.spaces.messages.create"))
	}
}

func TestActivity_LostResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		tr := newTrial(t, &failure{
			name: "caller disconnects",
			wire: func(r *http.Request, passOn http.RoundTripper) (*http.Response, error) {
				res, err := passOn.RoundTrip(r)
				if err == nil && strings.HasSuffix(r.URL.Path, "/spaces:setup") {
					cancel()
					return nil, context.Canceled
				}
				return res, err
			},
		}, true)
		tr.allow(capability.All()...)
		tr.approveAll()
		tr.arm(1)
		request := func(ctx context.Context) *httptest.ResponseRecorder {
			r := httptest.NewRequestWithContext(ctx, http.MethodPost, tr.address+"/createspace/v1/spaces",
				strings.NewReader(`{"actAs":"`+ada.User()+`","displayName":"Launch plan"}`))
			r.RequestURI, r.URL.Scheme, r.URL.Host = "", "", ""
			r.Header.Set("Authorization", tr.callerToken())
			r.Header.Set("Idempotency-Key", "hidden-act")
			r.Header.Set("Content-Type", "application/json")
			a := httptest.NewRecorder()
			tr.front.ServeHTTP(a, r)
			return a
		}
		request(ctx)
		tr.clearFaults()
		activities, err := tr.vault.Activities(t.Context(), resource.Person(ada.User()), 10)
		if err != nil || len(activities) != 1 || !activities[0].OutcomeUnknown || activities[0].Resource != "" ||
			tr.countPlans() != 1 {
			t.Fatalf("%v, %v, %d spaces", activities, err, tr.countPlans())
		}
		if shown := visibleText(say("/status")(tr, "DM"+ada.Sub)); !strings.Contains(shown,
			"it might not have happened") {
			t.Errorf("/status: %s", shown)
		}
		started := activities[0].Time
		tr.clock.advance(time.Minute)
		if again := request(context.Background()); again.Code != http.StatusCreated {
			t.Fatalf("again: %d %s", again.Code, again.Body)
		}
		activities, err = tr.vault.Activities(t.Context(), resource.Person(ada.User()), 10)
		if err != nil || len(activities) != 1 || activities[0].OutcomeUnknown || activities[0].Resource == "" ||
			!activities[0].Time.Equal(started) || tr.countPlans() != 1 {
			t.Errorf("%v, %v, %d spaces", activities, err, tr.countPlans())
		}
	})
}

// approveAll stores Ada's approval of every action for the incident tool.
func (tr *trial) approveAll() {
	tr.t.Helper()
	c := caller()
	c.Actions = allActions
	approve(tr.t, tr.program, vault.New(tr.store, tr.keys, tr.clock.now), c)
}

func TestRetry_SuffixWhenNameIsFreed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		setups := 0
		tr := newTrial(t, &failure{
			name: "second response lost",
			wire: func(r *http.Request, passOn http.RoundTripper) (*http.Response, error) {
				res, err := passOn.RoundTrip(r)
				if err == nil && strings.HasSuffix(r.URL.Path, "/spaces:setup") {
					if setups++; setups > 1 {
						_ = res.Body.Close()
						return nil, errors.New("lost")
					}
				}
				return res, err
			},
		}, true)
		tr.allow(capability.All()...)
		tr.approveAll()
		other := tr.google.CreateSpace("All hands", alan)
		body, _ := bodyWithMembers(1, `,"onDuplicate":"SUFFIX"`)
		tr.arm(1)
		first, _ := tr.createAllHands(body)
		tr.clearFaults()
		tr.google.RenameSpace(other.ID, "Old") // frees the name
		tr.clock.advance(time.Minute)
		second, created := tr.createAllHands(body)
		var names []string
		for _, s := range tr.google.SpacesOf(ada) {
			names = append(names, s.DisplayName)
		}
		if first.Code != http.StatusServiceUnavailable || second.Code != http.StatusCreated ||
			created.DisplayName != "All hands 2" || slices.Contains(names, "All hands") {
			t.Errorf("%d, then %d %q; spaces %q", first.Code, second.Code, created.DisplayName, names)
		}
	})
}

func TestRetry_InvitedMemberAlreadyExists(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		tr := newTrial(t, &failure{
			name: "response lost, then ALREADY_EXISTS",
			wire: func(r *http.Request, passOn http.RoundTripper) (*http.Response, error) {
				if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/members") {
					return passOn.RoundTrip(r)
				}
				switch calls++; calls {
				case 1:
					res, err := passOn.RoundTrip(r)
					if err == nil {
						_ = res.Body.Close()
					}
					return nil, errors.New("lost")
				case 2: // as documented by Google
					return newResponse(r, http.StatusConflict, `{"error":{"code":409,"status":"ALREADY_EXISTS"}}`), nil
				}
				return passOn.RoundTrip(r)
			},
		}, true)
		tr.allow(capability.All()...)
		tr.approveAll()
		body, _ := bodyWithMembers(50, `,"externalUserAllowed":true`)
		body = strings.Replace(body, `"member-50@example.com"`, `"kim@partner.example"`, 1)
		tr.arm(1)
		answer, created := tr.createAllHands(body)
		if last := created.Members[49]; answer.Code != http.StatusCreated || last.State != "INVITED" || calls < 2 {
			t.Errorf("%d %+v after %d calls", answer.Code, last, calls)
		}
	})
}

func TestAddMembers_ContinuesAfterTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		tr := newTrial(t, &failure{
			name: "slow",
			wire: func(r *http.Request, passOn http.RoundTripper) (*http.Response, error) {
				if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/members") &&
					r.Context().Err() == nil {
					calls++
					if err := sleep(r.Context(), 1500*time.Millisecond); err != nil {
						return nil, err
					}
				}
				return passOn.RoundTrip(r)
			},
		}, true)
		tr.allow(capability.All()...)
		tr.approveAll()
		space := tr.google.CreateSpace("Plan", ada)
		_, members := bodyWithMembers(49, "")
		tr.arm(1)
		var last *httptest.ResponseRecorder
		for try := 1; try <= 3; try++ {
			body := fmt.Sprintf(`{"actAs":"%s","members":["%s"]}`, ada.User(), strings.Join(members, `","`))
			last = tr.do(http.MethodPost, "/createspace/v1/"+space.Name()+"/members", body,
				"Authorization", tr.callerToken(), "Idempotency-Key", "many-many", "Content-Type", "application/json")
			if try == 1 && (last.Code != http.StatusAccepted || !strings.Contains(last.Body.String(), "PENDING")) {
				t.Errorf("first: %d %s", last.Code, last.Body)
			}
			tr.clock.advance(time.Minute)
		}
		if now, _ := tr.google.SpaceByName("Plan"); last.Code != http.StatusOK || len(now.Members) != 50 ||
			strings.Count(last.Body.String(), "JOINED") != 49 {
			t.Errorf("last: %d %s, %d members", last.Code, last.Body, len(now.Members))
		}
		if calls > 52 { // 49, and at most one interrupted call per attempt
			t.Errorf("%d calls for 49 members", calls)
		}
	})
}

func TestAddMembers_PendingAndFailed(t *testing.T) {
	t.Parallel()
	w := newConnectedWorld(t)
	space := w.google.CreateSpace("Plan", ada)
	w.google.Fail("chat.spaces.members.create", 503, 503, 503, 503)
	add := func() apiResponse {
		return w.api(t, "POST", "/v1/"+space.Name()+"/members",
			`{"actAs":"ada@example.com","members":["alan@example.com","kim@partner.example"]}`)
	}
	if first := add(); first.status != http.StatusAccepted || !strings.Contains(first.text, "PENDING") ||
		!strings.Contains(first.text, "FAILED") {
		t.Errorf("%d %s", first.status, first.text)
	}
	calls := w.count("chat.spaces.members.create")
	if again := add(); again.status != http.StatusOK || !strings.Contains(again.text, "JOINED") ||
		!strings.Contains(again.text, "FAILED") || w.count("chat.spaces.members.create") != calls+1 {
		t.Errorf("again: %d %s, %d calls", again.status, again.text, w.count("chat.spaces.members.create")-calls)
	}
}

func TestRetry_Disconnect(t *testing.T) {
	t.Parallel()
	for _, named := range []string{"ada@example.com", ada.Sub} {
		w := newConnectedWorld(t)
		disconnect := func() apiResponse {
			return w.api(t, "DELETE", "/v1/people/"+named+"/connection", "", "Idempotency-Key", "end-it-please")
		}
		if first, again := disconnect(), disconnect(); first.body["outcome"] != "revoked" || again.text != first.text ||
			again.status != first.status {
			t.Errorf("%s: %d %s, then %d %s", named, first.status, first.text, again.status, again.text)
		}
		if w.count("revoke") != 1 {
			t.Errorf("%s: revoked %d times", named, w.count("revoke"))
		}
	}
}

func TestSpace_PrivateWithAudience(t *testing.T) {
	t.Parallel()
	w := newConnectedWorld(t)
	space := w.google.CreateSpace("Plan", ada)
	w.api(t, "GET", "/v1/"+space.Name()+"?actAs=ada@example.com", "") // fetches Google's keys
	calls := len(w.google.Calls())
	for _, got := range []apiResponse{
		w.api(t, "POST", "/v1/spaces",
			`{"actAs":"ada@example.com","displayName":"x","access":"PRIVATE","audience":"audiences/engineering"}`),
		w.api(t, "PATCH", "/v1/"+space.Name()+"?updateMask=access,audience",
			`{"actAs":"ada@example.com","access":"PRIVATE","audience":"audiences/engineering"}`),
	} {
		if got.problem() != "invalid_request" || !strings.Contains(got.text, "can't have an audience") {
			t.Errorf("%d %s", got.status, got.text)
		}
	}
	if extra := w.google.Calls()[calls:]; len(extra) != 0 {
		t.Errorf("unexpected calls to Google: %v", extra)
	}
}

func TestErase_DelegatedOperations(t *testing.T) {
	t.Parallel()
	w := authorityCases["as a person by delegation"].setUp(t, "", nil)
	w.browser(t, ada).connect()
	got := w.api(t, "POST", "/v1/spaces/AAAAteam/messages",
		`{"actAs":"ada@example.com","authority":"delegation","text":"private words"}`)
	if got.status != http.StatusCreated || len(w.activities(t)) != 1 {
		t.Fatalf("%d %s, activities %v", got.status, got.text, w.activities(t))
	}
	grace := w.api(t, "GET", "/v1/spaces/AAAAteam?actAs=grace@example.com&authority=delegation", "")
	stored, err := w.docs.List(t.Context(), "operations", "", 10)
	if err != nil || len(stored) != 1 || strings.Contains(fmt.Sprint(stored[0].Fields), "@") ||
		grace.status != http.StatusOK {
		t.Errorf("%v, %v", stored, err)
	}
	if _, err := w.grants.Erase(t.Context(), resource.Person(ada.User())); err != nil {
		t.Fatal(err)
	}
	if left, err := w.docs.List(t.Context(), "operations", "", 10); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
