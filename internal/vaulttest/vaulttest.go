// Package vaulttest holds the contract of vault.Docs, run on every
// implementation, and a Docs that counts calls for the tests that promise how
// few there are.
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

// racers is how many try the same thing at once; exactly one may succeed.
const racers = 16

// Run puts the Docs that fresh makes through the contract.
func Run(t *testing.T, fresh func(t *testing.T) vault.Docs) {
	t.Run("a document comes back as it was stored", func(t *testing.T) {
		docs := fresh(t)
		at := time.Date(2026, 11, 22, 10, 0, 0, 123456789, time.FixedZone("", 3600))
		version := must(docs.Create(t.Context(), "c", "1", vault.Fields{
			"text": "ä\"\x00", "number": int64(-7), "flag": true, "data": []byte{0, 255}, "texts": []string{"a", "b"}, "time": at,
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
	t.Run("a value that cannot be stored is refused", func(t *testing.T) {
		if _, err := fresh(t).Create(t.Context(), "c", "1", vault.Fields{"x": struct{}{}}); err == nil {
			t.Error("no error")
		}
	})
	t.Run("what is not there is NotFound", func(t *testing.T) {
		docs := fresh(t)
		create(t, docs, "c", "1")
		for _, place := range [][2]string{{"c", "2"}, {"d", "1"}} {
			if _, err := docs.Get(t.Context(), vault.Collection(place[0]), place[1]); fault.KindOf(err) != fault.NotFound {
				t.Errorf("%v: %v", place, err)
			}
		}
	})
	t.Run("creating over a document is a Conflict and changes nothing", func(t *testing.T) {
		docs := fresh(t)
		create(t, docs, "c", "1")
		_, err := docs.Create(t.Context(), "c", "1", vault.Fields{"x": "new"})
		conflict(t, err)
		if got := must(docs.Get(t.Context(), "c", "1"))(t).Fields["x"]; got != "old" {
			t.Errorf("got %v", got)
		}
	})
	t.Run("replacing takes away the fields that are not named again", func(t *testing.T) {
		docs := fresh(t)
		version := create(t, docs, "c", "1")
		must(docs.Replace(t.Context(), "c", "1", vault.Fields{"y": "new"}, version))(t)
		if diff := cmp.Diff(vault.Fields{"y": "new"}, must(docs.Get(t.Context(), "c", "1"))(t).Fields); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("nothing has no id, and is not only not found", func(t *testing.T) {
		docs := fresh(t)
		if _, err := docs.Get(t.Context(), "c", ""); err == nil || fault.KindOf(err) == fault.NotFound {
			t.Errorf("got %v", err)
		}
	})
	t.Run("an update leaves what it does not name, and writes over nothing newer", func(t *testing.T) {
		docs := fresh(t)
		first := create(t, docs, "c", "1")
		second := must(docs.Replace(t.Context(), "c", "1", vault.Fields{"x": "kept", "y": "old"}, first))(t)
		conflict(t, docs.Update(t.Context(), "c", "1", vault.Fields{"y": "late"}, first))
		if err := docs.Update(t.Context(), "c", "1", vault.Fields{"y": "new", "z": int64(3)}, second); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(vault.Fields{"x": "kept", "y": "new", "z": int64(3)}, must(docs.Get(t.Context(), "c", "1"))(t).Fields); diff != "" {
			t.Error(diff)
		}
		conflict(t, docs.Update(t.Context(), "c", "1", vault.Fields{"y": "again"}, second))
		conflict(t, docs.Update(t.Context(), "c", "none", vault.Fields{"y": "new"}, second))
	})
	t.Run("an eraser never deletes a newer generation", func(t *testing.T) {
		docs := fresh(t)
		old := create(t, docs, "c", "1")
		newer := must(docs.Replace(t.Context(), "c", "1", vault.Fields{"x": "newer"}, old))(t)
		conflict(t, docs.Delete(t.Context(), "c", "1", old))
		_, err := docs.Replace(t.Context(), "c", "1", vault.Fields{"x": "erased"}, old)
		conflict(t, err)
		if got := must(docs.Get(t.Context(), "c", "1"))(t); got.Fields["x"] != "newer" || got.Version != newer {
			t.Errorf("got %v", got)
		}
	})
	t.Run("a document that is gone cannot be replaced or deleted", func(t *testing.T) {
		docs := fresh(t)
		version := create(t, docs, "c", "1")
		if err := docs.Delete(t.Context(), "c", "1", version); err != nil {
			t.Fatal(err)
		}
		conflict(t, docs.Delete(t.Context(), "c", "1", version))
		_, err := docs.Replace(t.Context(), "c", "1", vault.Fields{}, version)
		conflict(t, err)
	})
	several(t, fresh)
	t.Run("a collection below a document is one of its own", func(t *testing.T) {
		docs := fresh(t)
		version := create(t, docs, "c/1/d", "1")
		create(t, docs, "c/2/d", "2")
		if got := must(docs.List(t.Context(), "c/1/d", "", 9))(t); len(got) != 1 || got[0].ID != "1" {
			t.Errorf("got %v", got)
		}
		if got := must(docs.List(t.Context(), "c", "", 9))(t); len(got) != 0 {
			t.Errorf("the collection above: got %v", got)
		}
		if err := docs.Delete(t.Context(), "c/1/d", "1", version); err != nil {
			t.Error(err)
		}
	})
	t.Run("nobody shares memory with the store", func(t *testing.T) {
		docs := fresh(t)
		given := vault.Fields{"data": []byte("abc")}
		must(docs.Create(t.Context(), "c", "1", given))(t)
		given["data"].([]byte)[0] = 'X'
		read := must(docs.Get(t.Context(), "c", "1"))(t)
		read.Fields["data"].([]byte)[1] = 'X'
		if got := string(must(docs.Get(t.Context(), "c", "1"))(t).Fields["data"].([]byte)); got != "abc" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("of those that create one document at once exactly one wins", func(t *testing.T) {
		docs := fresh(t)
		race(t, func(i int) error {
			_, err := docs.Create(t.Context(), "c", "1", vault.Fields{"by": int64(i)})
			return err
		})
	})
	t.Run("of those that take one version at once exactly one wins", func(t *testing.T) {
		docs := fresh(t)
		version := create(t, docs, "c", "1")
		race(t, func(i int) error {
			_, err := docs.Replace(t.Context(), "c", "1", vault.Fields{"by": int64(i)}, version)
			return err
		})
		left := must(docs.Get(t.Context(), "c", "1"))(t)
		race(t, func(int) error { return docs.Delete(t.Context(), "c", "1", left.Version) })
	})
	t.Run("of those that take one pending consent exactly one wins", func(t *testing.T) {
		v := vault.New(fresh(t), keys(t), time.Now)
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
	t.Run("a call whose context has ended does nothing", func(t *testing.T) {
		docs := fresh(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := docs.Create(ctx, "c", "1", vault.Fields{}); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("got %v", err)
		}
		if _, err := docs.Get(t.Context(), "c", "1"); fault.KindOf(err) != fault.NotFound {
			t.Errorf("got %v", err)
		}
	})
}

func keys(t *testing.T) *seal.Keys {
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

func conflict(t *testing.T, err error) {
	t.Helper()
	if fault.KindOf(err) != fault.Conflict {
		t.Errorf("got %v, want a conflict", err)
	}
}

func race(t *testing.T, try func(i int) error) {
	t.Helper()
	var wg sync.WaitGroup
	var won atomic.Int32
	for i := range racers {
		wg.Go(func() {
			switch err := try(i); {
			case err == nil:
				won.Add(1)
			case fault.KindOf(err) != fault.Conflict:
				t.Errorf("a loser got %v, want a conflict", err)
			}
		})
	}
	wg.Wait()
	if got := won.Load(); got != 1 {
		t.Errorf("winners: got %d, want 1", got)
	}
}
