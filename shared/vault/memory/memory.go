// Package memory is a vault.Docs in memory, for the local run and for tests.
// Nothing survives the process.
package memory

import (
	"bytes"
	"cmp"
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
	collections map[vault.Collection]*collection
}

type collection struct {
	docs map[string]vault.Doc
	ids  []string // sorted
}

// Get implements vault.Docs.
func (d *Docs) Get(ctx context.Context, name vault.Collection, id string) (vault.Doc, error) {
	if id == "" { // Firestore refuses it; nothing is stored under it
		return vault.Doc{}, fault.New(fault.Internal, fault.NoText)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	doc, ok := d.of(name).docs[id]
	switch {
	case ctx.Err() != nil:
		return vault.Doc{}, ended(ctx)
	case !ok:
		return vault.Doc{}, fault.New(fault.NotFound, fault.NoText)
	}
	return copied(doc), nil
}

// Create implements vault.Docs.
func (d *Docs) Create(ctx context.Context, name vault.Collection, id string, fields vault.Fields) (vault.Version, error) {
	return d.write(ctx, name, id, fields, "")
}

// Replace implements vault.Docs.
func (d *Docs) Replace(ctx context.Context, name vault.Collection, id string, fields vault.Fields, at vault.Version) (vault.Version, error) {
	return d.write(ctx, name, id, fields, at)
}

// Update implements vault.Docs.
func (d *Docs) Update(ctx context.Context, name vault.Collection, id string, fields vault.Fields, at vault.Version) error {
	doc, err := d.Get(ctx, name, id)
	if err != nil {
		return fault.New(fault.Conflict, fault.NoText) // it is gone
	}
	maps.Copy(doc.Fields, fields)
	_, err = d.write(ctx, name, id, doc.Fields, at)
	return err
}

// write stores fields if the document is at that version ("": not there).
func (d *Docs) write(ctx context.Context, name vault.Collection, id string, fields vault.Fields, at vault.Version) (vault.Version, error) {
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
		return "", fault.New(fault.Conflict, fault.NoText)
	}
	return d.put(c, id, fields), nil
}

// put stores fields under a new version; the lock is held.
func (d *Docs) put(c *collection, id string, fields vault.Fields) vault.Version {
	if i, found := slices.BinarySearch(c.ids, id); !found {
		c.ids = slices.Insert(c.ids, i, id)
	}
	d.writes++
	version := vault.Version(strconv.FormatInt(d.writes, 10))
	c.docs[id] = vault.Doc{ID: id, Fields: fields, Version: version}
	return version
}

// remove takes a document out that is there; the lock is held.
func (c *collection) remove(id string) {
	delete(c.docs, id)
	i, _ := slices.BinarySearch(c.ids, id)
	c.ids = slices.Delete(c.ids, i, i+1)
}

// Delete implements vault.Docs.
func (d *Docs) Delete(ctx context.Context, name vault.Collection, id string, at vault.Version) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.of(name)
	if ctx.Err() != nil {
		return ended(ctx)
	}
	if doc, ok := c.docs[id]; !ok || doc.Version != at {
		return fault.New(fault.Conflict, fault.NoText)
	}
	c.remove(id)
	return nil
}

// List implements vault.Docs.
func (d *Docs) List(ctx context.Context, name vault.Collection, after string, limit int) ([]vault.Doc, error) {
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
func (d *Docs) Find(ctx context.Context, name vault.Collection, field string, value any, limit int) ([]vault.Doc, error) {
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

// GetAll implements vault.Docs.
func (d *Docs) GetAll(ctx context.Context, all ...vault.Ref) ([]vault.Doc, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if ctx.Err() != nil {
		return nil, ended(ctx)
	}
	out := make([]vault.Doc, len(all))
	for i, ref := range all {
		out[i] = copied(d.of(ref.Collection).docs[ref.ID])
		out[i].ID = ref.ID
	}
	return out, nil
}

// Commit implements vault.Docs.
func (d *Docs) Commit(ctx context.Context, writes ...vault.Write) error {
	writes = slices.Clone(writes)
	for i, w := range writes {
		if w.Fields == nil {
			continue
		}
		var err error
		if writes[i].Fields, err = clone(w.Fields); err != nil {
			return err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if ctx.Err() != nil {
		return ended(ctx)
	}
	for _, w := range writes {
		if d.of(w.Collection).docs[w.ID].Version != w.At || w.Fields == nil && w.At == "" {
			return fault.New(fault.Conflict, fault.NoText)
		}
	}
	for _, w := range writes {
		if c := d.of(w.Collection); w.Fields == nil {
			c.remove(w.ID)
		} else {
			d.put(c, w.ID, w.Fields)
		}
	}
	return nil
}

// Range implements vault.Docs.
func (d *Docs) Range(ctx context.Context, name vault.Collection, r vault.Range) ([]vault.Doc, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if ctx.Err() != nil {
		return nil, ended(ctx)
	}
	c := d.of(name)
	var in []vault.Doc
	for _, id := range c.ids {
		value, ok := c.docs[id].Fields[r.Field]
		if ok && (r.From == nil || compare(r.From, value) <= 0) && (r.To == nil || compare(value, r.To) <= 0) {
			in = append(in, c.docs[id])
		}
	}
	slices.SortStableFunc(in, func(a, b vault.Doc) int { return compare(a.Fields[r.Field], b.Fields[r.Field]) })
	if r.Descending {
		slices.Reverse(in)
	}
	var out []vault.Doc
	for _, doc := range in[:min(r.Limit, len(in))] {
		out = append(out, copied(doc))
	}
	return out, nil
}

// compare orders two values of one type. Others are in no range with each other, as
// in Firestore.
func compare(a, b any) int {
	switch a := a.(type) {
	case time.Time:
		if b, ok := b.(time.Time); ok {
			return a.Truncate(time.Microsecond).Compare(b.Truncate(time.Microsecond))
		}
	case int64:
		if b, ok := b.(int64); ok {
			return cmp.Compare(a, b)
		}
	case string:
		if b, ok := b.(string); ok {
			return cmp.Compare(a, b)
		}
	}
	return 1
}

// of is a collection, made when it is first named; the lock is held.
func (d *Docs) of(name vault.Collection) *collection {
	if d.collections == nil {
		d.collections = map[vault.Collection]*collection{}
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
