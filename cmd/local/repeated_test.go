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

// acts are what is noted for Ada.
func (w *world) acts(t *testing.T) []vault.Activity {
	t.Helper()
	acts, err := w.vault.Activities(t.Context(), resource.Person(ada.User()), 10)
	if err != nil {
		t.Fatal(err)
	}
	return acts
}

func TestARepetitionFindsItsSpaceAlthoughTheTemplateIsGone(t *testing.T) {
	t.Parallel()
	w := connectedWith(t)
	w.knows(t, incident)
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
	for range 2 { // the one that ends it, and the kept answer
		if again := w.api(t, "POST", "/v1/spaces", body); again.status != http.StatusCreated || again.body["name"] != first.body["name"] {
			t.Errorf("%d %s", again.status, again.text)
		}
	}
	if other := w.api(t, "POST", "/v1/spaces", body, "Idempotency-Key", "another-key"); other.problem() != "invalid_request" || !strings.Contains(other.text, "no template has this name") {
		t.Errorf("a new act: %d %s", other.status, other.text)
	}
}

func TestAChangeMadeByOthersBetweenTwoTriesIsNotLost(t *testing.T) {
	t.Parallel()
	w := connectedWith(t)
	space := w.google.CreateSpace("Plan", ada)
	at := "/v1/" + space.Name()
	tag := w.api(t, "GET", at+"?actAs=ada@example.com", "").header.Get("ETag")
	change := func(key, text string, header ...string) answered {
		return w.api(t, "PATCH", at+"?updateMask=description", `{"actAs":"ada@example.com","description":"`+text+`"}`, append(header, "Idempotency-Key", key)...)
	}
	w.google.Fail("chat.spaces.get", 503, 503, 503, 503) // before anything was compared
	if first := change("mine-mine", "Mine", "If-Match", tag); first.problem() != "unavailable" {
		t.Errorf("%d %s", first.status, first.text)
	}
	if theirs := change("theirs-theirs", "Theirs"); theirs.status != http.StatusOK {
		t.Errorf("%d %s", theirs.status, theirs.text)
	}
	again := change("mine-mine", "Mine", "If-Match", tag)
	if now, _ := w.google.SpaceByName("Plan"); again.status != http.StatusPreconditionFailed || now.Description != "Theirs" {
		t.Errorf("%d %s, now %q", again.status, again.text, now.Description)
	}
}

func TestAChangeIsNotStoppedByWhatItsOwnFirstTryHasChanged(t *testing.T) {
	t.Parallel()
	w := connectedWith(t)
	space := w.google.CreateSpace("Plan", ada)
	at := "/v1/" + space.Name()
	tag := w.api(t, "GET", at+"?actAs=ada@example.com", "").header.Get("ETag")
	w.google.Fail("chat.spaces.patch", 0, 503, 503, 503, 503) // the name goes well
	change := func() answered {
		return w.api(t, "PATCH", at+"?updateMask=displayName,access", `{"actAs":"ada@example.com","displayName":"Plan B","access":"DISCOVERABLE"}`, "If-Match", tag)
	}
	if first, again := change(), change(); first.problem() != "unavailable" || again.status != http.StatusOK || again.body["displayName"] != "Plan B" {
		t.Errorf("%d %s, then %d %s", first.status, first.text, again.status, again.text)
	}
}

func TestAChangeThatCannotBeReadBackIsNotCalledMissing(t *testing.T) {
	t.Parallel()
	w := connectedWith(t)
	space := w.google.CreateSpace("Plan", ada)
	w.google.Fail("chat.spaces.get", 404)
	change := func() answered {
		return w.api(t, "PATCH", "/v1/"+space.Name()+"?updateMask=displayName", `{"actAs":"ada@example.com","displayName":"Changed"}`)
	}
	if got := change(); got.problem() != "unavailable" || len(w.acts(t)) != 1 {
		t.Errorf("%d %s, noted %v", got.status, got.text, w.acts(t))
	}
	if again := change(); again.status != http.StatusOK || again.body["displayName"] != "Changed" {
		t.Errorf("again: %d %s", again.status, again.text)
	}
}

