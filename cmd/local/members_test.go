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

// bodyWithMembers returns the body of a create with n members, and their addresses.
func bodyWithMembers(n int, more string) (string, []string) {
	var members []string
	for i := 1; i <= n; i++ {
		members = append(members, fmt.Sprintf("member-%d@example.com", i))
	}
	list, _ := json.Marshal(members) // strings always encode
	return fmt.Sprintf(`{"actAs":"%s","displayName":"All hands","members":%s%s}`, ada.User(), list, more), members
}

// createAllHands creates the space "All hands" with the key all-hands.
func (tr *trial) createAllHands(body string) (*httptest.ResponseRecorder, createdSpace) {
	tr.t.Helper()
	answer := tr.do(http.MethodPost, "/createspace/v1/spaces", body, "Authorization", tr.callerToken(),
		"Idempotency-Key", "all-hands", "Content-Type", "application/json")
	var created createdSpace
	if err := json.Unmarshal(answer.Body.Bytes(), &created); err != nil {
		tr.t.Fatalf("%v: %s", err, answer.Body)
	}
	return answer, created
}

type createdSpace struct {
	Name, DisplayName string
	Members           []struct{ Member, State, Detail string }
	Steps             []struct{ Step, State, Detail string }
}

// membersIn returns the members in one of the states.
func (s createdSpace) membersIn(states ...string) []string {
	var out []string
	for _, member := range s.Members {
		if slices.Contains(states, member.State) {
			out = append(out, member.Member)
		}
	}
	return out
}

func newApprovedTrial(t *testing.T) *trial {
	t.Helper()
	tr := newTrial(t, nil, false)
	tr.allow(capability.All()...)
	tr.approveAll()
	return tr
}

func TestCreate_500MembersInBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := newApprovedTrial(t)
		tr.google.EnforceQuotas()
		body, members := bodyWithMembers(500, `,"firstMessage":"Welcome","history":"HISTORY_OFF"`)
		var leftOut []string
		for _, n := range []int{7, 49, 50, 51, 250, 499, 500} { // in the setup call, and among those added after it
			p, _ := google.FindPerson(fmt.Sprintf("member-%d@example.com", n))
			tr.google.BlockPeople(p)
			leftOut = append(leftOut, p.Email)
		}
		began := time.Now()
		var calls int
		answer, created := tr.createAllHands(body)
		for calls = 1; answer.Code == http.StatusAccepted && calls < 20; calls++ {
			pending := len(created.membersIn("PENDING"))
			if pending == 0 || answer.Header().Get("Retry-After") != "1" || len(created.Members) != 500 {
				t.Fatalf("call %d: %d pending of %d, Retry-After %s", calls, pending, len(created.Members),
					answer.Header().Get("Retry-After"))
			}
			time.Sleep(time.Second)
			answer, created = tr.createAllHands(body)
			if left := len(created.membersIn("PENDING")); left >= pending {
				t.Fatalf("call %d: %d pending, %d before", calls, left, pending)
			}
		}
		if answer.Code != http.StatusCreated || calls < 3 {
			t.Fatalf("after %d calls: %d %.300s", calls, answer.Code, answer.Body)
		}
		if diff := cmp.Diff(leftOut, created.membersIn("LEFT_OUT", "FAILED", "PENDING", "UNCHECKED",
			"INVITED")); diff != "" {
			t.Error(diff)
		}
		var listed []string
		for _, m := range created.Members {
			listed = append(listed, m.Member)
			if m.State == "LEFT_OUT" && m.Detail == "" {
				t.Errorf("%s is left out without a reason", m.Member)
			}
		}
		if diff := cmp.Diff(members, listed); diff != "" {
			t.Error(diff)
		}
		space, _ := tr.google.SpaceByName("All hands")
		if len(space.Members) != 494 || space.History != "HISTORY_OFF" {
			t.Errorf("%d members, history %s", len(space.Members), space.History)
		}
		// The setup call adds 49 members; the other 451 take one call each.
		for method, want := range map[string]int{
			"chat.spaces.setup": 1, "chat.spaces.messages.create": 1,
			"chat.spaces.patch": 1, "chat.spaces.members.create": 451,
		} {
			if n := tr.google.Count(method); n != want {
				t.Errorf("%s: %d calls, not %d", method, n, want)
			}
		}
		for _, c := range tr.google.Calls() {
			if c.Status == http.StatusTooManyRequests {
				t.Errorf("%s exceeded its quota", c.Method)
			}
		}
		if took := time.Since(began); took < 150*time.Second || took > 6*time.Minute {
			t.Errorf("%v for 451 members, at half the quota of 300 per minute", took)
		}
		again, same := tr.createAllHands(body)
		if again.Code != http.StatusCreated || len(same.Members) != 500 ||
			tr.google.Count("chat.spaces.members.create") != 451 {
			t.Errorf("after one more retry: %d", again.Code)
		}
	})
}

