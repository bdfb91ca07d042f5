package docstest

import (
	"context"
	"sync/atomic"

	"example.com/deputy/shared/vault"
)

// Fated is a Docs whose calls fail or end as Fate says: it is where tests put
// faults and crashes.
type Fated struct {
	vault.Docs
	// Fate is asked about the nth call, counted from 1, before it is made and
	// after it has taken effect. An error takes the place of the answer; one
	// before the call keeps it from being made.
	Fate func(ctx context.Context, n int, after bool) error
	n    atomic.Int64
}

// Calls is how many calls were begun so far.
func (f *Fated) Calls() int { return int(f.n.Load()) }

func fated[T any](ctx context.Context, f *Fated, call func() (T, error)) (T, error) {
	n := int(f.n.Add(1))
	var none T
	if err := f.Fate(ctx, n, false); err != nil {
		return none, err
	}
	out, err := call()
	if late := f.Fate(ctx, n, true); late != nil {
		return none, late
	}
	return out, err
}

// Get implements vault.Docs.
func (f *Fated) Get(ctx context.Context, collection, id string) (vault.Doc, error) {
	return fated(ctx, f, func() (vault.Doc, error) { return f.Docs.Get(ctx, collection, id) })
}

// List implements vault.Docs.
func (f *Fated) List(ctx context.Context, collection, after string, limit int) ([]vault.Doc, error) {
	return fated(ctx, f, func() ([]vault.Doc, error) { return f.Docs.List(ctx, collection, after, limit) })
}

// Find implements vault.Docs.
func (f *Fated) Find(ctx context.Context, collection, field string, value any) ([]vault.Doc, error) {
	return fated(ctx, f, func() ([]vault.Doc, error) { return f.Docs.Find(ctx, collection, field, value) })
}

// Create implements vault.Docs.
func (f *Fated) Create(ctx context.Context, collection, id string, fields vault.Fields) (vault.Version, error) {
	return fated(ctx, f, func() (vault.Version, error) { return f.Docs.Create(ctx, collection, id, fields) })
}

// Replace implements vault.Docs.
func (f *Fated) Replace(ctx context.Context, collection, id string, fields vault.Fields, at vault.Version) (vault.Version, error) {
	return fated(ctx, f, func() (vault.Version, error) { return f.Docs.Replace(ctx, collection, id, fields, at) })
}

// Delete implements vault.Docs.
func (f *Fated) Delete(ctx context.Context, collection, id string, at vault.Version) error {
	_, err := fated(ctx, f, func() (struct{}, error) { return struct{}{}, f.Docs.Delete(ctx, collection, id, at) })
	return err
}
