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