func TestCreate_QuotaExhausted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := newApprovedTrial(t)
		body, _ := bodyWithMembers(60, "")
		tr.google.Fail("chat.spaces.members.create", 0, 0, 429, 429, 429, 429)
		answer, created := tr.createAllHands(body)
		if answer.Code != http.StatusAccepted || len(created.membersIn("PENDING")) != 9 ||
			len(created.membersIn("JOINED")) != 51 {
			t.Fatalf("%d: %d pending, %d in", answer.Code, len(created.membersIn("PENDING")),
				len(created.membersIn("JOINED")))
		}
		answer, created = tr.createAllHands(body)
		if answer.Code != http.StatusCreated || len(created.membersIn("JOINED")) != 60 {
			t.Errorf("%d: %d in", answer.Code, len(created.membersIn("JOINED")))
		}
	})
}

func TestCreate_MemberRefusedByGoogle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := newApprovedTrial(t)
		body, _ := bodyWithMembers(52, "")
		body = strings.Replace(body, `"member-50@example.com"`, `"kim@partner.example"`, 1)
		answer, created := tr.createAllHands(body)
		diff := cmp.Diff([]string{"kim@partner.example"}, created.membersIn("FAILED"))
		if answer.Code != http.StatusCreated || diff != "" || len(created.membersIn("JOINED")) != 51 {
			t.Errorf("%d %s, %d in", answer.Code, diff, len(created.membersIn("JOINED")))
		}
		if why := created.Members[49].Detail; !strings.Contains(why, "outside your organization") {
			t.Errorf("%q", why)
		}
	})
}

func TestCreate_ManyMembersNeedManageMembers(t *testing.T) {
	t.Parallel()
	w := newWorldWithCaller(t, caller())
	w.browser(t, ada).connect() // for CreateSpaces only
	body, _ := bodyWithMembers(50, "")
	got := w.api(t, "POST", "/v1/spaces", body)
	if missing := fmt.Sprint(got.body["missing"]); got.problem() != "consent_required" ||
		!strings.Contains(missing, "ManageMembers") || w.spaces(ada) != nil {
		t.Errorf("%d %s", got.status, got.text)
	}
	body, _ = bodyWithMembers(501, "")
	if got := w.api(t, "POST", "/v1/spaces", body,
		"Idempotency-Key", "too-many-of-them"); got.problem() != "invalid_request" ||
		!strings.Contains(got.text, "members has 501 entries. The maximum is 500.") {
		t.Errorf("%d %s", got.status, got.text)
	}
}

// everyStep holds fields that ask for each optional step of a create.
const everyStep = `,"firstMessage":"Welcome","history":"HISTORY_OFF","addTheApp":true,` +
	`"permissions":{"manageMembersAndGroups":"MANAGER","toggleHistory":"OWNER"},` +
	`"accessPermissions":{"discover":["audiences/default","audiences/engineering"],"join":["audiences/default"]},` +
	`"template":"Numbered"`

var numbered = vault.Template{Name: "Numbered", DisplayName: "{{seq}} {{title}}"}