func TestASpaceThatWasNeverSeenIsNotCalledDeleted(t *testing.T) {
	t.Parallel()
	w := connectedWith(t)
	space := w.google.CreateSpace("Secret", grace) // Ada is not in it
	at := "/v1/" + space.Name() + "?actAs=ada@example.com&confirm=Secret"
	w.google.Fail("chat.spaces.get", 503, 503, 503, 503)
	first := w.api(t, "DELETE", at, "")
	again := w.api(t, "DELETE", at, "")
	if _, there := w.google.SpaceByName("Secret"); first.problem() != "unavailable" || again.problem() != "not_found" || !there {
		t.Errorf("%d %s, then %d %s, there %v", first.status, first.text, again.status, again.text, there)
	}
}

func TestAReusedSpaceGetsNobodyNewWhenTheRequestIsRepeated(t *testing.T) {
	t.Parallel()
	w := connectedWith(t)
	w.google.CreateSpace("All hands", ada, grace)
	body, _ := crowd(52, `,"onDuplicate":"REUSE"`)
	w.google.Fail("chat.spaces.members.list", 503, 503, 503, 503)
	first := w.api(t, "POST", "/v1/spaces", body)
	again := w.api(t, "POST", "/v1/spaces", body)
	space, _ := w.google.SpaceByName("All hands")
	if first.status != http.StatusAccepted || again.status != http.StatusCreated || again.body["reused"] != true || len(space.Members) != 2 || w.count("chat.spaces.members.create") != 0 {
		t.Errorf("%d, then %d %s; %d members", first.status, again.status, again.text, len(space.Members))
	}
	if n := strings.Count(again.text, "LEFT_OUT"); n != 52 {
		t.Errorf("%d of 52 are told to be left out", n)
	}
}

func TestAKeyUsedAnewAfterSevenDaysIsAnotherActInStatus(t *testing.T) {
	t.Parallel()
	w := connectedWith(t)
	for _, text := range []string{"one", "two"} {
		if got := w.api(t, "POST", "/v1/spaces/AAAAteam/messages", `{"actAs":"ada@example.com","text":"`+text+`"}`, "Idempotency-Key", "always-the-same"); got.status != http.StatusCreated {
			t.Errorf("%d %s", got.status, got.text)
		}
		w.clock.advance(8 * 24 * time.Hour)
	}
	if acts := w.acts(t); len(acts) != 2 || w.count("chat.spaces.messages.create") != 2 {
		t.Errorf("noted %v of %d", acts, w.count("chat.spaces.messages.create"))
	}
}

func TestAnActWhoseAnswerWasLostIsInStatusAsUncertain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		tr := newTrial(t, &failure{name: "the caller goes", wire: func(r *http.Request, passOn http.RoundTripper) (*http.Response, error) {
			res, err := passOn.RoundTrip(r)
			if err == nil && strings.HasSuffix(r.URL.Path, "/spaces:setup") {
				cancel()
				return nil, context.Canceled
			}
			return res, err
		}}, true)
		tr.allowed(capability.All()...)
		tr.everything()
		tr.arm(1)
		request := func(ctx context.Context) *httptest.ResponseRecorder {
			r := httptest.NewRequestWithContext(ctx, http.MethodPost, tr.address+"/createspace/v1/spaces", strings.NewReader(`{"actAs":"`+ada.User()+`","displayName":"Launch plan"}`))
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
		acts, err := tr.vault.Activities(t.Context(), resource.Person(ada.User()), 10)
		if err != nil || len(acts) != 1 || !acts[0].OutcomeUnknown || acts[0].Resource != "" || tr.countPlans() != 1 {
			t.Fatalf("%v, %v, %d spaces", acts, err, tr.countPlans())
		}
		if shown := text(say("/status")(tr, "DM"+ada.Sub)); !strings.Contains(shown, "it might not have happened") {
			t.Errorf("/status: %s", shown)
		}
		when := acts[0].Time
		tr.clock.advance(time.Minute)
		if again := request(context.Background()); again.Code != http.StatusCreated {
			t.Fatalf("again: %d %s", again.Code, again.Body)
		}
		acts, err = tr.vault.Activities(t.Context(), resource.Person(ada.User()), 10)
		if err != nil || len(acts) != 1 || acts[0].OutcomeUnknown || acts[0].Resource == "" || !acts[0].Time.Equal(when) || tr.countPlans() != 1 {
			t.Errorf("%v, %v, %d spaces", acts, err, tr.countPlans())
		}
	})
}

