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
	collections map[string]map[string]vault.Doc
}

// Get implements vault.Docs.
func (d *Docs) Get(ctx context.Context, collection, id string) (vault.Doc, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	doc, ok := d.collections[collection][id]
	switch {
	case ctx.Err() != nil:
		return vault.Doc{}, ended(ctx)
	case !ok:
		return vault.Doc{}, fault.New(fault.NotFound, "")
	}
	doc.Fields, _ = clone(doc.Fields) // was checked when it came in
	return doc, nil
}

// Create implements vault.Docs.
func (d *Docs) Create(ctx context.Context, collection, id string, fields vault.Fields) (vault.Version, error) {
	return d.write(ctx, collection, id, fields, "")
}

// Replace implements vault.Docs.
func (d *Docs) Replace(ctx context.Context, collection, id string, fields vault.Fields, at vault.Version) (vault.Version, error) {
	return d.write(ctx, collection, id, fields, at)
}

// write stores fields if the document is at that version ("": not there).
func (d *Docs) write(ctx context.Context, collection, id string, fields vault.Fields, at vault.Version) (vault.Version, error) {
	fields, err := clone(fields)
	if err != nil {
		return "", err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if ctx.Err() != nil {
		return "", ended(ctx)
	}
	if d.collections[collection][id].Version != at {
		return "", fault.New(fault.Conflict, "")
	}
	if d.collections == nil {
		d.collections = map[string]map[string]vault.Doc{}
	}
	if d.collections[collection] == nil {
		d.collections[collection] = map[string]vault.Doc{}
	}
	d.writes++
	version := vault.Version(strconv.FormatInt(d.writes, 10))
	d.collections[collection][id] = vault.Doc{ID: id, Fields: fields, Version: version}
	return version, nil
}

// Delete implements vault.Docs.
func (d *Docs) Delete(ctx context.Context, collection, id string, at vault.Version) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if ctx.Err() != nil {
		return ended(ctx)
	}
	if doc, ok := d.collections[collection][id]; !ok || doc.Version != at {
		return fault.New(fault.Conflict, "")
	}
	delete(d.collections[collection], id)
	return nil
}

// List implements vault.Docs.
func (d *Docs) List(ctx context.Context, collection, after string, limit int) ([]vault.Doc, error) {
	return d.choose(ctx, collection, limit, func(doc vault.Doc) bool { return doc.ID > after })
}

// Find implements vault.Docs.
func (d *Docs) Find(ctx context.Context, collection, field string, value any) ([]vault.Doc, error) {
	return d.choose(ctx, collection, -1, func(doc vault.Doc) bool {
		got, ok := doc.Fields[field]
		return ok && reflect.DeepEqual(got, value)
	})
}

func (d *Docs) choose(ctx context.Context, collection string, limit int, fits func(vault.Doc) bool) ([]vault.Doc, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if ctx.Err() != nil {
		return nil, ended(ctx)
	}
	var out []vault.Doc
	for _, id := range slices.Sorted(maps.Keys(d.collections[collection])) {
		if doc := d.collections[collection][id]; len(out) != limit && fits(doc) {
			doc.Fields, _ = clone(doc.Fields)
			out = append(out, doc)
		}
	}
	return out, nil
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
