package vault_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"example.com/deputy/internal/vaulttest"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/vault/memory"
)

func TestOperation_Versions(t *testing.T) {
	v, docs, _ := newVault(t)
	o := vault.Operation{
		ID: "op", Person: "users/1", Caller: "ci", RequestHash: "r", Lease: start.Add(time.Minute),
		Journal: config.NewSecret("marked-journal"),
	}
	created, err := v.CreateOperation(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.CreateOperation(t.Context(), o); fault.KindOf(err) != fault.Conflict {
		t.Errorf("created twice: %v", err)
	}
	next := created
	next.Result, next.Lease = config.NewSecret("marked-result"), time.Time{}
	saved, err := v.SaveOperation(t.Context(), next)
	if err != nil {
		t.Fatal(err)
	}
	got, err := v.Operation(t.Context(), "op")
	o.Result, o.Lease, o.Expires = next.Result, time.Time{}, start.Add(7*24*time.Hour)
	if diff := cmp.Diff(o, got, cmpopts.IgnoreUnexported(o), compareSecrets); err != nil || diff != "" {
		t.Error(err, diff)
	}
	if _, err := v.SaveOperation(t.Context(), created); fault.KindOf(err) != fault.Conflict {
		t.Errorf("save of an old version: %v", err)
	}
	if err := v.DeleteOperation(t.Context(), created); fault.KindOf(err) != fault.Conflict {
		t.Errorf("delete of an old version: %v", err)
	}
	if err := v.DeleteOperation(t.Context(), saved); err != nil {
		t.Errorf("delete: %v", err)
	}
	if _, err := v.Operation(t.Context(), "op"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("deleted: %v", err)
	}
	if left, err := docs.List(t.Context(), "operations", "", 9); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestOperations_Listed(t *testing.T) {
	v, docs, clock := newVault(t)
	for _, o := range []vault.Operation{
		{ID: "old", Person: "users/1"},
		{ID: "other", Person: "users/2"},
		{ID: "planted", Person: "users/2"},
		{ID: "broken", Person: "users/1"},
		{ID: "new", Person: "users/1"},
	} {
		if o.ID == "new" {
			clock.advance(time.Microsecond)
		}
		if _, err := v.CreateOperation(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	// An attacker with write access to the store gives users/1 another person's operation.
	for id, changed := range map[string]vault.Fields{
		"planted": {"person": "users/1"}, "broken": {"sealed": []byte("x")},
	} {
		doc, err := docs.Get(t.Context(), "operations", id)
		if err == nil {
			err = docs.Update(t.Context(), "operations", id, changed, doc.Version)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	list := func() (ids []string) {
		t.Helper()
		all, err := v.Operations(t.Context(), "users/1", 9)
		if err != nil {
			t.Error(err)
		}
		for _, o := range all {
			ids = append(ids, o.ID)
		}
		return ids
	}
	clock.advance(7*24*time.Hour - 2*time.Microsecond)
	if diff := cmp.Diff([]string{"new", "old"}, list()); diff != "" {
		t.Error(diff)
	}
	clock.advance(time.Microsecond)
	if diff := cmp.Diff([]string{"new"}, list()); diff != "" {
		t.Errorf("one expired: %s", diff)
	}
}

// TestErase_Conflicts: records that others change must not keep EraseOperations running forever.
func TestErase_Conflicts(t *testing.T) {
	conflict := fault.New(fault.Conflict, fault.NoText)
	for name, c := range map[string]struct {
		records, conflicts int // the first commits fail
		changed            bool
		left               int
	}{
		"one commit fails":         {4, 1, false, 0}, // its halves succeed
		"a record changes twice":   {1, 2, true, 0},
		"commits fail, no changes": {3, 99, false, 3},
	} {
		inner := &memory.Docs{}
		setup := vault.New(inner, newKeys(t), (&clock{}).now)
		for i := range c.records {
			o := vault.Operation{ID: fmt.Sprint(i), Person: "users/1"}
			if _, err := setup.CreateOperation(t.Context(), o); err != nil {
				t.Fatal(err)
			}
		}
		docs, commits := &vaulttest.Faulty{Docs: inner}, 0
		docs.Inject = func(ctx context.Context, call vaulttest.Call) error {
			if !call.Write || call.Applied {
				return nil
			}
			if commits++; commits > c.conflicts {
				return nil
			}
			if c.changed {
				doc, err := inner.Get(ctx, "operations", "0")
				if err == nil {
					_, err = inner.Replace(ctx, "operations", "0", doc.Fields, doc.Version)
				}
				return errors.Join(conflict, err)
			}
			return conflict
		}
		err := vault.New(docs, nil, (&clock{}).now).EraseOperations(t.Context(), "users/1")
		left, listErr := inner.List(t.Context(), "operations", "", 9)
		if err != nil || listErr != nil || len(left) != c.left || docs.Calls() > 20 {
			t.Errorf("%s: %d left, %d calls, %v, %v", name, len(left), docs.Calls(), err, listErr)
		}
	}
}

func TestPending_NotUsed(t *testing.T) {
	v, docs, clock := newVault(t)
	state, browser := config.NewSecret("state"), []byte("browser")
	if err := v.CreatePending(t.Context(), state, pending()); err != nil {
		t.Fatal(err)
	}
	if err := v.CreatePending(t.Context(), state, pending()); fault.KindOf(err) != fault.Conflict {
		t.Errorf("the state exists: %v", err)
	}
	for _, wait := range []time.Duration{0, 10*time.Minute - time.Microsecond} {
		clock.advance(wait)
		got, err := v.Pending(t.Context(), state, browser)
		diff := cmp.Diff(pending(), got, compareSecrets, cmpopts.IgnoreUnexported(vault.Pending{}))
		if err != nil || diff != "" {
			t.Error(err, diff)
		}
	}
	if _, err := v.TakePending(t.Context(), state, browser); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Pending(t.Context(), state, browser); !errors.Is(err, vault.ErrUsed) {
		t.Errorf("taken: %v", err)
	}
	clock.advance(10 * time.Minute)
	if _, err := v.TakePending(t.Context(), state, browser); !errors.Is(err, vault.ErrUsed) {
		t.Errorf("taken and expired: %v", err)
	}
	all, err := docs.List(t.Context(), "pendingConsents", "", 9)
	if err != nil || len(all) != 1 {
		t.Fatalf("%v, %v", all, err)
	}
	err = docs.Update(t.Context(), "pendingConsents", all[0].ID, vault.Fields{"sealed": []byte("x")}, all[0].Version)
	if err != nil {
		t.Fatal(err)
	}
	_, err = v.Pending(t.Context(), state, browser)
	if !errors.Is(err, vault.ErrExpired) || !errors.Is(err, seal.ErrNotAuthentic) ||
		fault.KindOf(err) != fault.Invalid {
		t.Errorf("altered: %v", err)
	}
}
