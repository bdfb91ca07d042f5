// Package memory is a vault.Docs in memory, for the local run and for tests.
// Nothing survives the process.
package memory

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"time"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/vault"
)

// Docs is the store. Its zero value is empty and ready.
type Docs struct {
	mu          sync.Mutex
	writes      int64
	collections map[string]*collection
}

type collection struct {
	docs map[string]vault.Doc
	ids  []string // sorted
}

// Get implements vault.Docs.
func (d *Docs) Get(ctx context.Context, name, id string) (vault.Doc, error) {
	if id == "" { // Firestore refuses it; nothing is stored under it
		return vault.Doc{}, fault.New(fault.Internal, fault.None)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	doc, ok := d.of(name).docs[id]
	switch {
	case ctx.Err() != nil:
		return vault.Doc{}, ended(ctx)
	case !ok:
		return vault.Doc{}, fault.New(fault.NotFound, fault.None)
	}
	return copied(doc), nil
}

// Create implements vault.Docs.
func (d *Docs) Create(ctx context.Context, name, id string, fields vault.Fields) (vault.Version, error) {
	return d.write(ctx, name, id, fields, "")
}

// Replace implements vault.Docs.
func (d *Docs) Replace(ctx context.Context, name, id string, fields vault.Fields, at vault.Version) (vault.Version, error) {
	return d.write(ctx, name, id, fields, at)
}

// Update implements vault.Docs.
func (d *Docs) Update(ctx context.Context, name, id string, fields vault.Fields, at vault.Version) error {
	doc, err := d.Get(ctx, name, id)
	if err != nil {
		return fault.New(fault.Conflict, fault.None) // it is gone
	}
	maps.Copy(doc.Fields, fields)
	_, err = d.write(ctx, name, id, doc.Fields, at)
	return err
}

// write stores fields if the document is at that version ("": not there).
func (d *Docs) write(ctx context.Context, name, id string, fields vault.Fields, at vault.Version) (vault.Version, error) {
	fields, err := clone(fields)
	if err != nil {
		return "", err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.of(name)
	if ctx.Err() != nil {
		return "", ended(ctx)
	}
	if c.docs[id].Version != at {
		return "", fault.New(fault.Conflict, fault.None)
	}
	if i, found := slices.BinarySearch(c.ids, id); !found {
		c.ids = slices.Insert(c.ids, i, id)
	}
	d.writes++
	version := vault.Version(strconv.FormatInt(d.writes, 10))
	c.docs[id] = vault.Doc{ID: id, Fields: fields, Version: version}
	return version, nil
}

// Delete implements vault.Docs.
func (d *Docs) Delete(ctx context.Context, name, id string, at vault.Version) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.of(name)
	if ctx.Err() != nil {
		return ended(ctx)
	}
	if doc, ok := c.docs[id]; !ok || doc.Version != at {
		return fault.New(fault.Conflict, fault.None)
	}
	delete(c.docs, id)
	i, _ := slices.BinarySearch(c.ids, id)
	c.ids = slices.Delete(c.ids, i, i+1)
	return nil
}

// List implements vault.Docs.
func (d *Docs) List(ctx context.Context, name, after string, limit int) ([]vault.Doc, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if ctx.Err() != nil {
		return nil, ended(ctx)
	}
	c := d.of(name)
	i, found := slices.BinarySearch(c.ids, after)
	if found {
		i++
	}
	var out []vault.Doc
	for _, id := range c.ids[i:min(i+limit, len(c.ids))] {
		out = append(out, copied(c.docs[id]))
	}
	return out, nil
}

// Find implements vault.Docs.
func (d *Docs) Find(ctx context.Context, name, field string, value any, limit int) ([]vault.Doc, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if ctx.Err() != nil {
		return nil, ended(ctx)
	}
	c := d.of(name)
	var out []vault.Doc
	for _, id := range c.ids {
		if got, ok := c.docs[id].Fields[field]; ok && reflect.DeepEqual(got, value) && len(out) < limit {
			out = append(out, copied(c.docs[id]))
		}
	}
	return out, nil
}

// Due implements vault.Docs.
func (d *Docs) Due(ctx context.Context, name, field string, until time.Time, limit int) ([]vault.Doc, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if ctx.Err() != nil {
		return nil, ended(ctx)
	}
	c := d.of(name)
	var due []vault.Doc
	for _, id := range c.ids {
		if at, ok := c.docs[id].Fields[field].(time.Time); ok && !at.After(until) {
			due = append(due, c.docs[id])
		}
	}
	slices.SortStableFunc(due, func(a, b vault.Doc) int {
		return a.Fields[field].(time.Time).Compare(b.Fields[field].(time.Time))
	})
	var out []vault.Doc
	for _, doc := range due[:min(limit, len(due))] {
		out = append(out, copied(doc))
	}
	return out, nil
}

// of is a collection, made when it is first named; the lock is held.
func (d *Docs) of(name string) *collection {
	if d.collections == nil {
		d.collections = map[string]*collection{}
	}
	if d.collections[name] == nil {
		d.collections[name] = &collection{docs: map[string]vault.Doc{}}
	}
	return d.collections[name]
}

func copied(doc vault.Doc) vault.Doc {
	doc.Fields, _ = clone(doc.Fields) // was checked when it came in
	return doc
}

// clone copies fields, so that nobody shares memory with the store, and
// refuses values that a database would not keep as they are.
func clone(fields vault.Fields) (vault.Fields, error) {
	out := make(vault.Fields, len(fields))
	for name, value := range fields {
		switch v := value.(type) {
		case string, int64, bool:
			out[name] = v
		case []byte:
			out[name] = bytes.Clone(v)
		case []string:
			out[name] = slices.Clone(v)
		case time.Time:
			out[name] = v.UTC().Truncate(time.Microsecond)
		default:
			return nil, &fault.Error{Op: "memory.Docs", Err: fmt.Errorf("field %s: %T cannot be stored", name, value)}
		}
	}
	return out, nil
}

func ended(ctx context.Context) error {
	return &fault.Error{Op: "memory.Docs", Kind: fault.Unavailable, Err: ctx.Err()}
}
