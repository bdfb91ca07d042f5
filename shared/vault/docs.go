// Package vault keeps Deputy's records: grants, consents in flight, operations,
// and tokens still to be revoked. Each record is sealed whole under its place;
// sealing and expiry live here, once, above Docs, which is all it needs of a
// database.
//
// It does not decide when a record may be used or must end: grants does.
// vault/memory and vault/firestore implement Docs.
package vault

import (
	"context"
)

// Docs is a store of small documents. Its implementations pass the contract
// test in internal/vaulttest. All methods are safe for concurrent use and end
// when their context does.
type Docs interface {
	// Get reads a document; NotFound when there is none.
	Get(ctx context.Context, collection Collection, id string) (Doc, error)
	// Create stores a new document; Conflict when the id is taken.
	Create(ctx context.Context, collection Collection, id string, fields Fields) (Version, error)
	// Replace stores all fields anew; Conflict when the document is no longer
	// at that version, or gone.
	Replace(ctx context.Context, collection Collection, id string, fields Fields, at Version) (Version, error)
	// Update stores these fields, and leaves the others as they are; Conflict as
	// in Replace.
	Update(ctx context.Context, collection Collection, id string, fields Fields, at Version) error
	// Delete removes the document; Conflict when it is no longer at that
	// version, or gone.
	Delete(ctx context.Context, collection Collection, id string, at Version) error
	// List gives up to limit documents in the order of their ids, beginning
	// after the id after ("" for the first).
	List(ctx context.Context, collection Collection, after string, limit int) ([]Doc, error)
	// Find gives up to limit documents whose field has exactly this value, in
	// the order of their ids.
	Find(ctx context.Context, collection Collection, field string, value any, limit int) ([]Doc, error)
	// GetAll reads documents in one call, as they are at one moment, in the order
	// they are asked for. One that is not there has no version.
	GetAll(ctx context.Context, all ...Ref) ([]Doc, error)
	// Commit makes all of the writes in one call, or none: Conflict when what one of
	// them demands does not hold. It takes each document once.
	Commit(ctx context.Context, writes ...Write) error
	// Range gives the documents whose field is in a range, ordered by it.
	Range(ctx context.Context, collection Collection, r Range) ([]Doc, error)
}

// Collection names a collection; below a document it is {collection}/{id}/{name}.
type Collection string

// Ref names a document.
type Ref struct {
	Collection Collection
	ID         string
}

// Write is one of a Commit. Without a version it creates the document, which must
// not be there; with one it replaces all fields of the document, which must be at
// that version, or deletes it.
type Write struct {
	Ref
	Fields Fields // nil to delete
	At     Version
}

// Range is a part of a collection. Documents without the field are not in it.
type Range struct {
	Field string
	// From and To are its ends, which belong to it: time.Time, int64 or string, both
	// of one type; nil for none.
	From, To   any
	Descending bool
	Limit      int
}

// Doc is a stored document.
type Doc struct {
	ID      string
	Fields  Fields
	Version Version
}

// Fields are a document's values: string, int64, bool, []byte, []string or
// time.Time (kept to the microsecond).
type Fields map[string]any

// Version names one state of one document. Only the Docs that gave it can
// read it.
type Version string
