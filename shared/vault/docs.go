// Package vault stores Deputy's records, such as grants, pending consents, operations and tokens to be revoked. It
// seals each record for its place and checks expiry, on top of Docs, the only interface it needs from a database.
//
// Package grants decides when a grant may be used and when it ends. vault/memory and vault/firestore implement Docs.
package vault

import "context"

// Docs is a store of small documents. Implementations pass the contract test in
// internal/vaulttest. Its methods are safe for concurrent use and return when ctx is done.
// A write that may have been made without an answer is Unavailable, never a Conflict with itself.
type Docs interface {
	// Get returns a document, or NotFound.
	Get(ctx context.Context, collection Collection, id string) (Doc, error)
	// Create stores a new document. It returns Conflict if the ID exists.
	Create(ctx context.Context, collection Collection, id string, fields Fields) (Version, error)
	// Replace replaces all fields. It returns Conflict if the document is not at the given version or does not exist.
	Replace(ctx context.Context, collection Collection, id string, fields Fields, at Version) (Version, error)
	// Update sets only the given fields. It returns Conflict as Replace does.
	Update(ctx context.Context, collection Collection, id string, fields Fields, at Version) error
	// Delete removes a document. It returns Conflict as Replace does.
	Delete(ctx context.Context, collection Collection, id string, at Version) error
	// List returns up to limit documents in order of ID, starting after the ID
	// after, or at the first if after is empty.
	List(ctx context.Context, collection Collection, after string, limit int) ([]Doc, error)
	// Find returns up to limit documents whose field equals value, of a type as in Range, in order of ID.
	Find(ctx context.Context, collection Collection, field string, value any, limit int) ([]Doc, error)
	// GetAll reads a consistent snapshot of documents in one call, in the order of
	// refs. A missing document has an empty version.
	GetAll(ctx context.Context, refs ...Ref) ([]Doc, error)
	// Commit makes all writes or none, in one call. It returns Conflict if any
	// precondition fails. Each document may appear once.
	Commit(ctx context.Context, writes ...Write) error
	// Range returns the documents whose field is in the range, ordered by the field.
	Range(ctx context.Context, collection Collection, r Range) ([]Doc, error)
}

// Collection names a collection. A subcollection is named {collection}/{id}/{name}.
type Collection string

// Ref names a document.
type Ref struct {
	Collection Collection
	ID         string
}

// Write is one write of a Commit. Without a version it creates the document, which must not exist. With a version,
// which the document must have, it replaces all fields or deletes the document.
type Write struct {
	Ref
	Fields    Fields // nil to delete
	IfVersion Version
}

// Range selects part of a collection. Documents without the field are not in it.
type Range struct {
	Field string
	// From and To are inclusive bounds, nil for none. Both have the same type: time.Time, int64 or string.
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

// Fields holds a document's values: string, int64, bool, []byte, []string or time.Time (stored to the microsecond).
type Fields map[string]any

// Version identifies one state of one document. Only the Docs that returned it can interpret it.
type Version string
