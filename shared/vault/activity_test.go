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
)

func TestActivityIsNewestFirstOncePerActAndEndsAfterThirtyDays(t *testing.T) {
	v, _, clock := open(t)
	begin := clock.now()
	for i := range 5 {
		a := vault.Activity{When: clock.now(), Caller: "Build", Action: "spaces.create", Authority: "user", Made: fmt.Sprintf("spaces/%d", i)}
		for range 2 {
			if err := v.NoteActivity(t.Context(), "users/1", fmt.Sprintf("act%d", i), a); err != nil {
				t.Fatal(err)
			}
		}
		clock.advance(7 * time.Hour)
	}
	made := func(limit int) []string {
		t.Helper()
		all, err := v.Activities(t.Context(), "users/1", limit)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, a := range all {
			out = append(out, a.Made)
		}
		return out
	}
	if diff := cmp.Diff([]string{"spaces/4", "spaces/3", "spaces/2", "spaces/1", "spaces/0"}, made(100)); diff != "" {
		t.Error(diff)
	}
	if got := made(1); len(got) != 1 {
		t.Errorf("limited: %v", got)
	}
	clock.advance(begin.Add(30*24*time.Hour + 8*time.Hour).Sub(clock.now()))
	if diff := cmp.Diff([]string{"spaces/4", "spaces/3", "spaces/2"}, made(100)); diff != "" {
		t.Error("after 30 days", diff)
	}
	if others, err := v.Activities(t.Context(), "users/2", 10); err != nil || others != nil {
		t.Errorf("somebody else's: %v, %v", others, err)
	}
	if err := v.EraseActivity(t.Context(), "users/1"); err != nil || made(100) != nil {
		t.Errorf("erased: %v, %v", err, made(100))
	}
}

func TestApproval(t *testing.T) {
	g := vault.Grant{Connected: start}
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
		if got := g.Approved(c.caller, c.authority, c.action); got != c.want {
			t.Errorf("%+v: got %v", c, got)
		}
	}
	if !g.Withdraw("ci", "user") || g.Withdraw("ci", "user") || g.Approved("ci", "user", "spaces.create") || !g.Approved("bot", "user", "spaces.read") || !g.Approved("ci", "admin", "members.read") {
		t.Errorf("withdrawn: %+v", g.Approvals)
	}
}

// TestApproval_OfAnEarlierConnection: what was given then counts no more, and a
// new approval does not bring it back.
func TestApproval_OfAnEarlierConnection(t *testing.T) {
	g := vault.Grant{Connected: start}
	g.Approve("ci", "user", []string{"spaces.delete"}, start)
	g.Connected = start.Add(time.Hour)
	if g.Approved("ci", "user", "spaces.delete") || len(g.Standing()) != 0 {
		t.Error("it counts in the new connection")
	}
	g.Approve("ci", "user", []string{"spaces.create"}, start.Add(2*time.Hour))
	if g.Approved("ci", "user", "spaces.delete") || !g.Approved("ci", "user", "spaces.create") {
		t.Errorf("renewed by another: %+v", g.Approvals)
	}
}

// TestTemplate_OfAnotherCaller: what one caller wrote is no other's.
func TestTemplate_OfAnotherCaller(t *testing.T) {
	v, docs, _ := open(t)
	want := vault.Template{
		Name: "Incident", Description: "d", Guidelines: "g", Members: []string{"users/a@example.com", "groups/1"}, Discoverable: true, Announcements: true,
		External: true, History: "HISTORY_ON", First: "f", AddTheApp: true,
	}
	if err := v.PutTemplate(t.Context(), "ci", want, func(*vault.Template) error { return nil }); err != nil {
		t.Fatal(err)
	}
	got, err := v.Templates(t.Context(), "ci")
	if diff := cmp.Diff([]vault.Template{want}, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
	if _, err := v.Template(t.Context(), "bot", "Incident"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("another caller reads it: %v", err)
	}
	// Who can write the store moves it to another owner.
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
		t.Errorf("moved, listed: %v, %v", all, err)
	}
}

// TestEraseOperations_Pages: there may be more than one page of them.
func TestEraseOperations_Pages(t *testing.T) {
	v, docs, _ := open(t)
	for i := range 250 {
		person := "users/1"
		if i%10 == 0 {
			person = "users/2"
		}
		if _, err := v.CreateOperation(t.Context(), vault.Operation{ID: fmt.Sprintf("%04d", i), Person: resource.Person(person)}); err != nil {
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
