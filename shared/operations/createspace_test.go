package operations_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/vault"
)

// named are requested members member-1 to member-n.
func named(n int) []spaces.Member {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf("member-%d@example.com", i+1))
	}
	return users(out...)
}

// states are the results of members in short, such as "grace@example.com JOINED".
func states(list []operations.MemberResult) []string {
	var out []string
	for _, m := range list {
		out = append(out, m.Member+" "+string(m.State))
	}
	return out
}

func steps(list []operations.StepResult) []string {
	var out []string
	for _, s := range list {
		out = append(out, string(s.Step)+" "+string(s.State))
	}
	return out
}

func TestCreateSpace(t *testing.T) {
	inFriendlyWorld(t, func(t *testing.T, w *world) {
		in := operations.NewSpace{Request: spaces.Request{
			DisplayName: " Launch  plan ", Description: "d", Guidelines: "g", External: new(true),
			Members: users("grace@example.com", "kim@partner.example", "nobody@example.com", ada.User(), "groups/none"),
			Rest: spaces.FollowUp{
				History: spaces.HistoryOff, Permissions: spaces.Permissions{"manageApps": spaces.RoleOwner},
				Access:    spaces.AccessPermissions{Discover: []string{"audiences/a"}},
				AddTheApp: true, FirstMessage: "Hello",
			},
		}}
		want := operations.CreatedSpace{
			Name: "spaces/AAAA0005", DisplayName: "Launch plan", Address: "https://chat.test/AAAA0005",
			Members: []operations.MemberResult{
				{Member: "grace@example.com", State: operations.StateJoined},
				{Member: "kim@partner.example", State: operations.StateInvited},
				{Member: "nobody@example.com", State: operations.StateLeftOut},
				{Member: ada.User(), State: operations.StateJoined},
				{Member: "groups/none", State: operations.StateLeftOut},
			},
		}
		for _, step := range []spaces.Step{
			spaces.SetHistory, spaces.SetPermissions, spaces.SetAccess, spaces.AddTheApp, spaces.PostFirst,
		} {
			want.Steps = append(want.Steps, operations.StepResult{Step: step, State: operations.StateDone})
		}
		for range 2 {
			got, err := w.CreateSpace(t.Context(), call("a-key"), in)
			check(t, err)
			for i, m := range got.Members {
				if (m.Detail != "") != (m.State == operations.StateLeftOut) {
					t.Errorf("detail of %s: %q", m.Member, m.Detail)
				}
				got.Members[i].Detail = ""
			}
			got.Outcome = spaces.Outcome{} // not stored
			first := &got.Steps[len(got.Steps)-1]
			if !strings.HasPrefix(first.Message, string(got.Name)+"/messages/") {
				t.Errorf("the first message is %q", first.Message)
			}
			first.Message = ""
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		}
		if w.Google.Count("chat.spaces.setup") != 1 || w.Google.Count("chat.spaces.messages.create") != 1 {
			t.Errorf("%v", w.Google.Calls())
		}
		in.Request.Members[0].Label = "Grace" // labels do not make another request
		_, err := w.CreateSpace(t.Context(), call("a-key"), in)
		check(t, err)
		in.Request.Members = in.Request.Members[1:]
		_, err = w.CreateSpace(t.Context(), call("a-key"), in)
		if !errors.Is(err, operations.ErrKeyReused) {
			t.Errorf("with fewer members: %v", err)
		}
	})
}

