package vault_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/vault/memory"
)

func TestActivity(t *testing.T) {
	v, _, clock := newVault(t)
	first := clock.now()
	for i := range 5 {
		a := vault.Activity{
			Time: clock.now(), Caller: "Build", Action: "spaces.create", Authority: "user",
			Resource: fmt.Sprintf("spaces/%d", i),
		}
		for range 2 {
			if err := v.RecordActivity(t.Context(), "users/1", fmt.Sprintf("act%d", i), a); err != nil {
				t.Fatal(err)
			}
		}
		clock.advance(7 * time.Hour)
	}
	list := func(limit int) []string {
		t.Helper()
		all, err := v.Activities(t.Context(), "users/1", limit)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, a := range all {
			out = append(out, a.Resource)
		}
		return out
	}
	if diff := cmp.Diff([]string{"spaces/4", "spaces/3", "spaces/2", "spaces/1", "spaces/0"}, list(100)); diff != "" {
		t.Error(diff)
	}
	if got := list(1); len(got) != 1 {
		t.Errorf("limited: %v", got)
	}
	clock.advance(first.Add(30*24*time.Hour + 8*time.Hour).Sub(clock.now()))
	if diff := cmp.Diff([]string{"spaces/4", "spaces/3", "spaces/2"}, list(100)); diff != "" {
		t.Error("after 30 days:", diff)
	}
	if others, err := v.Activities(t.Context(), "users/2", 10); err != nil || others != nil {
		t.Errorf("other person: %v, %v", others, err)
	}
	if err := v.EraseActivity(t.Context(), "users/1"); err != nil || list(100) != nil {
		t.Errorf("erased: %v, %v", err, list(100))
	}
}

func TestApproval(t *testing.T) {
	g := vault.Grant{ConnectedAt: start}
	g.Approve("ci", "user", []string{"spaces.create"}, start)
	g.Approve("bot", "user", []string{"spaces.read"}, start)
	g.Approve("ci", "admin", []string{"members.read"}, start)
	for _, c := range []struct {
		caller    string
		authority vault.Authority
		action    string
		want      bool
	}{
		{"ci", "user", "spaces.create", true},
		{"ci", "user", "spaces.read", false},
		{"ci", "user", "members.read", false},
		{"bot", "user", "spaces.create", false},
		{"ci", "admin", "spaces.create", false},
		{"ci", "admin", "members.read", true},
		{"x", "user", "spaces.create", false},
	} {
		if got := g.HasApproved(c.caller, c.authority, c.action); got != c.want {
			t.Errorf("%+v: got %v", c, got)
		}
	}
	if !g.WithdrawApproval("ci", "user") || g.WithdrawApproval("ci", "user") {
		t.Error("Withdraw: want true, then false")
	}
	if g.HasApproved("ci", "user", "spaces.create") || !g.HasApproved("bot", "user", "spaces.read") ||
		!g.HasApproved("ci", "admin", "members.read") {
		t.Errorf("after Withdraw: %+v", g.Approvals)
	}
}

// TestApproval_EarlierConnection: an approval from an earlier connection is invalid,
// and a new approval does not restore it.
func TestApproval_EarlierConnection(t *testing.T) {
	g := vault.Grant{ConnectedAt: start}
	g.Approve("ci", "user", []string{"spaces.delete"}, start)
	g.ConnectedAt = start.Add(time.Hour)
	if g.HasApproved("ci", "user", "spaces.delete") || len(g.ValidApprovals()) != 0 {
		t.Error("valid in the new connection")
	}
	g.Approve("ci", "user", []string{"spaces.create"}, start.Add(2*time.Hour))
	if g.HasApproved("ci", "user", "spaces.delete") || !g.HasApproved("ci", "user", "spaces.create") {
		t.Errorf("restored by a new approval: %+v", g.Approvals)
	}
}

