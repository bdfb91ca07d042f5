package vault_test

import (
	"testing"
	"time"

	"example.com/deputy/internal/vaulttest"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

func TestMarkGrant_EachMark(t *testing.T) {
	v, _, clock := newVault(t)
	if _, err := v.SaveGrant(t.Context(), grant()); err != nil {
		t.Fatal(err)
	}
	at := start.Add(123456789) // not whole microseconds
	clock.advance(time.Hour)
	for i, mark := range []vault.Mark{vault.RevokedAt, vault.SessionsEndedAt, vault.RecheckAt} {
		if moved, err := v.MarkGrant(t.Context(), "users/1", mark, at); !moved || err != nil {
			t.Errorf("%s: %v, %v", mark, moved, err)
		}
		if moved, err := v.MarkGrant(t.Context(), "users/1", mark, at); moved || err != nil {
			t.Errorf("%s, again: %v, %v", mark, moved, err)
		}
		g, err := v.Grant(t.Context(), "users/1")
		if err != nil {
			t.Fatal(err)
		}
		marks := []time.Time{g.RevokedAt, g.SessionsEndedAt, g.RecheckAt}
		for j, got := range marks {
			if got.IsZero() != (j > i) || j <= i && !got.Equal(at.Truncate(time.Microsecond)) {
				t.Errorf("after %s: %v", mark, marks)
			}
		}
		if !g.Due.Equal(clock.now()) {
			t.Errorf("%s: due at %v", mark, g.Due)
		}
	}
}

// Other writers may change a grant in between. MarkGrant tries five times.
func TestMarkGrant_Conflicts(t *testing.T) {
	var conflicts, writes int
	v, _ := failingVault(t, func(c vaulttest.Call) error {
		if c.Write && !c.Applied {
			if writes++; writes <= conflicts {
				return fault.New(fault.Conflict, fault.NoText)
			}
		}
		return nil
	})
	if _, err := v.SaveGrant(t.Context(), grant()); err != nil {
		t.Fatal(err)
	}
	conflicts, writes = 5, 0
	moved, err := v.MarkGrant(t.Context(), "users/1", vault.RevokedAt, start)
	if moved || fault.KindOf(err) != fault.Conflict || writes != 5 {
		t.Errorf("five conflicts: %v, %v, %d writes", moved, err, writes)
	}
	conflicts, writes = 4, 0
	moved, err = v.MarkGrant(t.Context(), "users/1", vault.RevokedAt, start)
	if !moved || err != nil || writes != 5 {
		t.Errorf("four conflicts: %v, %v, %d writes", moved, err, writes)
	}
}

func TestPostponeSweep(t *testing.T) {
	v, docs, _ := newVault(t)
	fields := vault.Fields{"sealed": []byte("x"), "due": start}
	if _, err := docs.Create(t.Context(), "grants", "1", fields); err != nil {
		t.Fatal(err)
	}
	until := start.Add(time.Hour)
	if err := v.PostponeSweep(t.Context(), "users/1", until); err != nil {
		t.Fatal(err)
	}
	if g, err := v.Grant(t.Context(), "users/1"); !g.Broken || !g.Due.Equal(until) {
		t.Errorf("a record that does not open: due %v, %v", g.Due, err)
	}
	if err := v.PostponeSweep(t.Context(), "users/2", until); err != nil {
		t.Errorf("no grant: %v", err)
	}
}

func TestCountRemovals(t *testing.T) {
	v, _, _ := newVault(t)
	midnight := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	for person, removed := range map[resource.Person]time.Time{
		"users/1": midnight.Add(-1), "users/2": midnight, "users/3": midnight.Add(24*time.Hour - 1),
		"users/4": midnight.Add(24 * time.Hour), "users/5": {},
	} {
		g := grant()
		g.Person, g.RemovedAt = person, removed
		if _, err := v.SaveGrant(t.Context(), g); err != nil {
			t.Fatal(err)
		}
	}
	at := midnight.In(time.FixedZone("", -3600)) // the day before, there
	for limit, want := range map[int]int{1: 1, 2: 2, 9: 2} {
		if got, err := v.CountRemovals(t.Context(), at, limit); err != nil || got != want {
			t.Errorf("limit %d: %d, %v", limit, got, err)
		}
	}
}
