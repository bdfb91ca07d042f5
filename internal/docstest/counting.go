package docstest

import (
	"context"
	"sync/atomic"

	"example.com/deputy/shared/vault"
)

// Counting is a Docs that counts what passes through it, as Firestore bills it:
// a list counts its documents, and one at least.
type Counting struct {
	vault.Docs
	reads, writes atomic.Int64
}

// Reads is how many documents were read so far.
func (c *Counting) Reads() int64 { return c.reads.Load() }

// Writes is how many writes were tried so far.
func (c *Counting) Writes() int64 { return c.writes.Load() }

// Get implements vault.Docs.
func (c *Counting) Get(ctx context.Context, collection, id string) (vault.Doc, error) {
	c.reads.Add(1)
	return c.Docs.Get(ctx, collection, id)
}

// List implements vault.Docs.
func (c *Counting) List(ctx context.Context, collection, after string, limit int) ([]vault.Doc, error) {
	docs, err := c.Docs.List(ctx, collection, after, limit)
	c.reads.Add(max(1, int64(len(docs))))
	return docs, err
}

// Find implements vault.Docs.
func (c *Counting) Find(ctx context.Context, collection, field string, value any) ([]vault.Doc, error) {
	docs, err := c.Docs.Find(ctx, collection, field, value)
	c.reads.Add(max(1, int64(len(docs))))
	return docs, err
}

// Create implements vault.Docs.
func (c *Counting) Create(ctx context.Context, collection, id string, f vault.Fields) (vault.Version, error) {
	c.writes.Add(1)
	return c.Docs.Create(ctx, collection, id, f)
}

// Replace implements vault.Docs.
func (c *Counting) Replace(ctx context.Context, collection, id string, f vault.Fields, at vault.Version) (vault.Version, error) {
	c.writes.Add(1)
	return c.Docs.Replace(ctx, collection, id, f, at)
}

// Delete implements vault.Docs.
func (c *Counting) Delete(ctx context.Context, collection, id string, at vault.Version) error {
	c.writes.Add(1)
	return c.Docs.Delete(ctx, collection, id, at)
}
