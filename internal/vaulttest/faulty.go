package vaulttest

import (
	"context"
	"errors"
	"sync/atomic"

	"example.com/deputy/shared/vault"
)

// Faulty is a vault.Docs into which tests inject errors and crashes.
type Faulty struct {
	vault.Docs
	// Inject is called before and after each call. An error replaces the result; an
	// error before the call also prevents it.
	Inject func(ctx context.Context, c Call) error
	n      atomic.Int64
}

// Call is one call of a Docs.
type Call struct {
	N       int // counted from 1
	Write   bool
	Applied bool // the call has taken effect
}

// ErrGarbage is returned by Inject before a read: it lets the read run but changes every
// field of its result to a value of another type.
var ErrGarbage = errors.New("garbage")

func garble(doc vault.Doc) vault.Doc {
	for name, value := range doc.Fields {
		if _, ok := value.(int64); ok {
			doc.Fields[name] = "garbage"
		} else {
			doc.Fields[name] = int64(7)
		}
	}
	return doc
}

func garbleAll(docs []vault.Doc) []vault.Doc {
	for i := range docs {
		docs[i] = garble(docs[i])
	}
	return docs
}

// Calls returns how many calls were started.
func (f *Faulty) Calls() int { return int(f.n.Load()) }

func inject[T any](ctx context.Context, f *Faulty, write bool, call func() (T, error), alter func(T) T) (T, error) {
	c := Call{N: int(f.n.Add(1)), Write: write}
	var zero T
	injected := f.Inject(ctx, c)
	if injected != nil && !errors.Is(injected, ErrGarbage) {
		return zero, injected
	}
	out, err := call()
	if injected != nil && err == nil {
		out = alter(out)
	}
	c.Applied = true
	if injected := f.Inject(ctx, c); injected != nil {
		return zero, injected
	}
	return out, err
}

// unchanged returns out: the result of a write has nothing to garble.
func unchanged[T any](out T) T { return out }

// Get implements vault.Docs.
func (f *Faulty) Get(ctx context.Context, name vault.Collection, id string) (vault.Doc, error) {
	return inject(ctx, f, false, func() (vault.Doc, error) { return f.Docs.Get(ctx, name, id) }, garble)
}

// List implements vault.Docs.
func (f *Faulty) List(ctx context.Context, name vault.Collection, after string, limit int) ([]vault.Doc, error) {
	return inject(ctx, f, false, func() ([]vault.Doc, error) { return f.Docs.List(ctx, name, after, limit) }, garbleAll)
}

// Find implements vault.Docs.
func (f *Faulty) Find(
	ctx context.Context, name vault.Collection, field string, value any, limit int,
) ([]vault.Doc, error) {
	return inject(ctx, f, false, func() ([]vault.Doc, error) {
		return f.Docs.Find(ctx, name, field, value, limit)
	}, garbleAll)
}

// GetAll implements vault.Docs.
func (f *Faulty) GetAll(ctx context.Context, refs ...vault.Ref) ([]vault.Doc, error) {
	return inject(ctx, f, false, func() ([]vault.Doc, error) { return f.Docs.GetAll(ctx, refs...) }, garbleAll)
}

// Range implements vault.Docs.
func (f *Faulty) Range(ctx context.Context, name vault.Collection, r vault.Range) ([]vault.Doc, error) {
	return inject(ctx, f, false, func() ([]vault.Doc, error) { return f.Docs.Range(ctx, name, r) }, garbleAll)
}

// Commit implements vault.Docs.
func (f *Faulty) Commit(ctx context.Context, writes ...vault.Write) error {
	_, err := inject(ctx, f, true, func() (struct{}, error) {
		return struct{}{}, f.Docs.Commit(ctx, writes...)
	}, unchanged)
	return err
}

// Create implements vault.Docs.
func (f *Faulty) Create(
	ctx context.Context, name vault.Collection, id string, fields vault.Fields,
) (vault.Version, error) {
	return inject(ctx, f, true, func() (vault.Version, error) {
		return f.Docs.Create(ctx, name, id, fields)
	}, unchanged)
}

// Replace implements vault.Docs.
func (f *Faulty) Replace(
	ctx context.Context, name vault.Collection, id string, fields vault.Fields, at vault.Version,
) (vault.Version, error) {
	return inject(ctx, f, true, func() (vault.Version, error) {
		return f.Docs.Replace(ctx, name, id, fields, at)
	}, unchanged)
}

// Update implements vault.Docs.
func (f *Faulty) Update(
	ctx context.Context, name vault.Collection, id string, fields vault.Fields, at vault.Version,
) error {
	_, err := inject(ctx, f, true, func() (struct{}, error) {
		return struct{}{}, f.Docs.Update(ctx, name, id, fields, at)
	}, unchanged)
	return err
}

// Delete implements vault.Docs.
func (f *Faulty) Delete(ctx context.Context, name vault.Collection, id string, at vault.Version) error {
	_, err := inject(ctx, f, true, func() (struct{}, error) {
		return struct{}{}, f.Docs.Delete(ctx, name, id, at)
	}, unchanged)
	return err
}
