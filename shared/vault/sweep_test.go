package vault_test

import (
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

func TestCursor(t *testing.T) {
	v, docs, _ := newVault(t)
	first, err := v.Cursor(t.Context())
	if diff := cmp.Diff(vault.Cursor{}, first, cmpopts.IgnoreUnexported(first)); err != nil || diff != "" {
		t.Errorf("before the first sweep: %v %s", err, diff)
	}
	want := vault.Cursor{Stage: "grants", After: "1", Finished: start, Keys: [2]int64{1, 2}}
	second, err := v.SaveCursor(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.SaveCursor(t.Context(), first); fault.KindOf(err) != fault.Conflict {
		t.Errorf("two first sweeps: %v", err)
	}
	got, err := v.Cursor(t.Context())
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(got)); err != nil || diff != "" {
		t.Error(err, diff)
	}
	if _, err := v.SaveCursor(t.Context(), second); err != nil {
		t.Errorf("saved again: %v", err)
	}
	if _, err := v.SaveCursor(t.Context(), got); fault.KindOf(err) != fault.Conflict {
		t.Errorf("two sweeps: %v", err)
	}
	doc, err := docs.Get(t.Context(), "sweep", "cursor")
	if err == nil {
		err = docs.Update(t.Context(), "sweep", "cursor", vault.Fields{"sealed": []byte("x")}, doc.Version)
	}
	if err != nil {
		t.Fatal(err)
	}
	broken, err := v.Cursor(t.Context())
	if diff := cmp.Diff(vault.Cursor{}, broken, cmpopts.IgnoreUnexported(broken)); err != nil || diff != "" {
		t.Errorf("altered: %v %s", err, diff)
	}
	if _, err := v.SaveCursor(t.Context(), broken); err != nil {
		t.Errorf("the sweep does not start again: %v", err)
	}
}

// The same lists are in deploy/infra.sh, for Firestore.
func TestTTLCollectionGroups(t *testing.T) {
	want := []string{"pendingConsents", "operations", "acts"}
	for range 2 {
		if diff := cmp.Diff(want, vault.TTLCollectionGroups()); diff != "" {
			t.Error(diff)
		}
	}
	if diff := cmp.Diff(want[:2], vault.ExpiringCollections); diff != "" {
		t.Error(diff)
	}
}

func TestRemoveExpired_Pages(t *testing.T) {
	writes := 0
	v, docs := failingVault(t, func(c vaulttest.Call) error {
		if c.Write && !c.Applied {
			writes++
		}
		return nil
	})
	for id, expires := range map[string]time.Time{
		"a": start, "b": start.Add(time.Microsecond), "c": start.Add(-time.Hour), "d": start.Add(time.Hour),
	} {
		if _, err := docs.Create(t.Context(), "operations", id, vault.Fields{"expires": expires}); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		after   string
		limit   int
		removed int
		last    string
	}{{"", 2, 1, "b"}, {"b", 2, 1, "d"}, {"d", 2, 0, ""}, {"", 2, 0, "d"}, {"", 3, 0, ""}} {
		writes = 0
		removed, last, err := v.RemoveExpired(t.Context(), "operations", c.after, c.limit)
		if err != nil || removed != c.removed || last != c.last || writes != c.removed {
			t.Errorf("%+v: %d, %q, %v, %d writes", c, removed, last, err, writes)
		}
	}
}

// The first commit conflicts, and then the store fails.
func TestRemoveExpired_Unavailable(t *testing.T) {
	for name, answers := range map[string][]fault.Kind{
		"at once": {fault.Unavailable}, "first half": {fault.Conflict, fault.Unavailable},
	} {
		commits := -2 // the two records
		v, docs := failingVault(t, func(c vaulttest.Call) error {
			if !c.Write || c.Applied {
				return nil
			}
			if commits++; commits > 0 && commits <= len(answers) {
				return fault.New(answers[commits-1], fault.NoText)
			}
			return nil
		})
		for _, id := range []string{"a", "b"} {
			if _, err := docs.Create(t.Context(), "operations", id, vault.Fields{"expires": start}); err != nil {
				t.Fatal(err)
			}
		}
		removed, last, err := v.RemoveExpired(t.Context(), "operations", "0", 2)
		if fault.KindOf(err) != fault.Unavailable || removed != 0 || last != "0" {
			t.Errorf("%s: %d, %q, %v", name, removed, last, err)
		}
	}
}

func TestReseal_Counts(t *testing.T) {
	keyset, lookup, err := seal.Generate()
	if err != nil {
		t.Fatal(err)
	}
	added, id, err := seal.Add(keyset)
	if err != nil {
		t.Fatal(err)
	}
	promoted, err := seal.Promote(added, id)
	if err != nil {
		t.Fatal(err)
	}
	var failure error // of writes
	inner := &memory.Docs{}
	docs := &vaulttest.Faulty{Docs: inner}
	docs.Inject = failWrites(&failure)
	openWith := func(keyset config.Secret) *vault.Vault {
		keys, err := seal.New(keyset, lookup, "project", "client")
		if err != nil {
			t.Fatal(err)
		}
		return vault.New(docs, keys, (&clock{}).now)
	}
	old, v := openWith(keyset), openWith(promoted)
	for i := range 3 {
		if _, err := old.NextSeq(t.Context(), fmt.Sprint(i), "k"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := inner.Create(t.Context(), "sequences", "3", vault.Fields{"sealed": []byte("x")}); err != nil {
		t.Fatal(err)
	}
	failure = fault.New(fault.Unavailable, fault.NoText)
	got, last, err := v.Reseal(t.Context(), "sequences", "0", 2)
	if fault.KindOf(err) != fault.Unavailable || last != "0" || got.Seen != 1 {
		t.Errorf("store unavailable: %+v, %q, %v", got, last, err)
	}
	var total vault.ResealCounts
	for _, c := range []struct {
		failure error
		after   string
		limit   int
		want    vault.ResealCounts
		last    string
	}{
		{fault.New(fault.Conflict, fault.NoText), "", 1, vault.ResealCounts{Seen: 1, Changed: 1}, "0"},
		{nil, "0", 2, vault.ResealCounts{Seen: 2, Resealed: 2}, "2"},
		{nil, "2", 2, vault.ResealCounts{Seen: 1, Unopened: 1}, ""},
		{nil, "", 9, vault.ResealCounts{Seen: 4, Resealed: 1, Unopened: 1}, ""},
	} {
		failure = c.failure
		got, last, err := v.Reseal(t.Context(), "sequences", c.after, c.limit)
		if diff := cmp.Diff(c.want, got); err != nil || last != c.last || diff != "" {
			t.Errorf("after %q: %q, %v %s", c.after, last, err, diff)
		}
		total.Add(got)
	}
	if diff := cmp.Diff(vault.ResealCounts{Seen: 8, Resealed: 3, Unopened: 2, Changed: 1}, total); diff != "" {
		t.Error(diff)
	}
	if n, err := v.LastSeq(t.Context(), "1"); err != nil || n != 1 {
		t.Errorf("resealed: %d, %v", n, err)
	}
}

func TestNextSeq_BrokenRecord(t *testing.T) {
	v, docs, _ := newVault(t)
	if n, err := v.LastSeq(t.Context(), "T"); err != nil || n != 0 {
		t.Errorf("never used: %d, %v", n, err)
	}
	if _, err := docs.Create(t.Context(), "sequences", "T", vault.Fields{"sealed": []byte("x")}); err != nil {
		t.Fatal(err)
	}
	if _, err := v.LastSeq(t.Context(), "T"); !errors.Is(err, seal.ErrNotAuthentic) {
		t.Errorf("got %v", err)
	}
}
