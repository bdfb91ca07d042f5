package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/emulator/google"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/vault"
)

// crowd is the body of a create with so many members, and those.
func crowd(n int, more string) (string, []string) {
	var members []string
	for i := 1; i <= n; i++ {
		members = append(members, fmt.Sprintf("member-%d@example.com", i))
	}
	list, _ := json.Marshal(members) // texts
	return fmt.Sprintf(`{"actAs":"%s","displayName":"All hands","members":%s%s}`, ada.User(), list, more), members
}

// creates asks for a space under one key, with everything allowed.
func (tr *trial) creates(body string) (*httptest.ResponseRecorder, madeSpace) {
	tr.t.Helper()
	answer := tr.do(http.MethodPost, "/createspace/v1/spaces", body, "Authorization", tr.callerToken(), "Idempotency-Key", "all-hands", "Content-Type", "application/json")
	var made madeSpace
	if err := json.Unmarshal(answer.Body.Bytes(), &made); err != nil {
		tr.t.Fatalf("%v: %s", err, answer.Body)
	}
	return answer, made
}

type madeSpace struct {
	Name, DisplayName string
	Members           []struct{ Member, State, Detail string }
	Steps             []struct{ Step, State, Detail string }
}

// who are the members with a state.
func (m madeSpace) who(states ...string) []string {
	var out []string
	for _, member := range m.Members {
		if slices.Contains(states, member.State) {
			out = append(out, member.Member)
		}
	}
	return out
}

func allHands(t *testing.T) *trial {
	t.Helper()
	tr := newTrial(t, nil, false)
	tr.allowed(capability.All()...)
	tr.everything()
	return tr
}

func TestFiveHundredMembersGetInOverSeveralCallsAndExactlyThoseLeftOutAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := allHands(t)
		tr.google.EnforceQuotas()
		body, members := crowd(500, `,"firstMessage":"Welcome","history":"HISTORY_OFF"`)
		var lost []string
		for _, n := range []int{7, 49, 50, 51, 250, 499, 500} { // of the setup, and of those behind it
			p, _ := google.FindPerson(fmt.Sprintf("member-%d@example.com", n))
			tr.google.BlockPeople(p)
			lost = append(lost, p.Email)
		}
		began := time.Now()
		var calls int
		answer, made := tr.creates(body)
		for calls = 1; answer.Code == http.StatusAccepted && calls < 20; calls++ {
			pending := len(made.who("PENDING"))
			if pending == 0 || answer.Header().Get("Retry-After") != "1" || len(made.Members) != 500 {
				t.Fatalf("call %d: %d pending of %d, Retry-After %s", calls, pending, len(made.Members), answer.Header().Get("Retry-After"))
			}
			time.Sleep(time.Second)
			answer, made = tr.creates(body)
			if left := len(made.who("PENDING")); left >= pending {
				t.Fatalf("call %d: %d pending, %d before", calls, left, pending)
			}
		}
		if answer.Code != http.StatusCreated || calls < 3 {
			t.Fatalf("after %d calls: %d %.300s", calls, answer.Code, answer.Body)
		}
		if diff := cmp.Diff(lost, made.who("LEFT_OUT", "FAILED", "PENDING", "UNCHECKED", "INVITED")); diff != "" {
			t.Error(diff)
		}
		var told []string
		for _, m := range made.Members {
			told = append(told, m.Member)
			if m.State == "LEFT_OUT" && m.Detail == "" {
				t.Errorf("%s is left out without a reason", m.Member)
			}
		}
		if diff := cmp.Diff(members, told); diff != "" {
			t.Error(diff)
		}
		space, _ := tr.google.SpaceByName("All hands")
		if len(space.Members) != 494 || space.History != "HISTORY_OFF" {
			t.Errorf("%d are in, history %s", len(space.Members), space.History)
		}
		// Nothing twice: one setup, one message, one try for each behind the 49th.
		for method, want := range map[string]int{"chat.spaces.setup": 1, "chat.spaces.messages.create": 1, "chat.spaces.patch": 1, "chat.spaces.members.create": 451} {
			if n := tr.google.Count(method); n != want {
				t.Errorf("%s: %d calls, not %d", method, n, want)
			}
		}
		for _, c := range tr.google.Calls() {
			if c.Status == http.StatusTooManyRequests {
				t.Errorf("%s was too fast", c.Method)
			}
		}
		if took := time.Since(began); took < 3*time.Minute || took > 6*time.Minute {
			t.Errorf("%v for 451, at half of 300 in a minute", took)
		}
		again, same := tr.creates(body)
		if again.Code != http.StatusCreated || len(same.Members) != 500 || tr.google.Count("chat.spaces.members.create") != 451 {
			t.Errorf("the same once more: %d", again.Code)
		}
	})
}