func TestCreate_CrashAtEachStep(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"half an answer", "Unavailable"} {
		var crash *failure
		for i := range failures {
			if failures[i].name == name {
				crash = &failures[i]
			}
		}
		if crash == nil {
			t.Fatalf("no failure named %q", name)
		}
		crashes := 0
		for at := 1; ; at++ {
			completed := false
			synctest.Test(t, func(t *testing.T) {
				tr := newTrial(t, crash, true) // all later calls fail, too
				tr.allow(capability.All()...)
				tr.approveAll()
				editCallersFile(t, tr.program,
					func(d *callers.Draft) error { return d.PutTemplate(callers.NewTemplate(numbered)) })
				body, _ := bodyWithMembers(51, everyStep)
				tr.arm(at)
				first := tr.do(http.MethodPost, "/createspace/v1/spaces", body, "Authorization", tr.callerToken(),
					"Idempotency-Key", "all-hands", "Content-Type", "application/json")
				completed = first.Code == http.StatusCreated && !tr.hasFailed.Load()
				tr.clearFaults()
				tr.clock.advance(time.Minute) // the lease of the crashed instance expires
				var answer *httptest.ResponseRecorder
				var created createdSpace
				for range 3 {
					if answer, created = tr.createAllHands(body); answer.Code == http.StatusCreated {
						break
					}
					tr.clock.advance(time.Minute)
				}
				if answer.Code != http.StatusCreated || len(created.membersIn("JOINED")) != 51 {
					t.Errorf("%s at call %d: first %d %.200s, then %d %.500s", name, at, first.Code, first.Body,
						answer.Code, answer.Body)
				}
				messages, appAdded := 0, 0
				spaces := slices.DeleteFunc(tr.google.SpacesOf(ada),
					func(s google.Space) bool { return s.Direct || s.DisplayName == "Team" })
				for _, s := range spaces {
					for _, m := range s.Messages {
						if m.Text == "Welcome" {
							messages++
						}
						if strings.Contains(m.Text, "added Deputy") {
							appAdded++
						}
					}
				}
				if len(spaces) != 1 || messages != 1 || appAdded != 1 ||
					spaces[0].DisplayName != "1 All hands" && spaces[0].DisplayName != "2 All hands" {
					t.Errorf("%s at call %d: %d spaces, %d messages, app added %d times", name, at, len(spaces),
						messages, appAdded)
				}
				for _, s := range created.Steps {
					if s.State != "DONE" {
						t.Errorf("%s at call %d: %v", name, at, s)
					}
				}
			})
			if completed {
				break
			}
			if crashes++; crashes > 80 || t.Failed() {
				t.Fatalf("not completed after %d crashes", crashes)
			}
		}
		if crashes < 15 {
			t.Errorf("%s: only %d crashes", name, crashes)
		}
		t.Logf("%s: %d crashes", name, crashes)
	}
}

func TestCreate_WithinPerSpaceQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := newApprovedTrial(t)
		editCallersFile(t, tr.program,
			func(d *callers.Draft) error { return d.PutTemplate(callers.NewTemplate(numbered)) })
		tr.google.EnforceQuotas()
		body, _ := bodyWithMembers(3, everyStep)
		answer, created := tr.createAllHands(body)
		if answer.Code != http.StatusCreated || len(created.Steps) != 5 {
			t.Errorf("%d %s", answer.Code, answer.Body)
		}
		var methods []string
		for _, c := range tr.google.Calls() {
			if strings.HasPrefix(c.Method, "chat.") {
				methods = append(methods, c.Method)
			}
			if c.Status == http.StatusTooManyRequests {
				t.Errorf("%s exceeded its quota", c.Method)
			}
		}
		want := []string{
			"chat.spaces.setup", "chat.spaces.patch", "chat.spaces.patch", "chat.spaces.patch",
			"chat.spaces.patch", "chat.spaces.members.create", "chat.spaces.messages.create",
			"chat.spaces.members.list",
		}
		if diff := cmp.Diff(want, slices.DeleteFunc(methods,
			func(m string) bool { return m == "chat.spaces.members.get" })); diff != "" {
			t.Error(diff)
		}
	})
}