// A request that lost its response is continued, not repeated.
// The ETag of a new space is that of a read, although Google's response to the creation lacks fields.
func TestCreateSpace_ETag(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		in := newSpace("Plan")
		if got, err := w.CreateSpace(t.Context(), call("a-key"), in); err != nil || got.ETag != "" {
			t.Errorf("not asked for: %q, %v", got.ETag, err)
		}
		in = newSpace("Plan B")
		in.Read = true
		for range 2 { // the second is a repetition
			got, err := w.CreateSpace(t.Context(), call("b-key"), in)
			check(t, err)
			info, err := w.GetSpace(t.Context(), call(""), got.Name)
			check(t, err)
			if got.ETag != operations.ETag(info) {
				t.Errorf("created with %s, read with %s", got.ETag, operations.ETag(info))
			}
		}
		c := call("c-key")
		c.Caller.Actions = without(callers.Actions(), callers.ReadSpaces)
		_, err := w.CreateSpace(t.Context(), c, in)
		wantKind(t, "a caller that may not read", err, fault.Denied)
		fail(w, "chat.spaces.get", 403)
		in = newSpace("Plan C")
		in.Read = true
		if got, err := w.CreateSpace(t.Context(), call("d-key"), in); err != nil || got.Name == "" || got.ETag != "" {
			t.Errorf("a read that fails: %+v, %v", got, err)
		}
	})
}

func TestCreateSpace_LostResponse(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		check(t, w.Google.SetSwitch("drop", true))
		_, err := w.CreateSpace(t.Context(), call("a-key"), newSpace("Plan"))
		wantKind(t, "without a response", err, fault.Unavailable)
		check(t, w.Google.SetSwitch("drop", false))
		_, err = w.CreateSpace(t.Context(), call("a-key"), newSpace("Another"))
		if !errors.Is(err, operations.ErrKeyReused) {
			t.Errorf("another request with the key: %v", err)
		}
		got, err := w.CreateSpace(t.Context(), call("a-key"), newSpace("Plan"))
		if err != nil || got.Name != "spaces/AAAA0005" {
			t.Errorf("%v, %v", got, err)
		}
		if got := status(w.Activities(ada)); len(got) != 1 || strings.Contains(got[0], "unknown") {
			t.Errorf("%q", got)
		}
	})
}

// A refused create leaves its key free.
func TestCreateSpace_Refused(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.Google.CreateSpace("Plan", ada)
		_, err := w.CreateSpace(t.Context(), call("a-key"), newSpace("Plan"))
		wantKind(t, "a name that is taken", err, fault.Conflict)
		_, err = w.CreateSpace(t.Context(), call("a-key"), newSpace(" "))
		wantKind(t, "without a name", err, fault.Invalid)
		if n := len(w.Lines("audit")); n != 1 {
			t.Errorf("%d audit lines: an invalid request is no operation", n)
		}
		_, err = w.CreateSpace(t.Context(), call("a-key"), newSpace("Plan B"))
		check(t, err)
	})
}

