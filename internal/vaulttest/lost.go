package vaulttest

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/vault"
)

// LossyDocs is an empty store. Lose makes the store's client get no answer to its next calls that write, times in a
// row, although they take effect; then, if not nil, happens after the first of them. A store without a client, such as
// one in memory, has no answers to lose.
type LossyDocs struct {
	vault.Docs
	Lose func(times int, then func())
}

// lossyWrites are the kinds of writes. Each takes documents 1 and 2 of collection c from x=old to the fields in want,
// which has nil for a document that does not exist.
var lossyWrites = map[string]struct {
	run  func(ctx context.Context, docs vault.Docs, one, two vault.Version) (vault.Version, error)
	want [3]vault.Fields // of the documents 1, 2, and 3
}{
	"create": {func(ctx context.Context, docs vault.Docs, _, _ vault.Version) (vault.Version, error) {
		return docs.Create(ctx, "c", "3", vault.Fields{"x": "new"})
	}, [3]vault.Fields{{"x": "old"}, {"x": "old"}, {"x": "new"}}},
	"replace": {func(ctx context.Context, docs vault.Docs, one, _ vault.Version) (vault.Version, error) {
		return docs.Replace(ctx, "c", "1", vault.Fields{"y": "new"}, one)
	}, [3]vault.Fields{{"y": "new"}, {"x": "old"}, nil}},
	"update": {func(ctx context.Context, docs vault.Docs, one, _ vault.Version) (vault.Version, error) {
		return "", docs.Update(ctx, "c", "1", vault.Fields{"y": "new"}, one)
	}, [3]vault.Fields{{"x": "old", "y": "new"}, {"x": "old"}, nil}},
	"delete": {func(ctx context.Context, docs vault.Docs, one, _ vault.Version) (vault.Version, error) {
		return "", docs.Delete(ctx, "c", "1", one)
	}, [3]vault.Fields{nil, {"x": "old"}, nil}},
	"commit": {func(ctx context.Context, docs vault.Docs, one, two vault.Version) (vault.Version, error) {
		return "", docs.Commit(ctx,
			vault.Write{Ref: vault.Ref{Collection: "c", ID: "1"}, IfVersion: one},
			vault.Write{Ref: vault.Ref{Collection: "c", ID: "2"}, IfVersion: two, Fields: vault.Fields{"y": "new"}},
			vault.Write{Ref: vault.Ref{Collection: "c", ID: "3"}, Fields: vault.Fields{"x": "new"}})
	}, [3]vault.Fields{nil, {"y": "new"}, {"x": "new"}}},
}

// RunAnswersLost tests what vault.Docs says of writes without an answer: a client that repeats one never takes it for
// somebody else's.
func RunAnswersLost(t *testing.T, newDocs func(t *testing.T) LossyDocs) {
	t.Helper()
	for name, c := range lossyWrites {
		t.Run(name, func(t *testing.T) {
			for times := 1; times <= 2; times++ {
				docs := newDocs(t)
				one, two := create(t, docs, "c", "1"), create(t, docs, "c", "2")
				docs.Lose(times, nil)
				version, err := c.run(t.Context(), docs, one, two)
				got := contents(t, docs)
				if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
					t.Errorf("lost %d times: %v %s", times, err, diff)
				}
				id := map[string]string{"create": "3", "replace": "1"}[name]
				if id == "" {
					continue
				}
				if _, err := docs.Replace(t.Context(), "c", id, vault.Fields{}, version); err != nil {
					t.Errorf("lost %d times: the version is not usable: %v", times, err)
				}
			}
		})
		t.Run(name+", then changed", func(t *testing.T) {
			docs, changed := newDocs(t), false
			one, two := create(t, docs, "c", "1"), create(t, docs, "c", "2")
			docs.Lose(1, func() {
				changed = true
				for _, doc := range must(docs.List(t.Context(), "c", "", 9))(t) {
					must(docs.Replace(t.Context(), "c", doc.ID, vault.Fields{"x": "another's"}, doc.Version))(t)
				}
				if name == "delete" {
					must(docs.Create(t.Context(), "c", "1", vault.Fields{"x": "another's"}))(t)
				}
			})
			_, err := c.run(t.Context(), docs, one, two)
			if changed && fault.KindOf(err) != fault.Unavailable || !changed && err != nil {
				t.Errorf("got %v", err)
			}
			for i, fields := range contents(t, docs) {
				if changed && fields != nil && fields["x"] != "another's" {
					t.Errorf("document %d was overwritten: %v", i+1, fields)
				}
			}
		})
	}
	t.Run("conflict after a lost answer to another", func(t *testing.T) {
		docs := newDocs(t)
		one := create(t, docs, "c", "1")
		docs.Lose(1, nil)
		create(t, docs, "c", "2")
		must(docs.Replace(t.Context(), "c", "1", vault.Fields{"x": "new"}, one))(t)
		_, err := docs.Replace(t.Context(), "c", "1", vault.Fields{"x": "new"}, one)
		wantConflict(t, err)
	})
}

// contents returns the fields of the documents 1, 2 and 3.
func contents(t *testing.T, docs vault.Docs) (out [3]vault.Fields) {
	t.Helper()
	for i := range out {
		got := must(docs.GetAll(t.Context(), vault.Ref{Collection: "c", ID: fmt.Sprint(i + 1)}))(t)
		out[i] = got[0].Fields
		if got[0].Version == "" {
			out[i] = nil
		}
	}
	return out
}
