package vaulttest

import (
	"context"
	"errors"
	"sync/atomic"

	"example.com/deputy/shared/vault"
)

// Faulty is a Docs whose calls fail or end as Inject says: it is where tests put
// faults and crashes.
type Faulty struct {
	vault.Docs
	// Inject is asked about each call, before it is made and after it has taken
	// effect. An error takes the place of the answer; one before the call keeps
	// it from being made.
	Inject func(ctx context.Context, c Call) error
	n      atomic.Int64
}

// Call is one call of a Docs.
type Call struct {
	N     int // counted from 1
	Write bool
	After bool // it has taken effect
}

// ErrGarbage is what Inject gives before a read that is to be made and spoilt in its
// answer: every field has a value of another type than it was stored with.
var ErrGarbage = errors.New("garbage")

func garbled(doc vault.Doc) vault.Doc {
	for name, value := range doc.Fields {
		if _, number := value.(int64); number {
			doc.Fields[name] = "garbage"
		} else {
			doc.Fields[name] = int64(7)
		}
	}
	return doc
}

func allGarbled(docs []vault.Doc) []vault.Doc {
	for i := range docs {
		docs[i] = garbled(docs[i])
	}
	return docs
}

// Calls is how many calls were begun so far.
func (f *Faulty) Calls() int { return int(f.n.Load()) }

func inject[T any](ctx context.Context, f *Faulty, write bool, call func() (T, error), garble func(T) T) (T, error) {
	c := Call{N: int(f.n.Add(1)), Write: write}
	var none T
	before := f.Inject(ctx, c)
	if before != nil && !errors.Is(before, ErrGarbage) {
		return none, before
	}
	out, err := call()
	if before != nil && err == nil {
		out = garble(out)
	}
	c.After = true
	if late := f.Inject(ctx, c); late != nil {
		return none, late
	}
	return out, err
}

// same is the answer of a write: there is nothing in it to spoil.
func same[T any](out T) T { return out }

// Get implements vault.Docs.
func (f *Faulty) Get(ctx context.Context, collection vault.Collection, id string) (vault.Doc, error) {
	return inject(ctx, f, false, func() (vault.Doc, error) { return f.Docs.Get(ctx, collection, id) }, garbled)
}

// List implements vault.Docs.
func (f *Faulty) List(ctx context.Context, collection vault.Collection, after string, limit int) ([]vault.Doc, error) {
	return inject(ctx, f, false, func() ([]vault.Doc, error) { return f.Docs.List(ctx, collection, after, limit) }, allGarbled)
}

// Find implements vault.Docs.
func (f *Faulty) Find(ctx context.Context, collection vault.Collection, field string, value any, limit int) ([]vault.Doc, error) {
	return inject(ctx, f, false, func() ([]vault.Doc, error) { return f.Docs.Find(ctx, collection, field, value, limit) }, allGarbled)
}

// GetAll implements vault.Docs.
func (f *Faulty) GetAll(ctx context.Context, all ...vault.Ref) ([]vault.Doc, error) {
	return inject(ctx, f, false, func() ([]vault.Doc, error) { return f.Docs.GetAll(ctx, all...) }, allGarbled)
}

// Range implements vault.Docs.
func (f *Faulty) Range(ctx context.Context, collection vault.Collection, r vault.Range) ([]vault.Doc, error) {
	return inject(ctx, f, false, func() ([]vault.Doc, error) { return f.Docs.Range(ctx, collection, r) }, allGarbled)
}

// Commit implements vault.Docs.
func (f *Faulty) Commit(ctx context.Context, writes ...vault.Write) error {
	_, err := inject(ctx, f, true, func() (struct{}, error) { return struct{}{}, f.Docs.Commit(ctx, writes...) }, same)
	return err
}

// Create implements vault.Docs.
func (f *Faulty) Create(ctx context.Context, collection vault.Collection, id string, fields vault.Fields) (vault.Version, error) {
	return inject(ctx, f, true, func() (vault.Version, error) { return f.Docs.Create(ctx, collection, id, fields) }, same)
}

// Replace implements vault.Docs.
func (f *Faulty) Replace(ctx context.Context, collection vault.Collection, id string, fields vault.Fields, at vault.Version) (vault.Version, error) {
	return inject(ctx, f, true, func() (vault.Version, error) { return f.Docs.Replace(ctx, collection, id, fields, at) }, same)
}

// Update implements vault.Docs.
func (f *Faulty) Update(ctx context.Context, collection vault.Collection, id string, fields vault.Fields, at vault.Version) error {
	_, err := inject(ctx, f, true, func() (struct{}, error) {
		return struct{}{}, f.Docs.Update(ctx, collection, id, fields, at)
	}, same)
	return err
}

// Delete implements vault.Docs.
func (f *Faulty) Delete(ctx context.Context, collection vault.Collection, id string, at vault.Version) error {
	_, err := inject(ctx, f, true, func() (struct{}, error) { return struct{}{}, f.Docs.Delete(ctx, collection, id, at) }, same)
	return err
}