func TestAQuotaThatIsUsedUpLeavesTheOthersForLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := allHands(t)
		body, _ := crowd(60, "")
		tr.google.Fail("chat.spaces.members.create", 0, 0, 429, 429, 429, 429)
		answer, made := tr.creates(body)
		if answer.Code != http.StatusAccepted || len(made.who("PENDING")) != 9 || len(made.who("JOINED")) != 51 {
			t.Fatalf("%d: %d pending, %d in", answer.Code, len(made.who("PENDING")), len(made.who("JOINED")))
		}
		answer, made = tr.creates(body)
		if answer.Code != http.StatusCreated || len(made.who("JOINED")) != 60 {
			t.Errorf("%d: %d in", answer.Code, len(made.who("JOINED")))
		}
	})
}

func TestAMemberWhomGoogleRefusesIsToldWithTheReasonAndStopsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := allHands(t)
		body, _ := crowd(52, "")
		body = strings.Replace(body, `"member-50@example.com"`, `"kim@partner.example"`, 1)
		answer, made := tr.creates(body)
		if diff := cmp.Diff([]string{"kim@partner.example"}, made.who("FAILED")); answer.Code != http.StatusCreated || diff != "" || len(made.who("JOINED")) != 51 {
			t.Errorf("%d %s, %d in", answer.Code, diff, len(made.who("JOINED")))
		}
		if why := made.Members[49].Detail; !strings.Contains(why, "outside your organization") {
			t.Errorf("%q", why)
		}
	})
}

func TestMoreMembersThanGoogleTakesAtOnceNeedTheRightToAddThem(t *testing.T) {
	t.Parallel()
	w := newWorldWithCaller(t, caller())
	w.browser(t, ada).connect() // CreateSpaces, which is enough for none
	body, _ := crowd(50, "")
	got := w.api(t, "POST", "/v1/spaces", body)
	if missing := fmt.Sprint(got.body["missing"]); got.problem() != "consent_required" || !strings.Contains(missing, "ManageMembers") || w.spaces(ada) != nil {
		t.Errorf("%d %s", got.status, got.text)
	}
	body, _ = crowd(501, "")
	if got := w.api(t, "POST", "/v1/spaces", body, "Idempotency-Key", "too-many-of-them"); got.problem() != "invalid_request" || !strings.Contains(got.text, "members has 501 entries. The maximum is 500.") {
		t.Errorf("%d %s", got.status, got.text)
	}
}

// everyStep asks for all that can be done for a space.
const everyStep = `,"firstMessage":"Welcome","history":"HISTORY_OFF","addTheApp":true,"permissions":{"manageMembersAndGroups":"MANAGER","toggleHistory":"OWNER"},` +
	`"accessPermissions":{"discover":["audiences/default","audiences/engineering"],"join":["audiences/default"]},"template":"Numbered"`

var numbered = vault.Template{Name: "Numbered", DisplayName: "{{seq}} {{title}}"}

