// Package memory implements vault.Docs in memory, for local runs and tests.
package memory

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/vault"
)

// Docs implements vault.Docs. The zero value is an empty store, ready to use.
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
	if id == "" { // Firestore rejects it
		return vault.Doc{}, fault.New(fault.Internal, fault.NoText)
	}
	docs, err := d.GetAll(ctx, vault.Ref{Collection: name, ID: id})
	switch {
	case err != nil:
		return vault.Doc{}, err
	case docs[0].Version == "":
		return vault.Doc{}, fault.New(fault.NotFound, fault.NoText)
	}
	return docs[0], nil
}

// Create implements vault.Docs.
func (d *Docs) Create(ctx context.Context, name vault.Collection, id string, f vault.Fields) (vault.Version, error) {
	return d.commit(ctx, vault.Write{Ref: vault.Ref{Collection: name, ID: id}, Fields: f})
}

// Replace implements vault.Docs.
func (d *Docs) Replace(
	ctx context.Context, name vault.Collection, id string, fields vault.Fields, at vault.Version,
) (vault.Version, error) {
	if at == "" {
		return "", fault.New(fault.Conflict, fault.NoText)
	}
	return d.commit(ctx, vault.Write{Ref: vault.Ref{Collection: name, ID: id}, Fields: fields, IfVersion: at})
}

// Update implements vault.Docs.
func (d *Docs) Update(ctx context.Context, name vault.Collection, id string, f vault.Fields, at vault.Version) error {
	doc, err := d.Get(ctx, name, id)
	switch {
	case fault.KindOf(err) == fault.NotFound:
		err = fault.New(fault.Conflict, fault.NoText)
	case err == nil:
		maps.Copy(doc.Fields, f)
		_, err = d.Replace(ctx, name, id, doc.Fields, at)
	}
	return err
}

// put stores fields under a new version. The caller holds d.mu.
func (d *Docs) put(c *collection, id string, fields vault.Fields) vault.Version {
	if i, found := slices.BinarySearch(c.ids, id); !found {
		c.ids = slices.Insert(c.ids, i, id)
	}
	d.writes++
	version := vault.Version(strconv.FormatInt(d.writes, 10))
	c.docs[id] = vault.Doc{ID: id, Fields: fields, Version: version}
	return version
}

// remove deletes an existing document. The caller holds Docs.mu.
func (c *collection) remove(id string) {
	delete(c.docs, id)
	i, _ := slices.BinarySearch(c.ids, id)
	c.ids = slices.Delete(c.ids, i, i+1)
}

// Delete implements vault.Docs.
func (d *Docs) Delete(ctx context.Context, name vault.Collection, id string, at vault.Version) error {
	return d.Commit(ctx, vault.Write{Ref: vault.Ref{Collection: name, ID: id}, IfVersion: at})
}

// List implements vault.Docs.
func (d *Docs) List(ctx context.Context, name vault.Collection, after string, limit int) ([]vault.Doc, error) {
	return d.query(ctx, name, func(c *collection) (out []vault.Doc) {
		i, found := slices.BinarySearch(c.ids, after)
		if found {
			i++
		}
		for _, id := range c.ids[i:min(i+limit, len(c.ids))] {
			out = append(out, c.docs[id])
		}
		return out
	})
}

// query returns copies of the documents that choose returns.
func (d *Docs) query(
	ctx context.Context, name vault.Collection, choose func(*collection) []vault.Doc,
) (out []vault.Doc, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if ctx.Err() != nil {
		return nil, contextError(ctx)
	}
	for _, doc := range choose(d.collection(name)) {
		out = append(out, copyDoc(doc))
	}
	return out, nil
}

// Find implements vault.Docs.
func (d *Docs) Find(
	ctx context.Context, name vault.Collection, field string, value any, limit int,
) ([]vault.Doc, error) {
	return d.Range(ctx, name, vault.Range{Field: field, From: value, To: value, Limit: limit})
}

// GetAll implements vault.Docs.
func (d *Docs) GetAll(ctx context.Context, refs ...vault.Ref) ([]vault.Doc, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if ctx.Err() != nil {
		return nil, contextError(ctx)
	}
	out := make([]vault.Doc, len(refs))
	for i, ref := range refs {
		out[i] = copyDoc(d.collection(ref.Collection).docs[ref.ID])
		out[i].ID = ref.ID
	}
	return out, nil
}

// Commit implements vault.Docs.
func (d *Docs) Commit(ctx context.Context, writes ...vault.Write) error {
	_, err := d.commit(ctx, writes...)
	return err
}

// commit is Commit. It also returns the version of the last document that it wrote.
func (d *Docs) commit(ctx context.Context, writes ...vault.Write) (last vault.Version, err error) {
	writes = slices.Clone(writes)
	for i, w := range writes {
		if w.Fields == nil {
			continue
		}
		if writes[i].Fields, err = cloneFields(w.Fields); err != nil {
			return "", err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if ctx.Err() != nil {
		return "", contextError(ctx)
	}
	for _, w := range writes {
		if d.collection(w.Collection).docs[w.ID].Version != w.IfVersion || w.Fields == nil && w.IfVersion == "" {
			return "", fault.New(fault.Conflict, fault.NoText)
		}
	}
	for _, w := range writes {
		if c := d.collection(w.Collection); w.Fields == nil {
			c.remove(w.ID)
		} else {
			last = d.put(c, w.ID, w.Fields)
		}
	}
	return last, nil
}

// Range implements vault.Docs.
func (d *Docs) Range(ctx context.Context, name vault.Collection, r vault.Range) ([]vault.Doc, error) {
	return d.query(ctx, name, func(c *collection) (matches []vault.Doc) {
		for _, id := range c.ids {
			value, ok := c.docs[id].Fields[r.Field]
			if ok && (r.From == nil || compare(r.From, value) <= 0) && (r.To == nil || compare(value, r.To) <= 0) {
				matches = append(matches, c.docs[id])
			}
		}
		slices.SortStableFunc(matches, func(a, b vault.Doc) int {
			return compare(a.Fields[r.Field], b.Fields[r.Field])
		})
		if r.Descending {
			slices.Reverse(matches)
		}
		return matches[:min(r.Limit, len(matches))]
	})
}

// compare orders two values of one type. Values of different types never share a range, as in Firestore.
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

// collection returns a collection and creates it if needed. The caller holds d.mu.
func (d *Docs) collection(name vault.Collection) *collection {
	if d.collections == nil {
		d.collections = map[vault.Collection]*collection{}
	}
	if d.collections[name] == nil {
		d.collections[name] = &collection{docs: map[string]vault.Doc{}}
	}
	return d.collections[name]
}

func copyDoc(doc vault.Doc) vault.Doc {
	doc.Fields, _ = cloneFields(doc.Fields) // write checked the types
	return doc
}

// cloneFields returns a deep copy of fields. It rejects values that a database would not return unchanged.
func cloneFields(fields vault.Fields) (vault.Fields, error) {
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

func contextError(ctx context.Context) error {
	return &fault.Error{Op: "memory.Docs", Kind: fault.Unavailable, Err: ctx.Err()}
}