func TestTemplate_OtherCaller(t *testing.T) {
	v, docs, _ := newVault(t)
	want := vault.Template{
		Name: "Incident", Description: "d", Guidelines: "g", Members: []string{"users/a@example.com", "groups/1"},
		Discoverable: true, Announcements: true, External: true, History: "HISTORY_ON", FirstMessage: "f", AddApp: true,
	}
	if err := v.PutTemplate(t.Context(), "ci", want, func(*vault.Template) error { return nil }); err != nil {
		t.Fatal(err)
	}
	got, err := v.Templates(t.Context(), "ci")
	if diff := cmp.Diff([]vault.Template{want}, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
	if _, err := v.Template(t.Context(), "bot", "Incident"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("read by another caller: %v", err)
	}
	// An attacker with write access to the store moves it to another owner.
	doc, err := docs.Get(t.Context(), "templates", vault.TemplateID("ci", "Incident"))
	if err != nil {
		t.Fatal(err)
	}
	doc.Fields["owner"] = "bot"
	if _, err := docs.Create(t.Context(), "templates", vault.TemplateID("bot", "Incident"), doc.Fields); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Template(t.Context(), "bot", "Incident"); !errors.Is(err, seal.ErrNotAuthentic) {
		t.Errorf("moved: %v", err)
	}
	if all, err := v.Templates(t.Context(), "bot"); err != nil || len(all) != 0 {
		t.Errorf("moved, in list: %v, %v", all, err)
	}
}

func TestEraseOperations_Pages(t *testing.T) {
	v, docs, _ := newVault(t)
	for i := range 250 {
		person := "users/1"
		if i%10 == 0 {
			person = "users/2"
		}
		o := vault.Operation{ID: fmt.Sprintf("%04d", i), Person: resource.Person(person)}
		if _, err := v.CreateOperation(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	if err := v.EraseOperations(t.Context(), "users/1"); err != nil {
		t.Fatal(err)
	}
	left, err := docs.List(t.Context(), "operations", "", 999)
	if err != nil || len(left) != 25 {
		t.Errorf("left %d, %v", len(left), err)
	}
}

// TestRecordActivity_Outcome: only a known outcome replaces an unknown one.
func TestRecordActivity_Outcome(t *testing.T) {
	unknown := vault.Activity{Time: start, Resource: "unknown", OutcomeUnknown: true}
	known := vault.Activity{Time: start, Resource: "known"}
	other := vault.Activity{Time: start, Resource: "other"}
	for name, c := range map[string]struct {
		records []vault.Activity
		want    string
	}{
		"known after unknown": {[]vault.Activity{unknown, known}, "known"},
		"unknown after known": {[]vault.Activity{known, unknown}, "known"},
		"two known":           {[]vault.Activity{known, other}, "known"},
		"two unknown":         {[]vault.Activity{unknown, {Time: start, OutcomeUnknown: true}}, "unknown"},
	} {
		v, _, _ := newVault(t)
		for _, a := range c.records {
			if err := v.RecordActivity(t.Context(), "users/1", "act", a); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		all, err := v.Activities(t.Context(), "users/1", 9)
		if err != nil || len(all) != 1 || all[0].Resource != c.want || all[0].OutcomeUnknown != (c.want == "unknown") {
			t.Errorf("%s: %+v, %v", name, all, err)
		}
	}
}

// Another call may record the outcome between the read and the write of this one.
func TestRecordActivity_Race(t *testing.T) {
	docs := &overtakenDocs{Docs: &memory.Docs{}}
	v := vault.New(docs, newKeys(t), (&clock{}).now)
	record := func(a vault.Activity) error { return v.RecordActivity(t.Context(), "users/1", "act", a) }
	if err := record(vault.Activity{Time: start, OutcomeUnknown: true}); err != nil {
		t.Fatal(err)
	}
	var otherErr error
	docs.beforeReplace = func() { otherErr = record(vault.Activity{Time: start, Resource: "first"}) }
	if err := record(vault.Activity{Time: start, Resource: "second"}); err != nil || otherErr != nil {
		t.Errorf("%v, %v", err, otherErr)
	}
	if all, err := v.Activities(t.Context(), "users/1", 9); err != nil || len(all) != 1 || all[0].Resource != "first" {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestActivities_Pages(t *testing.T) {
	v, docs, clock := newVault(t)
	for i := range 250 {
		a := vault.Activity{Time: start.Add(time.Duration(i) * time.Millisecond), Resource: fmt.Sprint(i)}
		if err := v.RecordActivity(t.Context(), "users/1", "act", a); err != nil {
			t.Fatal(err)
		}
	}
	for _, limit := range []int{0, 1, 99, 100, 101, 200, 249, 250, 999} {
		all, err := v.Activities(t.Context(), "users/1", limit)
		if want := min(limit, 250); err != nil || len(all) != want {
			t.Errorf("limit %d: %d, %v", limit, len(all), err)
		}
		for i, a := range all {
			if a.Resource != fmt.Sprint(249-i) {
				t.Fatalf("limit %d: %s at %d", limit, a.Resource, i)
			}
		}
	}
	// A record that does not open is skipped, and replaced by the next attempt to record it.
	page, err := docs.List(t.Context(), "activity/1/acts", "", 1)
	if err != nil {
		t.Fatal(err)
	}
	if want := "7ffffe5dfd4d3a06-act"; page[0].ID != want { // other versions of Deputy use the same IDs
		t.Errorf("ID %s, want %s", page[0].ID, want)
	}
	fields := vault.Fields{"sealed": []byte("x")}
	if err := docs.Update(t.Context(), "activity/1/acts", page[0].ID, fields, page[0].Version); err != nil {
		t.Fatal(err)
	}
	if all, err := v.Activities(t.Context(), "users/1", 1); err != nil || len(all) != 0 {
		t.Errorf("altered: %v, %v", all, err)
	}
	again := vault.Activity{Time: start.Add(249 * time.Millisecond), Resource: "again"}
	if err := v.RecordActivity(t.Context(), "users/1", "act", again); err != nil {
		t.Fatal(err)
	}
	if all, err := v.Activities(t.Context(), "users/1", 1); err != nil || len(all) != 1 || all[0].Resource != "again" {
		t.Errorf("recorded again: %v, %v", all, err)
	}
	clock.advance(30*24*time.Hour + 249*time.Millisecond - time.Microsecond)
	if all, err := v.Activities(t.Context(), "users/1", 999); err != nil || len(all) != 1 {
		t.Errorf("all but one expired: %d, %v", len(all), err)
	}
	clock.advance(time.Microsecond)
	if all, err := v.Activities(t.Context(), "users/1", 999); err != nil || len(all) != 0 {
		t.Errorf("all expired: %d, %v", len(all), err)
	}
	if err := v.EraseActivity(t.Context(), "users/1"); err != nil {
		t.Fatal(err)
	}
	if left, err := docs.List(t.Context(), "activity/1/acts", "", 999); err != nil || len(left) != 0 {
		t.Errorf("erased: %d left, %v", len(left), err)
	}
}

// TestApproval_Revoked: what was approved before the last revocation is invalid.
func TestApproval_Revoked(t *testing.T) {
	g := vault.Grant{ConnectedAt: start}
	g.Approve("ci", "user", []string{"a"}, start.Add(1))
	g.Approve("ci", "user", []string{"a", "b"}, start.Add(2))
	want := []vault.Approval{{Caller: "ci", Authority: "user", Actions: []vault.ApprovedAction{
		{Action: "a", ConnectedAt: start, GivenAt: start.Add(1)},
		{Action: "b", ConnectedAt: start, GivenAt: start.Add(2)},
	}}}
	if diff := cmp.Diff(want, g.Approvals); diff != "" {
		t.Errorf("approved twice: %s", diff)
	}
	before := g
	g.RevokedAt = start.Add(1)
	want[0].Actions = want[0].Actions[1:]
	if diff := cmp.Diff(want, g.ValidApprovals()); diff != "" || g.HasApproved("ci", "user", "a") {
		t.Error("revoked at the moment of an approval:", diff)
	}
	g.RevokedAt = start.Add(2)
	if got := g.ValidApprovals(); got == nil || len(got) != 0 || len(before.ValidApprovals()[0].Actions) != 2 {
		t.Errorf("all revoked: %v; before: %v", got, before.Approvals)
	}
	g.Approve("bot", "user", nil, start.Add(3))
	if diff := cmp.Diff([]vault.Approval{{Caller: "bot", Authority: "user"}}, g.Approvals); diff != "" {
		t.Errorf("invalid approvals are kept: %s", diff)
	}
}
