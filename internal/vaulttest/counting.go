package vaulttest

import (
	"context"
	"sync/atomic"

	"example.com/deputy/shared/vault"
)

// Counting is a Docs that counts what passes through it, as Firestore bills it:
// a list counts its documents, and one at least.
type Counting struct {
	vault.Docs
	reads, writes, most atomic.Int64
}

// Reads is how many documents were read so far.
func (c *Counting) Reads() int64 { return c.reads.Load() }

// Most is how many documents the largest answer had.
func (c *Counting) Most() int64 { return c.most.Load() }

func (c *Counting) read(docs []vault.Doc) {
	n := max(1, int64(len(docs)))
	c.reads.Add(n)
	for most := c.most.Load(); n > most && !c.most.CompareAndSwap(most, n); most = c.most.Load() {
	}
}

// Writes is how many writes were tried so far.
func (c *Counting) Writes() int64 { return c.writes.Load() }

// Get implements vault.Docs.
func (c *Counting) Get(ctx context.Context, collection vault.Collection, id string) (vault.Doc, error) {
	c.reads.Add(1)
	return c.Docs.Get(ctx, collection, id)
}

// List implements vault.Docs.
func (c *Counting) List(ctx context.Context, collection vault.Collection, after string, limit int) ([]vault.Doc, error) {
	docs, err := c.Docs.List(ctx, collection, after, limit)
	c.read(docs)
	return docs, err
}

// Find implements vault.Docs.
func (c *Counting) Find(ctx context.Context, collection vault.Collection, field string, value any, limit int) ([]vault.Doc, error) {
	docs, err := c.Docs.Find(ctx, collection, field, value, limit)
	c.read(docs)
	return docs, err
}

// GetAll implements vault.Docs.
func (c *Counting) GetAll(ctx context.Context, all ...vault.Ref) ([]vault.Doc, error) {
	c.reads.Add(int64(len(all)))
	return c.Docs.GetAll(ctx, all...)
}

// Range implements vault.Docs.
func (c *Counting) Range(ctx context.Context, collection vault.Collection, r vault.Range) ([]vault.Doc, error) {
	docs, err := c.Docs.Range(ctx, collection, r)
	c.read(docs)
	return docs, err
}

// Commit implements vault.Docs.
func (c *Counting) Commit(ctx context.Context, writes ...vault.Write) error {
	c.writes.Add(int64(len(writes)))
	return c.Docs.Commit(ctx, writes...)
}

// Create implements vault.Docs.
func (c *Counting) Create(ctx context.Context, collection vault.Collection, id string, f vault.Fields) (vault.Version, error) {
	c.writes.Add(1)
	return c.Docs.Create(ctx, collection, id, f)
}

// Replace implements vault.Docs.
func (c *Counting) Replace(ctx context.Context, collection vault.Collection, id string, f vault.Fields, at vault.Version) (vault.Version, error) {
	c.writes.Add(1)
	return c.Docs.Replace(ctx, collection, id, f, at)
}

// Update implements vault.Docs.
func (c *Counting) Update(ctx context.Context, collection vault.Collection, id string, fields vault.Fields, at vault.Version) error {
	c.writes.Add(1)
	return c.Docs.Update(ctx, collection, id, fields, at)
}

// Delete implements vault.Docs.
func (c *Counting) Delete(ctx context.Context, collection vault.Collection, id string, at vault.Version) error {
	c.writes.Add(1)
	return c.Docs.Delete(ctx, collection, id, at)
}