// More members than a setup takes are added one by one; what time or quota does not allow is left for a retry.
func TestCreateSpace_ContinuesMembers(t *testing.T) {
	inFriendlyWorld(t, func(t *testing.T, w *world) {
		fail(w, "chat.spaces.members.create", 429)
		in := operations.NewSpace{Request: spaces.Request{
			DisplayName: "Plan", Members: append(named(51), users("nobody@example.com")...),
			Rest: spaces.FollowUp{History: spaces.HistoryOff, FirstMessage: "Hello"},
		}}
		w.Google.Fail("chat.spaces.messages.create", 403)
		w.Google.Fail("chat.spaces.patch", 503, 503, 503, 503)
		got, err := w.CreateSpace(t.Context(), call("a-key"), in)
		check(t, err)
		want := slices.Concat(states(got.Members)[:49], []string{
			"member-50@example.com PENDING", "member-51@example.com PENDING",
			"nobody@example.com PENDING",
		})
		if diff := cmp.Diff(want, states(got.Members)); diff != "" || states(got.Members)[48] !=
			"member-49@example.com JOINED" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"history PENDING", "firstMessage FAILED"}, steps(got.Steps)); diff != "" {
			t.Error(diff)
		}
		if !got.Pending() || !got.Unfinished() || got.Steps[1].Detail == "" {
			t.Errorf("pending %v, unfinished %v, %+v", got.Pending(), got.Unfinished(), got.Steps)
		}
		calls := len(w.Google.Calls())
		again, err := w.CreateSpace(t.Context(), call("a-key"), in)
		check(t, err)
		want = slices.Concat(states(got.Members)[:49], []string{
			"member-50@example.com JOINED", "member-51@example.com JOINED",
			"nobody@example.com FAILED",
		})
		if diff := cmp.Diff(want, states(again.Members)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"history DONE", "firstMessage FAILED"}, steps(again.Steps)); diff != "" {
			t.Error(diff)
		}
		if again.Pending() || again.Name != got.Name || len(again.Outcome.Joined) != 2 {
			t.Errorf("%+v", again)
		}
		var made []string
		for _, c := range w.Google.Calls()[calls:] {
			made = append(made, c.Method)
		}
		if diff := cmp.Diff([]string{
			"chat.spaces.patch", "chat.spaces.members.list", "chat.spaces.members.create", "chat.spaces.members.create",
			"chat.spaces.members.create",
		}, made); diff != "" {
			t.Errorf("the retry does what is left: %s", diff)
		}
		calls = len(w.Google.Calls())
		last, err := w.CreateSpace(t.Context(), call("a-key"), in)
		if diff := cmp.Diff(states(again.Members), states(last.Members)); err != nil || diff != "" ||
			len(w.Google.Calls()) != calls {
			t.Errorf("after the end: %v %s", err, diff)
		}
	})
}

// What is left is saved even if the caller has disconnected, so that a retry does not start from the beginning.
func TestCreateSpace_CallerGone(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		in := operations.NewSpace{Request: spaces.Request{DisplayName: "Plan", Members: named(50)}}
		ctx, cancel := context.WithCancel(t.Context())
		w.CancelAfter("/members", cancel)
		got, err := w.CreateSpace(ctx, call("a-key"), in)
		if err != nil || !got.Pending() {
			t.Fatalf("%+v, %v", got, err)
		}
		w.Intercept = nil
		got, err = w.CreateSpace(t.Context(), call("a-key"), in)
		if err != nil || got.Unfinished() || w.Google.Count("chat.spaces.setup") != 1 {
			t.Errorf("%v, %v", err, w.Google.Calls())
		}
	})
}

// Members who could not be listed are checked by a retry, and only they.
func TestCreateSpace_ChecksMembersLater(t *testing.T) {
	inFriendlyWorld(t, func(t *testing.T, w *world) {
		fail(w, "chat.spaces.members.list", 500)
		fail(w, "chat.spaces.members.list", 500) // small pages, too
		in := operations.NewSpace{Request: spaces.Request{
			DisplayName: "Plan", Members: users("grace@example.com", "kim@partner.example"), External: new(true),
		}}
		got, err := w.CreateSpace(t.Context(), call("a-key"), in)
		check(t, err)
		if diff := cmp.Diff([]string{"grace@example.com UNCHECKED", "kim@partner.example UNCHECKED"},
			states(got.Members)); diff != "" || got.Pending() || !got.Unfinished() {
			t.Errorf("%s pending %v", diff, got.Pending())
		}
		again, err := w.CreateSpace(t.Context(), call("a-key"), in)
		check(t, err)
		if diff := cmp.Diff([]string{"grace@example.com JOINED", "kim@partner.example INVITED"},
			states(again.Members)); diff != "" || again.Unfinished() {
			t.Error(diff)
		}
		if w.Google.Count("chat.spaces.setup") != 1 {
			t.Error("a second space")
		}
	})
}

