package vault

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"sync/atomic"
	"time"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/seal"
)

// Vault stores sealed records on a Docs. It is safe for concurrent use.
type Vault struct {
	docs Docs
	keys *seal.Keys
	now  func() time.Time
	uses uses

	onOpenError atomic.Pointer[func(collection Collection, err error)]
}

// New returns a Vault on docs that seals records with keys. keys may be nil if no
// record is sealed or opened, as for MarkGrant and PeopleByToken.
func New(docs Docs, keys *seal.Keys, now func() time.Time) *Vault {
	return &Vault{docs: docs, keys: keys, now: MicrosecondClock(now)}
}

// MicrosecondClock returns now in UTC, truncated to the microsecond that every store keeps,
// so that a time compares equal when it is read back.
func MicrosecondClock(now func() time.Time) func() time.Time {
	return func() time.Time { return now().UTC().Truncate(time.Microsecond) }
}

// Ping reads from the store. It returns Unavailable if the store does not respond or the database does not exist.
func (v *Vault) Ping(ctx context.Context) error {
	_, err := v.docs.List(ctx, grants, "", 1)
	return fault.Wrap("vault.Ping", err)
}

// The fields of every record. All fields but sealedField are in the clear: they serve lookups and are not trusted.
const (
	sealedField  = "sealed"  // the whole record, sealed for its place
	expiresField = "expires" // a copy of the expiry, for the store's TTL
)

// errBrokenRecord reports a record that was not sealed for its place: it was planted, altered or moved.
var errBrokenRecord = &fault.Error{Kind: fault.Internal, Err: seal.ErrNotAuthentic}

func recordPlace(collection Collection, id string) seal.Place {
	return seal.Place{Purpose: "record", Collection: string(collection), Document: id, Field: sealedField}
}

// save stores content, sealed for its place, with the fields that stay in the clear. It replaces the
// version at of the record, or creates the record if at is empty, and returns the new version.
func (v *Vault) save(ctx context.Context, place Ref, at Version, content any, inClear Fields) (Version, error) {
	w, err := v.write(place, at, content, inClear)
	if err != nil {
		return "", err
	}
	return v.make(ctx, w)
}

// make makes one write.
func (v *Vault) make(ctx context.Context, w Write) (Version, error) {
	if w.IfVersion == "" {
		return v.docs.Create(ctx, w.Collection, w.ID, w.Fields)
	}
	return v.docs.Replace(ctx, w.Collection, w.ID, w.Fields, w.IfVersion)
}

// write returns the write of a record.
func (v *Vault) write(place Ref, at Version, content any, inClear Fields) (Write, error) {
	plain, err := json.Marshal(content)
	if err != nil {
		return Write{}, fault.Wrap("vault: "+string(place.Collection), err)
	}
	box, err := v.keys.Seal(plain, recordPlace(place.Collection, place.ID))
	if err != nil {
		return Write{}, fault.Wrap("vault: "+string(place.Collection), err)
	}
	fields := Fields{sealedField: box}
	maps.Copy(fields, inClear)
	return Write{place, fields, at}, nil
}

// load decodes a record into content and returns its document.
func (v *Vault) load(ctx context.Context, place Ref, content any) (Doc, error) {
	doc, err := v.docs.Get(ctx, place.Collection, place.ID)
	if err == nil {
		err = v.open(place.Collection, doc, content)
	}
	return doc, err
}

// OnOpenError sets a function that is called for every record that does not open.
func (v *Vault) OnOpenError(report func(collection Collection, err error)) {
	v.onOpenError.Store(&report)
}

// open decodes a record into content. The error wraps seal.ErrNotAuthentic if the record was not sealed for this place,
// and is Unavailable and wraps seal.ErrUnknownKey if its key is not loaded.
func (v *Vault) open(collection Collection, doc Doc, content any) error {
	plain, err := v.keys.Open(boxOf(doc.Fields), recordPlace(collection, doc.ID))
	if err == nil && json.Unmarshal(plain, content) != nil {
		err = errBrokenRecord
	}
	if err != nil {
		err = fmt.Errorf("vault: %s/%s: %w", collection, doc.ID, err)
		if report := v.onOpenError.Load(); report != nil {
			(*report)(collection, err)
		}
	}
	return err
}