// everything lets Ada have approved all of the API.
func (tr *trial) everything() {
	tr.t.Helper()
	c := caller()
	c.Actions = everyAction
	approve(tr.t, tr.program, vault.New(tr.store, tr.keys, tr.clock.now), c)
}

func TestASuffixedNameIsOneSpaceAlthoughTheFirstNameBecomesFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		made := 0
		tr := newTrial(t, &failure{name: "the second answer is lost", wire: func(r *http.Request, passOn http.RoundTripper) (*http.Response, error) {
			res, err := passOn.RoundTrip(r)
			if err == nil && strings.HasSuffix(r.URL.Path, "/spaces:setup") {
				if made++; made > 1 {
					_ = res.Body.Close()
					return nil, errors.New("lost")
				}
			}
			return res, err
		}}, true)
		tr.allowed(capability.All()...)
		tr.everything()
		theirs := tr.google.CreateSpace("All hands", alan)
		body, _ := crowd(1, `,"onDuplicate":"SUFFIX"`)
		tr.arm(1)
		first, _ := tr.creates(body)
		tr.clearFaults()
		tr.google.RenameSpace(theirs.ID, "Old") // its name is free again
		tr.clock.advance(time.Minute)
		second, answer := tr.creates(body)
		var names []string
		for _, s := range tr.google.SpacesOf(ada) {
			names = append(names, s.DisplayName)
		}
		if first.Code != http.StatusServiceUnavailable || second.Code != http.StatusCreated || answer.DisplayName != "All hands 2" || slices.Contains(names, "All hands") {
			t.Errorf("%d, then %d %q; she is in %q", first.Code, second.Code, answer.DisplayName, names)
		}
	})
}

func TestWhoIsInvitedIsNotCalledJoinedWhenGoogleSaysTheyAreThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		tr := newTrial(t, &failure{name: "an answer is lost, then there already", wire: func(r *http.Request, passOn http.RoundTripper) (*http.Response, error) {
			if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/members") {
				return passOn.RoundTrip(r)
			}
			switch n++; n {
			case 1:
				res, err := passOn.RoundTrip(r)
				if err == nil {
					_ = res.Body.Close()
				}
				return nil, errors.New("lost")
			case 2: // as Google documents it
				return newResponse(r, http.StatusConflict, `{"error":{"code":409,"status":"ALREADY_EXISTS"}}`), nil
			}
			return passOn.RoundTrip(r)
		}}, true)
		tr.allowed(capability.All()...)
		tr.everything()
		body, _ := crowd(50, `,"externalUserAllowed":true`)
		body = strings.Replace(body, `"member-50@example.com"`, `"kim@partner.example"`, 1)
		tr.arm(1)
		answer, made := tr.creates(body)
		if last := made.Members[49]; answer.Code != http.StatusCreated || last.State != "INVITED" || n < 2 {
			t.Errorf("%d %+v after %d calls", answer.Code, last, n)
		}
	})
}

func TestAddingManyGoesOnWhereTimeRanOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		tr := newTrial(t, &failure{name: "slow", wire: func(r *http.Request, passOn http.RoundTripper) (*http.Response, error) {
			if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/members") && r.Context().Err() == nil {
				asked++
				if err := sleep(r.Context(), 1500*time.Millisecond); err != nil {
					return nil, err
				}
			}
			return passOn.RoundTrip(r)
		}}, true)
		tr.allowed(capability.All()...)
		tr.everything()
		space := tr.google.CreateSpace("Plan", ada)
		_, members := crowd(49, "")
		tr.arm(1)
		var last *httptest.ResponseRecorder
		for try := 1; try <= 3; try++ {
			body := fmt.Sprintf(`{"actAs":"%s","members":["%s"]}`, ada.User(), strings.Join(members, `","`))
			last = tr.do(http.MethodPost, "/createspace/v1/"+space.Name()+"/members", body, "Authorization", tr.callerToken(), "Idempotency-Key", "many-many", "Content-Type", "application/json")
			if try == 1 && (last.Code != http.StatusAccepted || !strings.Contains(last.Body.String(), "PENDING")) {
				t.Errorf("at first: %d %s", last.Code, last.Body)
			}
			tr.clock.advance(time.Minute)
		}
		if now, _ := tr.google.SpaceByName("Plan"); last.Code != http.StatusOK || len(now.Members) != 50 || strings.Count(last.Body.String(), "JOINED") != 49 {
			t.Errorf("at last: %d %s, %d members", last.Code, last.Body, len(now.Members))
		}
		if asked > 52 { // 49, and what was cut off at the end of a try
			t.Errorf("%d calls for 49 members", asked)
		}
	})
}