// What the person declined is not asked for again: the space is created without it.
func TestCreateSpace_Declined(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		in := operations.NewSpace{Request: spaces.Request{
			DisplayName: "Plan", Members: append(named(49), users("grace@example.com")...),
			Rest: spaces.FollowUp{FirstMessage: "Hello"},
		}}
		w.Connect(ada, capability.CreateSpaces)
		w.Approve(ada, callers.AuthorityUser, callers.Actions()...)
		_, err := w.CreateSpace(t.Context(), call("a-key"), in)
		want := []capability.Capability{capability.ReadMembers, capability.ManageMembers, capability.PostMessages}
		if i, ok := invitationOf(err); !ok || cmp.Diff(want, i.Needs.Missing) != "" ||
			w.Google.Count("chat.spaces.setup") != 0 {
			t.Fatalf("one consent asks for all: %v", err)
		}
		w.ChangeGrant(ada, func(g *vault.Grant) { g.Declined = capability.Scopes(want...) })
		requests, err := w.PlanSpace(t.Context(), call("a-key"), in)
		if err != nil || len(requests) == 0 {
			t.Errorf("the plan: %v", err)
		}
		got, err := w.CreateSpace(t.Context(), call("a-key"), in)
		check(t, err)
		first, last := got.Members[0], got.Members[49]
		if first.State != operations.StateUnchecked || !strings.Contains(first.Detail, "hasn't allowed") ||
			last.State != operations.StateFailed || got.Unfinished() {
			t.Errorf("%+v %+v", first, last)
		}
		if diff := cmp.Diff([]string{"firstMessage FAILED"}, steps(got.Steps)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestCreateSpace_Suffix(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.Google.CreateSpace("Plan", ada)
		w.Google.CreateSpace("Plan 2", ada)
		in := newSpace("Plan")
		in.OnDuplicate = operations.DuplicateSuffix
		// The response for the free name is lost. The retry must not take the next one.
		w.Intercept = func(r *http.Request, next func() *http.Response) (*http.Response, error) {
			res := next()
			if _, made := w.Google.SpaceByName("Plan 3"); made && strings.HasSuffix(r.URL.Path, ":setup") {
				return nil, errors.New("the response is lost")
			}
			return res, nil
		}
		_, err := w.CreateSpace(t.Context(), call("a-key"), in)
		wantKind(t, "without a response", err, fault.Unavailable)
		w.Intercept = nil
		w.Google.RenameSpace("AAAAfound6", "Was Plan") // the first name is free now
		got, err := w.CreateSpace(t.Context(), call("a-key"), in)
		if err != nil || got.DisplayName != "Plan 3" || len(w.Google.SpacesOf(ada)) != 5 {
			t.Errorf("%v, %v", got, err)
		}
	})
}

func TestCreateSpace_SuffixesEnd(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		in := newSpace("Plan")
		in.OnDuplicate = operations.DuplicateSuffix
		w.Google.CreateSpace("Plan", ada)
		for n := 2; n <= 20; n++ {
			w.Google.CreateSpace(fmt.Sprint("Plan ", n), ada)
		}
		got, err := w.CreateSpace(t.Context(), call("a-key"), in)
		if err != nil || got.DisplayName != "Plan 21" {
			t.Errorf("the twentieth number: %v, %v", got, err)
		}
		before := w.Google.Count("chat.spaces.setup")
		_, err = w.CreateSpace(t.Context(), call("b-key"), in)
		wantKind(t, "twenty numbers taken", err, fault.Conflict)
		if n := w.Google.Count("chat.spaces.setup") - before; n != 21 {
			t.Errorf("%d names were tried", n)
		}
		w.Google.Fail("chat.spaces.setup", 403)
		_, err = w.CreateSpace(t.Context(), call("c-key"), in)
		wantKind(t, "another refusal is no reason for another name", err, fault.Denied)
	})
}

// If the journal can't be saved, no other name is tried: a retry would create a second space.
func TestCreateSpace_SuffixNotSaved(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.Google.CreateSpace("Plan", ada)
		in := newSpace("Plan")
		in.OnDuplicate = operations.DuplicateSuffix
		w.Docs.Docs = brokenJournal{w.Docs.Docs}
		_, err := w.CreateSpace(t.Context(), call("a-key"), in)
		wantKind(t, "the store is down", err, fault.Unavailable)
		if n := w.Google.Count("chat.spaces.setup"); n != 1 {
			t.Errorf("%d names were tried", n)
		}
	})
}

