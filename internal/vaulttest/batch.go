package vaulttest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/vault"
)

// runMulti tests the part of the contract that covers several documents at once.
func runMulti(t *testing.T, newDocs func(t *testing.T) vault.Docs) {
	t.Helper()
	t.Run("list pages", func(t *testing.T) {
		docs := newDocs(t)
		for i := range 5 {
			create(t, docs, "c", fmt.Sprint(i))
		}
		create(t, docs, "d", "9")
		var got []string
		for after, pages := "", 0; pages < 5; pages++ {
			page := must(docs.List(t.Context(), "c", after, 2))(t)
			for _, doc := range page {
				got = append(got, doc.ID)
				after = doc.ID
			}
			if len(page) < 2 {
				break
			}
		}
		if diff := cmp.Diff([]string{"0", "1", "2", "3", "4"}, got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("find", func(t *testing.T) {
		docs := newDocs(t)
		for id, fields := range map[string]vault.Fields{
			"1": {"mac": "x", "n": int64(1)}, "2": {"mac": "y", "n": int64(1)}, "3": {"n": int64(2)}, "4": {"mac": "x"},
		} {
			must(docs.Create(t.Context(), "c", id, fields))(t)
		}
		for _, want := range []struct {
			field string
			value any
			ids   []string
		}{
			{"mac", "x", []string{"1", "4"}},
			{"n", int64(1), []string{"1", "2"}},
			{"mac", "z", nil},
			{"other", "x", nil},
		} {
			var ids []string
			for _, doc := range must(docs.Find(t.Context(), "c", want.field, want.value, 10))(t) {
				ids = append(ids, doc.ID)
			}
			if diff := cmp.Diff(want.ids, ids); diff != "" {
				t.Errorf("%s=%v: %s", want.field, want.value, diff)
			}
		}
	})
	t.Run("find and range limits", func(t *testing.T) {
		docs := newDocs(t)
		start := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
		for i, hours := range []time.Duration{3, 1, 2, 5} {
			fields := vault.Fields{"n": int64(1), "due": start.Add(hours * time.Hour)}
			must(docs.Create(t.Context(), "c", fmt.Sprint(i), fields))(t)
		}
		must(docs.Create(t.Context(), "c", "never", vault.Fields{"n": int64(1)}))(t)
		if got := must(docs.Find(t.Context(), "c", "n", int64(1), 2))(t); len(got) != 2 || got[0].ID != "0" {
			t.Errorf("find: got %v", got)
		}
		ids := func(hours time.Duration, limit int) (out []string) {
			due := vault.Range{Field: "due", To: start.Add(hours * time.Hour), Limit: limit}
			for _, doc := range must(docs.Range(t.Context(), "c", due))(t) {
				out = append(out, doc.ID)
			}
			return out
		}
		if diff := cmp.Diff([]string{"1", "2", "0"}, ids(3, 10)); diff != "" {
			t.Errorf("due: %s", diff)
		}
		if diff := cmp.Diff([]string{"1", "2"}, ids(4, 2)); diff != "" {
			t.Errorf("due, limit 2: %s", diff)
		}
	})
	t.Run("range bounds and order", func(t *testing.T) {
		docs := newDocs(t)
		at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
		end := at.Add(9 * time.Hour)
		for i := range 5 {
			must(docs.Create(t.Context(), "c", fmt.Sprint(9-i), vault.Fields{
				"n": int64(i), "name": string(rune('a' + i)), "at": at.Add(time.Duration(i) * time.Hour),
			}))(t)
		}
		must(docs.Create(t.Context(), "c", "other types", vault.Fields{"n": "2", "name": int64(2), "at": true}))(t)
		for name, c := range map[string]struct {
			r    vault.Range
			want []string
		}{
			"numbers": {vault.Range{Field: "n", From: int64(1), To: int64(3), Limit: 9}, []string{"8", "7", "6"}},
			"strings": {vault.Range{Field: "name", From: "b", To: "c", Limit: 9}, []string{"8", "7"}},
			"times, descending": {
				vault.Range{Field: "at", From: at.Add(time.Hour), To: end, Descending: true, Limit: 2},
				[]string{"5", "6"},
			},
			"no lower bound": {vault.Range{Field: "n", To: int64(1), Limit: 9}, []string{"9", "8"}},
			"no upper bound": {vault.Range{Field: "n", From: int64(3), Limit: 9}, []string{"6", "5"}},
			"empty":          {vault.Range{Field: "n", From: int64(7), To: int64(9), Limit: 9}, nil},
		} {
			var got []string
			for _, doc := range must(docs.Range(t.Context(), "c", c.r))(t) {
				got = append(got, doc.ID)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
	})
	t.Run("get all", func(t *testing.T) {
		docs := newDocs(t)
		version := create(t, docs, "c", "1")
		create(t, docs, "d", "1")
		refs := []vault.Ref{{Collection: "c", ID: "2"}, {Collection: "c", ID: "1"}, {Collection: "d", ID: "1"}}
		got := must(docs.GetAll(t.Context(), refs...))(t)
		if len(got) != 3 || got[0].ID != "2" || got[0].Version != "" || got[1].Version != version ||
			got[1].Fields["x"] != "old" || got[2].Version == "" {
			t.Errorf("got %v", got)
		}
	})
	t.Run("commit is atomic", func(t *testing.T) {
		docs := newDocs(t)
		ref := func(id string) vault.Ref { return vault.Ref{Collection: "c", ID: id} }
		first, second := create(t, docs, "c", "1"), create(t, docs, "c", "2")
		good := []vault.Write{
			{Ref: ref("1"), Fields: vault.Fields{"y": "new"}, IfVersion: first},
			{Ref: ref("2"), IfVersion: second},
			{Ref: ref("3"), Fields: vault.Fields{"x": "made"}},
		}
		other := vault.Ref{Collection: "d", ID: "1"}
		for name, bad := range map[string]vault.Write{
			"create existing": {Ref: other, Fields: vault.Fields{"x": "new"}},
			"old version":     {Ref: other, Fields: vault.Fields{"x": "new"}, IfVersion: first},
			"delete missing":  {Ref: ref("none"), IfVersion: first},
		} {
			if name == "create existing" {
				create(t, docs, "d", "1")
			}
			err := docs.Commit(t.Context(), append(slices.Clone(good), bad)...)
			if fault.KindOf(err) != fault.Conflict {
				t.Errorf("%s: %v", name, err)
			}
		}
		before := must(docs.GetAll(t.Context(), ref("1"), ref("2"), ref("3")))(t)
		if before[0].Version != first || before[1].Version != second || before[2].Version != "" {
			t.Errorf("a failed commit wrote something: %v", before)
		}
		if err := docs.Commit(t.Context(), good...); err != nil {
			t.Fatal(err)
		}
		got := must(docs.GetAll(t.Context(), ref("1"), ref("2"), ref("3")))(t)
		diff := cmp.Diff(vault.Fields{"y": "new"}, got[0].Fields)
		if diff != "" || got[1].Version != "" || got[2].Fields["x"] != "made" {
			t.Errorf("%v %s", got, diff)
		}
		wantConflict(t, docs.Commit(t.Context(), good...))
	})
}
