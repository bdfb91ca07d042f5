// Package vaulttest tests implementations of vault.Docs against its contract. Counting
// counts the calls to a Docs, and Faulty makes them fail.
package vaulttest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/vault"
)

// racers is how many goroutines make the same write at once. Exactly one must succeed.
const racers = 16

// Run tests the contract of vault.Docs. newDocs returns an empty store.
func Run(t *testing.T, newDocs func(t *testing.T) vault.Docs) {
	t.Run("get returns what was created", func(t *testing.T) {
		docs := newDocs(t)
		at := time.Date(2026, 11, 22, 10, 0, 0, 123456789, time.FixedZone("", 3600))
		version := must(docs.Create(t.Context(), "c", "1", vault.Fields{
			"text": "ä\"\x00", "number": int64(-7), "flag": true, "data": []byte{0, 255}, "texts": []string{"a", "b"},
			"time": at,
		}))(t)
		got := must(docs.Get(t.Context(), "c", "1"))(t)
		want := vault.Doc{ID: "1", Version: version, Fields: vault.Fields{
			"text": "ä\"\x00", "number": int64(-7), "flag": true, "data": []byte{0, 255}, "texts": []string{"a", "b"},
			"time": at.UTC().Truncate(time.Microsecond),
		}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("unsupported type", func(t *testing.T) {
		if _, err := newDocs(t).Create(t.Context(), "c", "1", vault.Fields{"x": struct{}{}}); err == nil {
			t.Error("no error")
		}
	})
	t.Run("get missing", func(t *testing.T) {
		docs := newDocs(t)
		create(t, docs, "c", "1")
		for _, ref := range []vault.Ref{{Collection: "c", ID: "2"}, {Collection: "d", ID: "1"}} {
			if _, err := docs.Get(t.Context(), ref.Collection, ref.ID); fault.KindOf(err) != fault.NotFound {
				t.Errorf("%v: %v", ref, err)
			}
		}
	})
	t.Run("create existing", func(t *testing.T) {
		docs := newDocs(t)
		create(t, docs, "c", "1")
		_, err := docs.Create(t.Context(), "c", "1", vault.Fields{"x": "new"})
		wantConflict(t, err)
		if got := must(docs.Get(t.Context(), "c", "1"))(t).Fields["x"]; got != "old" {
			t.Errorf("got %v", got)
		}
	})
	t.Run("replace removes other fields", func(t *testing.T) {
		docs := newDocs(t)
		version := create(t, docs, "c", "1")
		must(docs.Replace(t.Context(), "c", "1", vault.Fields{"y": "new"}, version))(t)
		if diff := cmp.Diff(vault.Fields{"y": "new"}, must(docs.Get(t.Context(), "c", "1"))(t).Fields); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("empty id", func(t *testing.T) {
		docs := newDocs(t)
		if _, err := docs.Get(t.Context(), "c", ""); err == nil || fault.KindOf(err) == fault.NotFound {
			t.Errorf("got %v", err)
		}
	})
	t.Run("update", func(t *testing.T) {
		docs := newDocs(t)
		first := create(t, docs, "c", "1")
		second := must(docs.Replace(t.Context(), "c", "1", vault.Fields{"x": "kept", "y": "old"}, first))(t)
		wantConflict(t, docs.Update(t.Context(), "c", "1", vault.Fields{"y": "late"}, first))
		if err := docs.Update(t.Context(), "c", "1", vault.Fields{"y": "new", "z": int64(3)}, second); err != nil {
			t.Fatal(err)
		}
		want := vault.Fields{"x": "kept", "y": "new", "z": int64(3)}
		if diff := cmp.Diff(want, must(docs.Get(t.Context(), "c", "1"))(t).Fields); diff != "" {
			t.Error(diff)
		}
		wantConflict(t, docs.Update(t.Context(), "c", "1", vault.Fields{"y": "again"}, second))
		wantConflict(t, docs.Update(t.Context(), "c", "none", vault.Fields{"y": "new"}, second))
	})
	t.Run("old version", func(t *testing.T) {
		docs := newDocs(t)
		old := create(t, docs, "c", "1")
		newer := must(docs.Replace(t.Context(), "c", "1", vault.Fields{"x": "newer"}, old))(t)
		wantConflict(t, docs.Delete(t.Context(), "c", "1", old))
		_, err := docs.Replace(t.Context(), "c", "1", vault.Fields{"x": "erased"}, old)
		wantConflict(t, err)
		if got := must(docs.Get(t.Context(), "c", "1"))(t); got.Fields["x"] != "newer" || got.Version != newer {
			t.Errorf("got %v", got)
		}
	})
	t.Run("deleted document", func(t *testing.T) {
		docs := newDocs(t)
		version := create(t, docs, "c", "1")
		if err := docs.Delete(t.Context(), "c", "1", version); err != nil {
			t.Fatal(err)
		}
		wantConflict(t, docs.Delete(t.Context(), "c", "1", version))
		_, err := docs.Replace(t.Context(), "c", "1", vault.Fields{}, version)
		wantConflict(t, err)
	})
	runMulti(t, newDocs)
	t.Run("subcollection", func(t *testing.T) {
		docs := newDocs(t)
		version := create(t, docs, "c/1/d", "1")
		create(t, docs, "c/2/d", "2")
		if got := must(docs.List(t.Context(), "c/1/d", "", 9))(t); len(got) != 1 || got[0].ID != "1" {
			t.Errorf("got %v", got)
		}
		if got := must(docs.List(t.Context(), "c", "", 9))(t); len(got) != 0 {
			t.Errorf("parent collection: got %v", got)
		}
		if err := docs.Delete(t.Context(), "c/1/d", "1", version); err != nil {
			t.Error(err)
		}
	})
	t.Run("no shared memory", func(t *testing.T) {
		docs := newDocs(t)
		given := vault.Fields{"data": []byte("abc")}
		must(docs.Create(t.Context(), "c", "1", given))(t)
		given["data"].([]byte)[0] = 'X'
		read := must(docs.Get(t.Context(), "c", "1"))(t)
		read.Fields["data"].([]byte)[1] = 'X'
		if got := string(must(docs.Get(t.Context(), "c", "1"))(t).Fields["data"].([]byte)); got != "abc" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("concurrent creates", func(t *testing.T) {
		docs := newDocs(t)
		race(t, func(i int) error {
			_, err := docs.Create(t.Context(), "c", "1", vault.Fields{"by": int64(i)})
			return err
		})
	})
	t.Run("concurrent replaces and deletes", func(t *testing.T) {
		docs := newDocs(t)
		version := create(t, docs, "c", "1")
		race(t, func(i int) error {
			_, err := docs.Replace(t.Context(), "c", "1", vault.Fields{"by": int64(i)}, version)
			return err
		})
		left := must(docs.Get(t.Context(), "c", "1"))(t)
		race(t, func(int) error { return docs.Delete(t.Context(), "c", "1", left.Version) })
	})
	t.Run("concurrent TakePending", func(t *testing.T) {
		v := vault.New(newDocs(t), newKeys(t), time.Now)
		state, browser := config.NewSecret("state"), []byte("browser")
		if err := v.CreatePending(t.Context(), state, vault.Pending{Person: "users/1", Browser: browser}); err != nil {
			t.Fatal(err)
		}
		race(t, func(int) error {
			_, err := v.TakePending(t.Context(), state, browser)
			if errors.Is(err, vault.ErrUsed) {
				return fault.New(fault.Conflict, fault.NoText)
			}
			return err
		})
	})
	t.Run("no version", func(t *testing.T) {
		docs, ctx, fields := newDocs(t), t.Context(), vault.Fields{"x": "new"}
		create(t, docs, "c", "1")
		for _, id := range []string{"1", "missing"} {
			_, replaced := docs.Replace(ctx, "c", id, fields, "")
			for name, err := range map[string]error{
				"replace": replaced,
				"update":  docs.Update(ctx, "c", id, fields, ""),
				"delete":  docs.Delete(ctx, "c", id, ""),
				"commit":  docs.Commit(ctx, vault.Write{Ref: vault.Ref{Collection: "c", ID: id}}),
			} {
				if fault.KindOf(err) != fault.Conflict {
					t.Errorf("%s %s: got %v", name, id, err)
				}
			}
		}
		if _, err := docs.Get(ctx, "c", "missing"); fault.KindOf(err) != fault.NotFound {
			t.Errorf("a document was created: %v", err)
		}
		if doc, err := docs.Get(ctx, "c", "1"); err != nil || doc.Fields["x"] != "old" {
			t.Errorf("got %v, %v", doc.Fields, err)
		}
	})
	t.Run("canceled context", func(t *testing.T) {
		docs := newDocs(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := docs.Create(ctx, "c", "1", vault.Fields{}); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("create: got %v", err)
		}
		at := create(t, docs, "c", "2")
		if err := docs.Update(ctx, "c", "2", vault.Fields{"x": "new"}, at); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("update: got %v", err)
		}
		if _, err := docs.Get(t.Context(), "c", "1"); fault.KindOf(err) != fault.NotFound {
			t.Errorf("got %v", err)
		}
	})
}

func newKeys(t *testing.T) *seal.Keys {
	t.Helper()
	keyset, lookup, err := seal.Generate()
	if err != nil {
		t.Fatal(err)
	}
	return must(seal.New(keyset, lookup, "project", "client"))(t)
}

func create(t *testing.T, docs vault.Docs, collection vault.Collection, id string) vault.Version {
	t.Helper()
	return must(docs.Create(t.Context(), collection, id, vault.Fields{"x": "old"}))(t)
}

func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func wantConflict(t *testing.T, err error) {
	t.Helper()
	if fault.KindOf(err) != fault.Conflict {
		t.Errorf("got %v, want a conflict", err)
	}
}

func race(t *testing.T, write func(i int) error) {
	t.Helper()
	var wg sync.WaitGroup
	var winners atomic.Int32
	for i := range racers {
		wg.Go(func() {
			switch err := write(i); {
			case err == nil:
				winners.Add(1)
			case fault.KindOf(err) != fault.Conflict:
				t.Errorf("a loser got %v, want a conflict", err)
			}
		})
	}
	wg.Wait()
	if got := winners.Load(); got != 1 {
		t.Errorf("winners: got %d, want 1", got)
	}
}