// brokenJournal does not store journals and results.
type brokenJournal struct{ vault.Docs }

func (b brokenJournal) Replace(
	ctx context.Context, name vault.Collection, id string, f vault.Fields, at vault.Version,
) (vault.Version, error) {
	if name == "operations" {
		return "", storeDown
	}
	return b.Docs.Replace(ctx, name, id, f, at)
}

func TestCreateSpace_Reuse(t *testing.T) {
	inFriendlyWorld(t, func(t *testing.T, w *world) {
		w.Google.CreateSpace("Plan C", ada, kim)
		found := w.Google.CreateSpace("Plan", ada, grace)
		w.Google.CreateSpace("Hidden", alan)
		ask := func(name string, members ...spaces.Member) (operations.CreatedSpace, error) {
			in := operations.NewSpace{
				Request: spaces.Request{
					DisplayName: name, Members: members,
					Rest: spaces.FollowUp{FirstMessage: "Hello"},
				},
				OnDuplicate: operations.DuplicateReuse,
			}
			return w.CreateSpace(t.Context(), call(resource.Key(name)), in)
		}
		w.Google.Fail("chat.spaces.setup", 409)
		more := append(named(49), users("grace@example.com", "alan@example.com")...)
		got, err := ask(" Plan\u200b", more...)
		check(t, err)
		if string(got.Name) != found.Name() || !got.Reused || got.DisplayName != "Plan" || got.Address == "" ||
			len(got.Steps) != 0 || len(got.Members) != 51 {
			t.Errorf("%+v", got)
		}
		if diff := cmp.Diff([]string{"grace@example.com JOINED", "alan@example.com LEFT_OUT"},
			states(got.Members)[49:]); diff != "" {
			t.Errorf("the members of a reused space are read: %s", diff)
		}
		if w.Google.Count("chat.spaces.members.create")+w.Google.Count("chat.spaces.messages.create") != 0 {
			t.Error("the reused space was changed")
		}
		_, err = ask("PLAN")
		wantKind(t, "a name that differs in case", err, fault.Conflict)
		w.Google.Fail("chat.spaces.setup", 409)
		_, err = ask("Hidden")
		wantKind(t, "a space that the person is not in", err, fault.Conflict)
		w.Google.Fail("chat.spaces.setup", 409)
		w.Google.Fail("chat.spaces.search", 403)
		_, err = ask("Plan")
		wantKind(t, "no search", err, fault.Denied)
		w.Google.Fail("chat.spaces.setup", 403)
		_, err = ask("Plan C")
		wantKind(t, "another refusal", err, fault.Denied)
		made, err := ask("Free")
		if err != nil || made.Reused {
			t.Errorf("a name that is free: %+v, %v", made, err)
		}
	})
}

// A retry of a reused space checks its members, and still changes nothing.
func TestCreateSpace_ReuseCheckedLater(t *testing.T) {
	inFriendlyWorld(t, func(t *testing.T, w *world) {
		w.Google.CreateSpace("Plan", ada, grace)
		in := operations.NewSpace{Request: spaces.Request{
			DisplayName: "Plan", Members: append(named(49), users("grace@example.com")...),
			Rest: spaces.FollowUp{FirstMessage: "Hello"},
		}, OnDuplicate: operations.DuplicateReuse}
		w.Google.Fail("chat.spaces.setup", 409)
		fail(w, "chat.spaces.members.list", 500)
		fail(w, "chat.spaces.members.list", 500) // small pages, too
		got, err := w.CreateSpace(t.Context(), call("a-key"), in)
		if err != nil || !got.Reused || got.Members[49].State != operations.StateUnchecked {
			t.Fatalf("%+v, %v", got, err)
		}
		got, err = w.CreateSpace(t.Context(), call("a-key"), in)
		if err != nil || !got.Reused || got.Members[49].State != operations.StateJoined ||
			got.Members[0].State != operations.StateLeftOut || len(got.Steps) != 0 {
			t.Errorf("%+v, %v", got, err)
		}
		if w.Google.Count("chat.spaces.members.create")+w.Google.Count("chat.spaces.messages.create") != 0 {
			t.Error("the reused space was changed")
		}
	})
}

