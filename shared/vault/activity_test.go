package vault_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/shared/vault"
)

func TestActivityIsNewestFirstOncePerActAndEndsAfterThirtyDays(t *testing.T) {
	v, _, clock := open(t)
	begin := clock.now()
	for i := range 5 {
		a := vault.Activity{When: clock.now(), Caller: "Build", Operation: "spaces.create", Authority: "user", Made: fmt.Sprintf("spaces/%d", i)}
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

func TestOneApprovalIsWithdrawnAndTheOthersStay(t *testing.T) {
	v, _, clock := open(t)
	for _, id := range []string{"1", "2"} {
		if err := v.CreateApproval(t.Context(), "users/1", vault.Approval{Caller: id, Operations: []string{"spaces.create"}, Authority: "user", Approved: clock.now()}); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // twice is fine
		if err := v.WithdrawApproval(t.Context(), "users/1", "1"); err != nil {
			t.Fatal(err)
		}
	}
	left, err := v.Approvals(t.Context(), "users/1", 10)
	if err != nil || len(left) != 1 || left[0].Caller != "2" || left[0].Operations[0] != "spaces.create" {
		t.Errorf("left: %+v, %v", left, err)
	}
}

func TestATemplateComesBackAsItWasStored(t *testing.T) {
	v, _, _ := open(t)
	want := vault.Template{
		Name: "Incident", Description: "d", Guidelines: "g", Members: []string{"users/a@example.com", "groups/1"}, Discoverable: true, Announcements: true,
		External: true, History: "HISTORY_ON", First: "f", AddTheApp: true,
	}
	if err := v.CreateTemplate(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	got, err := v.Templates(t.Context())
	if diff := cmp.Diff([]vault.Template{want}, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
}