func TestOneWhoMayBeAddedLaterIsNotHiddenByOneWhoNeverCan(t *testing.T) {
	t.Parallel()
	w := connectedWith(t)
	space := w.google.CreateSpace("Plan", ada)
	w.google.Fail("chat.spaces.members.create", 503, 503, 503, 503)
	add := func() answered {
		return w.api(t, "POST", "/v1/"+space.Name()+"/members", `{"actAs":"ada@example.com","members":["alan@example.com","kim@partner.example"]}`)
	}
	if first := add(); first.status != http.StatusAccepted || !strings.Contains(first.text, "PENDING") || !strings.Contains(first.text, "FAILED") {
		t.Errorf("%d %s", first.status, first.text)
	}
	asked := w.count("chat.spaces.members.create")
	if again := add(); again.status != http.StatusOK || !strings.Contains(again.text, "JOINED") || !strings.Contains(again.text, "FAILED") || w.count("chat.spaces.members.create") != asked+1 {
		t.Errorf("again: %d %s, %d calls", again.status, again.text, w.count("chat.spaces.members.create")-asked)
	}
}

func TestADisconnectRepeatedGetsItsAnswer(t *testing.T) {
	t.Parallel()
	for _, named := range []string{"ada@example.com", ada.Sub} {
		w := connectedWith(t)
		end := func() answered {
			return w.api(t, "DELETE", "/v1/people/"+named+"/connection", "", "Idempotency-Key", "end-it-please")
		}
		if first, again := end(), end(); first.body["outcome"] != "revoked" || again.text != first.text || again.status != first.status {
			t.Errorf("%s: %d %s, then %d %s", named, first.status, first.text, again.status, again.text)
		}
		if w.count("revoke") != 1 {
			t.Errorf("%s: revoked %d times", named, w.count("revoke"))
		}
	}
}

func TestNothingPrivateAndFoundByAnAudienceIsMade(t *testing.T) {
	t.Parallel()
	w := connectedWith(t)
	space := w.google.CreateSpace("Plan", ada)
	w.api(t, "GET", "/v1/"+space.Name()+"?actAs=ada@example.com", "") // for the keys
	calls := len(w.google.Calls())
	for _, got := range []answered{
		w.api(t, "POST", "/v1/spaces", `{"actAs":"ada@example.com","displayName":"x","access":"PRIVATE","audience":"audiences/engineering"}`),
		w.api(t, "PATCH", "/v1/"+space.Name()+"?updateMask=access,audience", `{"actAs":"ada@example.com","access":"PRIVATE","audience":"audiences/engineering"}`),
	} {
		if got.problem() != "invalid_request" || !strings.Contains(got.text, "can't have an audience") {
			t.Errorf("%d %s", got.status, got.text)
		}
	}
	if made := w.google.Calls()[calls:]; len(made) != 0 {
		t.Errorf("Google was asked: %v", made)
	}
}

func TestWhatWasDoneByDelegationIsErasedWithThePersonAndNamesNobody(t *testing.T) {
	t.Parallel()
	w := authorityCases["as a person by delegation"].setUp(t, "", nil)
	w.browser(t, ada).connect()
	if got := w.api(t, "POST", "/v1/spaces/AAAAteam/messages", `{"actAs":"ada@example.com","authority":"delegation","text":"private words"}`); got.status != http.StatusCreated || len(w.acts(t)) != 1 {
		t.Fatalf("%d %s, noted %v", got.status, got.text, w.acts(t))
	}
	grace := w.api(t, "GET", "/v1/spaces/AAAAteam?actAs=grace@example.com&authority=delegation", "")
	kept, err := w.docs.List(t.Context(), "operations", "", 10)
	if err != nil || len(kept) != 1 || strings.Contains(fmt.Sprint(kept[0].Fields), "@") || grace.status != http.StatusOK {
		t.Errorf("%v, %v", kept, err)
	}
	if _, err := w.grants.Erase(t.Context(), resource.Person(ada.User())); err != nil {
		t.Fatal(err)
	}
	if left, err := w.docs.List(t.Context(), "operations", "", 10); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