// To reuse a space reads it, so it needs the actions and the consent for that.
func TestCreateSpace_ReuseNeedsRights(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		in := newSpace("Plan")
		in.OnDuplicate = operations.DuplicateReuse
		for _, action := range []string{callers.ReadSpaces, callers.ReadMembers} {
			c := call("a-key")
			c.Caller.Actions = without(callers.Actions(), action)
			_, err := w.CreateSpace(t.Context(), c, in)
			wantKind(t, "without "+action, err, fault.Denied)
		}
		w.Connect(ada, capability.CreateSpaces)
		w.Approve(ada, callers.AuthorityUser, callers.Actions()...)
		for _, members := range [][]spaces.Member{nil, users("grace@example.com")} {
			in.Request.Members = members
			_, err := w.CreateSpace(t.Context(), call("a-key"), in)
			i, ok := invitationOf(err)
			if !ok {
				t.Fatal(err)
			}
			counts := map[capability.Capability]int{}
			for _, c := range i.Needs.Missing {
				counts[c]++
			}
			if diff := cmp.Diff(map[capability.Capability]int{
				capability.ReadSpaces: 1, capability.ReadMembers: 1,
			}, counts); diff != "" {
				t.Errorf("%d members: %s", len(members), diff)
			}
		}
	})
}

func TestPlanSpace(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.CallersYAML = "templates:\n- {name: T, displayName: 'INC-{{seq}} of {{person}}', firstMessage: Hello}\n"
		in := operations.NewSpace{Template: "T", Request: spaces.Request{Members: users("groups/oncall@example.com")}}
		for range 2 {
			requests, err := w.PlanSpace(t.Context(), call("a-key"), in)
			check(t, err)
			var got []string
			for _, r := range requests {
				got = append(got, r.Method+" "+r.URL[:strings.Index(r.URL+"?", "?")])
			}
			const chat = "https://chat.googleapis.com/v1/spaces"
			if diff := cmp.Diff([]string{
				"GET https://cloudidentity.googleapis.com/v1/groups:lookup", "POST " + chat + ":setup",
				"POST " + chat + "/NEW/messages", "GET " + chat + "/NEW/members",
			}, got); diff != "" {
				t.Fatal(diff)
			}
			var setup struct{ Space struct{ DisplayName string } }
			check(t, json.Unmarshal(requests[1].Body, &setup))
			if setup.Space.DisplayName != "INC-1 of ada@example.com" {
				t.Errorf("%s", requests[1].Body)
			}
		}
		if calls := w.Google.Calls(); len(calls) != 0 {
			t.Errorf("a plan calls Google: %v", calls)
		}
		made, err := w.CreateSpace(t.Context(), call("a-key"), in)
		if err != nil || made.DisplayName != "INC-1 of ada@example.com" {
			t.Errorf("%v, %v", made, err)
		}
		requests, err := w.PlanSpace(t.Context(), call("b-key"), in)
		if err != nil || !strings.Contains(string(requests[1].Body), "INC-2") {
			t.Errorf("after the first use: %v", err)
		}
		_, err = w.PlanSpace(t.Context(), call("a-key"), newSpace(""))
		wantKind(t, "no name", err, fault.Invalid)
		w.Connect(ada, capability.CreateSpaces)
		w.Approve(ada, callers.AuthorityUser, callers.Actions()...)
		_, err = w.PlanSpace(t.Context(), call("a-key"), in)
		wantKind(t, "without consent", err, fault.NeedsConsent)
	})
}

