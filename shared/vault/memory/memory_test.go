package memory_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/internal/vaulttest"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/vault/memory"
)

func TestDocs_Contract(t *testing.T) {
	vaulttest.Run(t, func(*testing.T) vault.Docs { return &memory.Docs{} })
}

func TestDocs_Canceled(t *testing.T) {
	docs := &memory.Docs{}
	at, err := docs.Create(t.Context(), "c", "1", vault.Fields{"x": "old"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	ref := vault.Ref{Collection: "c", ID: "1"}
	for name, call := range map[string]func() error{
		"get":     func() error { _, err := docs.Get(ctx, "c", "1"); return err },
		"list":    func() error { _, err := docs.List(ctx, "c", "", 9); return err },
		"find":    func() error { _, err := docs.Find(ctx, "c", "x", "old", 9); return err },
		"range":   func() error { _, err := docs.Range(ctx, "c", vault.Range{Field: "x", Limit: 9}); return err },
		"get all": func() error { _, err := docs.GetAll(ctx, ref); return err },
		"create":  func() error { _, err := docs.Create(ctx, "c", "2", vault.Fields{}); return err },
		"replace": func() error { _, err := docs.Replace(ctx, "c", "1", vault.Fields{}, at); return err },
		"update":  func() error { return docs.Update(ctx, "c", "1", vault.Fields{"x": "new"}, at) },
		"delete":  func() error { return docs.Delete(ctx, "c", "1", at) },
		"commit":  func() error { return docs.Commit(ctx, vault.Write{Ref: ref, IfVersion: at}) },
	} {
		if err := call(); fault.KindOf(err) != fault.Unavailable || !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
	left, err := docs.List(t.Context(), "c", "", 9)
	want := []vault.Doc{{ID: "1", Fields: vault.Fields{"x": "old"}, Version: at}}
	if diff := cmp.Diff(want, left); err != nil || diff != "" {
		t.Errorf("a canceled write took effect: %v %s", err, diff)
	}
}

func TestDocs_UnsupportedType(t *testing.T) {
	docs := &memory.Docs{}
	at, err := docs.Create(t.Context(), "c", "1", vault.Fields{"x": "old"})
	if err != nil {
		t.Fatal(err)
	}
	bad, ref := vault.Fields{"x": 1}, vault.Ref{Collection: "c", ID: "1"}
	for name, call := range map[string]func() error{
		"create":  func() error { _, err := docs.Create(t.Context(), "c", "2", bad); return err },
		"replace": func() error { _, err := docs.Replace(t.Context(), "c", "1", bad, at); return err },
		"update":  func() error { return docs.Update(t.Context(), "c", "1", bad, at) },
		"commit":  func() error { return docs.Commit(t.Context(), vault.Write{Ref: ref, Fields: bad, IfVersion: at}) },
	} {
		if err := call(); err == nil || fault.KindOf(err) != fault.Internal {
			t.Errorf("%s: %v", name, err)
		}
	}
	if left, err := docs.List(t.Context(), "c", "", 9); err != nil || len(left) != 1 || left[0].Version != at {
		t.Errorf("left: %v, %v", left, err)
	}
}

// A write that neither creates nor names a version must not remove anything.
func TestCommit_DeleteWithoutVersion(t *testing.T) {
	docs := &memory.Docs{}
	if _, err := docs.Create(t.Context(), "c", "1", vault.Fields{}); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"1", "2"} {
		err := docs.Commit(t.Context(), vault.Write{Ref: vault.Ref{Collection: "c", ID: id}})
		if fault.KindOf(err) != fault.Conflict {
			t.Errorf("%s: %v", id, err)
		}
		if err := docs.Delete(t.Context(), "c", id, ""); fault.KindOf(err) != fault.Conflict {
			t.Errorf("delete %s: %v", id, err)
		}
	}
}

func TestList_AfterReplace(t *testing.T) {
	docs := &memory.Docs{}
	at, err := docs.Create(t.Context(), "c", "1", vault.Fields{})
	if err != nil {
		t.Fatal(err)
	}
	if at, err = docs.Replace(t.Context(), "c", "1", vault.Fields{"x": "new"}, at); err != nil {
		t.Fatal(err)
	}
	if got, err := docs.List(t.Context(), "c", "", 9); err != nil || len(got) != 1 || got[0].Version != at {
		t.Errorf("got %v, %v", got, err)
	}
}

// Values of another type are in no range, as in Firestore.
func TestRange_OtherTypes(t *testing.T) {
	docs := &memory.Docs{}
	for id, fields := range map[string]vault.Fields{"flag": {"x": true}, "none": {"y": "z"}} {
		if _, err := docs.Create(t.Context(), "c", id, fields); err != nil {
			t.Fatal(err)
		}
	}
	for _, from := range []any{int64(-1), "", time.Time{}} {
		got, err := docs.Range(t.Context(), "c", vault.Range{Field: "x", From: from, Limit: 9})
		if err != nil || len(got) != 0 {
			t.Errorf("from %v: %v, %v", from, got, err)
		}
	}
	all, err := docs.Range(t.Context(), "c", vault.Range{Field: "x", Limit: 9})
	if err != nil || len(all) != 1 || all[0].ID != "flag" {
		t.Errorf("no bounds: %v, %v", all, err)
	}
}

// Like Firestore, a list may start after a document that does not exist.
func TestList_AfterMissing(t *testing.T) {
	docs := &memory.Docs{}
	for _, id := range []string{"a", "c", "d"} {
		if _, err := docs.Create(t.Context(), "c", id, vault.Fields{}); err != nil {
			t.Fatal(err)
		}
	}
	for after, want := range map[string]int{"": 3, "a": 2, "b": 2, "c": 1, "d": 0, "e": 0} {
		if got, err := docs.List(t.Context(), "c", after, 9); err != nil || len(got) != want {
			t.Errorf("after %q: %d, %v", after, len(got), err)
		}
	}
}