func TestWhereverAnInstanceDiesTheSameKeyMakesTheSameSpaceAndNoStepTwice(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"half an answer", "Unavailable"} {
		var dies *failure
		for i := range failures {
			if failures[i].name == name {
				dies = &failures[i]
			}
		}
		if dies == nil {
			t.Fatalf("there is no failure %q", name)
		}
		deaths := 0
		for at := 1; ; at++ {
			over := false
			synctest.Test(t, func(t *testing.T) {
				tr := newTrial(t, dies, true) // and nothing works after it, not even to tell
				tr.allowed(capability.All()...)
				tr.everything()
				editCallersFile(t, tr.program, func(d *callers.Draft) error { return d.PutTemplate(callers.NewTemplate(numbered)) })
				body, _ := crowd(51, everyStep)
				tr.arm(at)
				first := tr.do(http.MethodPost, "/createspace/v1/spaces", body, "Authorization", tr.callerToken(), "Idempotency-Key", "all-hands", "Content-Type", "application/json")
				over = first.Code == http.StatusCreated && !tr.hasFailed.Load()
				tr.clearFaults()
				tr.clock.advance(time.Minute) // the lease of the dead
				var answer *httptest.ResponseRecorder
				var made madeSpace
				for range 3 {
					if answer, made = tr.creates(body); answer.Code == http.StatusCreated {
						break
					}
					tr.clock.advance(time.Minute)
				}
				if answer.Code != http.StatusCreated || len(made.who("JOINED")) != 51 {
					t.Errorf("%s at call %d: at first %d %.200s, then %d %.500s", name, at, first.Code, first.Body, answer.Code, answer.Body)
				}
				said, app := 0, 0
				spaces := slices.DeleteFunc(tr.google.SpacesOf(ada), func(s google.Space) bool { return s.Direct || s.DisplayName == "Team" })
				for _, s := range spaces {
					for _, m := range s.Messages {
						if m.Text == "Welcome" {
							said++
						}
						if strings.Contains(m.Text, "added Deputy") {
							app++
						}
					}
				}
				if len(spaces) != 1 || said != 1 || app != 1 || spaces[0].DisplayName != "1 All hands" && spaces[0].DisplayName != "2 All hands" {
					t.Errorf("%s at call %d: %d spaces, %d messages, the app %d times", name, at, len(spaces), said, app)
				}
				for _, s := range made.Steps {
					if s.State != "DONE" {
						t.Errorf("%s at call %d: %v", name, at, s)
					}
				}
			})
			if over {
				break
			}
			if deaths++; deaths > 80 || t.Failed() {
				t.Fatalf("no end after %d deaths", deaths)
			}
		}
		if deaths < 15 {
			t.Errorf("%s: only %d deaths", name, deaths)
		}
		t.Logf("%s: %d deaths", name, deaths)
	}
}

func TestASpacesOwnQuotaIsNeverExceededByOneCreate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := allHands(t)
		editCallersFile(t, tr.program, func(d *callers.Draft) error { return d.PutTemplate(callers.NewTemplate(numbered)) })
		tr.google.EnforceQuotas()
		body, _ := crowd(3, everyStep)
		answer, made := tr.creates(body)
		if answer.Code != http.StatusCreated || len(made.Steps) != 5 {
			t.Errorf("%d %s", answer.Code, answer.Body)
		}
		var order []string
		for _, c := range tr.google.Calls() {
			if strings.HasPrefix(c.Method, "chat.") {
				order = append(order, c.Method)
			}
			if c.Status == http.StatusTooManyRequests {
				t.Errorf("%s was too fast", c.Method)
			}
		}
		want := []string{"chat.spaces.setup", "chat.spaces.patch", "chat.spaces.patch", "chat.spaces.patch", "chat.spaces.patch", "chat.spaces.members.create", "chat.spaces.messages.create", "chat.spaces.members.list"}
		if diff := cmp.Diff(want, slices.DeleteFunc(order, func(m string) bool { return m == "chat.spaces.members.get" })); diff != "" {
			t.Error(diff)
		}
	})
}