func TestFinishSpace(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		self := operations.Self(resource.Person(ada.User()), "m1")
		out, err := w.FinishSpace(t.Context(), self, team, spaces.Request{
			Members: users("grace@example.com"), More: users("member-1@example.com"),
			Rest: spaces.FollowUp{FirstMessage: "Hello"},
		})
		check(t, err)
		if len(out.Joined) != 2 || len(out.FailedSteps) != 0 {
			t.Errorf("%+v", out)
		}
		if diff := cmp.Diff([]string{"Hello"}, messages(w, team)); diff != "" {
			t.Error(diff)
		}
		if lines := w.Lines("audit"); len(lines) != 1 || !strings.Contains(lines[0], "target=spaces/AAAAteam") {
			t.Errorf("%q", lines)
		}
	})
}

func TestCreateConversation(t *testing.T) {
	inFriendlyWorld(t, func(t *testing.T, w *world) {
		ask := func(key resource.Key, direct bool, members ...string) (operations.CreatedSpace, error) {
			in := operations.NewConversation{Direct: direct, Members: users(members...)}
			return w.CreateConversation(t.Context(), call(key), in)
		}
		group, err := ask("a-key", false, "grace@example.com", "alan@example.com")
		check(t, err)
		if group.Reused || group.Name == "" || group.Address == "" || group.DisplayName != "" {
			t.Errorf("%+v", group)
		}
		if diff := cmp.Diff([]string{"grace@example.com JOINED", "alan@example.com JOINED"},
			states(group.Members)); diff != "" {
			t.Error(diff)
		}
		found, err := ask("b-key", false, "alan@example.com", "grace@example.com")
		if err != nil || !found.Reused || found.Name != group.Name {
			t.Errorf("the same people: %+v, %v", found, err)
		}
		if lines := w.Lines("audit"); !strings.Contains(lines[1], "resource="+string(group.Name)+" ") {
			t.Errorf("%s", lines[1])
		}
		_, err = ask("c-key", false, "grace@example.com")
		wantKind(t, "a group of two", err, fault.Invalid)
		for _, members := range [][]string{nil, {"grace@example.com", "alan@example.com"}} {
			_, err = ask("c-key", true, members...)
			wantKind(t, fmt.Sprint("a direct message with ", members), err, fault.Invalid)
			if text := fault.Public(i18n.In("en"), err, ""); !strings.Contains(text, "exactly one member") {
				t.Errorf("%q", text)
			}
		}
		fail(w, "chat.spaces.members.list", 500)
		fail(w, "chat.spaces.members.list", 500) // small pages, too
		late, err := ask("d-key", false, "grace@example.com", "member-1@example.com")
		if err != nil || late.Members[0].State != operations.StateUnchecked {
			t.Errorf("%+v, %v", late, err)
		}
		late, err = ask("d-key", false, "grace@example.com", "member-1@example.com")
		if err != nil || late.Members[0].State != operations.StateJoined {
			t.Errorf("the retry checks the members: %+v, %v", late, err)
		}
		w.Connect(ada, capability.CreateSpaces)
		w.Approve(ada, callers.AuthorityUser, callers.Actions()...)
		direct, err := ask("e-key", true, "grace@example.com")
		if err != nil || direct.Name == "" || direct.Members[0].State != operations.StateJoined {
			t.Errorf("to write to one person needs no list of members: %+v, %v", direct, err)
		}
		_, err = ask("f-key", false, "grace@example.com", "alan@example.com")
		wantKind(t, "a group without the list of members", err, fault.NeedsConsent)
		_, err = ask("e-key", false, "grace@example.com")
		if !errors.Is(err, operations.ErrKeyReused) {
			t.Errorf("a group under the key of a direct message: %v", err)
		}
	})
}
