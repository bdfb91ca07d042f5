package vaulttest

import (
	"context"
	"sync/atomic"

	"example.com/deputy/shared/vault"
)

// Counting is a vault.Docs that counts reads and writes as Firestore bills them: a
// query counts its documents, but at least one.
type Counting struct {
	vault.Docs
	reads, writes, largest atomic.Int64
}

// Reads returns how many documents were read.
func (c *Counting) Reads() int64 { return c.reads.Load() }

// LargestRead returns how many documents the largest query returned.
func (c *Counting) LargestRead() int64 { return c.largest.Load() }

func (c *Counting) countQuery(docs []vault.Doc) {
	n := max(1, int64(len(docs)))
	c.reads.Add(n)
	for old := c.largest.Load(); n > old && !c.largest.CompareAndSwap(old, n); old = c.largest.Load() {
	}
}

// Writes returns how many writes were attempted.
func (c *Counting) Writes() int64 { return c.writes.Load() }

// Get implements vault.Docs.
func (c *Counting) Get(ctx context.Context, name vault.Collection, id string) (vault.Doc, error) {
	c.reads.Add(1)
	return c.Docs.Get(ctx, name, id)
}

// List implements vault.Docs.
func (c *Counting) List(ctx context.Context, name vault.Collection, after string, limit int) ([]vault.Doc, error) {
	docs, err := c.Docs.List(ctx, name, after, limit)
	c.countQuery(docs)
	return docs, err
}

// Find implements vault.Docs.
func (c *Counting) Find(
	ctx context.Context, name vault.Collection, field string, value any, limit int,
) ([]vault.Doc, error) {
	docs, err := c.Docs.Find(ctx, name, field, value, limit)
	c.countQuery(docs)
	return docs, err
}

// GetAll implements vault.Docs.
func (c *Counting) GetAll(ctx context.Context, refs ...vault.Ref) ([]vault.Doc, error) {
	c.reads.Add(int64(len(refs)))
	return c.Docs.GetAll(ctx, refs...)
}

// Range implements vault.Docs.
func (c *Counting) Range(ctx context.Context, name vault.Collection, r vault.Range) ([]vault.Doc, error) {
	docs, err := c.Docs.Range(ctx, name, r)
	c.countQuery(docs)
	return docs, err
}

// Commit implements vault.Docs.
func (c *Counting) Commit(ctx context.Context, writes ...vault.Write) error {
	c.writes.Add(int64(len(writes)))
	return c.Docs.Commit(ctx, writes...)
}

// Create implements vault.Docs.
func (c *Counting) Create(
	ctx context.Context, name vault.Collection, id string, f vault.Fields,
) (vault.Version, error) {
	c.writes.Add(1)
	return c.Docs.Create(ctx, name, id, f)
}

// Replace implements vault.Docs.
func (c *Counting) Replace(
	ctx context.Context, name vault.Collection, id string, f vault.Fields, at vault.Version,
) (vault.Version, error) {
	c.writes.Add(1)
	return c.Docs.Replace(ctx, name, id, f, at)
}

// Update implements vault.Docs.
func (c *Counting) Update(
	ctx context.Context, name vault.Collection, id string, f vault.Fields, at vault.Version,
) error {
	c.writes.Add(1)
	return c.Docs.Update(ctx, name, id, f, at)
}

// Delete implements vault.Docs.
func (c *Counting) Delete(ctx context.Context, name vault.Collection, id string, at vault.Version) error {
	c.writes.Add(1)
	return c.Docs.Delete(ctx, name, id, at)
}
