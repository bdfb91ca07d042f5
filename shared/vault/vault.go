package vault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/seal"
)

// Vault keeps records on a Docs, sealed. It is safe for concurrent use.
type Vault struct {
	docs Docs
	keys *seal.Keys
	now  func() time.Time

	alarm atomic.Pointer[func(collection Collection, err error)]
}

// New is a Vault on docs whose records are sealed with keys. Without keys it can
// only move a grant's marks (MarkGrant, MarkToken), which need none.
func New(docs Docs, keys *seal.Keys, now func() time.Time) *Vault {
	return &Vault{docs: docs, keys: keys, now: Clock(now)}
}

// Clock is now to the microsecond, which is what every store keeps: a time that
// was stored compares equal to what was read.
func Clock(now func() time.Time) func() time.Time {
	return func() time.Time { return now().UTC().Truncate(time.Microsecond) }
}

// Reachable reports whether the store answers: Unavailable when it does not, or
// when there is no such database.
func (v *Vault) Reachable(ctx context.Context) error {
	_, err := v.docs.List(ctx, grants, "", 1)
	if err != nil && fault.KindOf(err) == fault.NotFound {
		err = &fault.Error{Kind: fault.Unavailable, Err: err}
	}
	return fault.Wrap("vault.Reachable", err)
}

// The fields that every record has. What else stands beside them in the clear
// is there to be found by, and is never believed.
const (
	sealedField  = "sealed"  // the record, sealed whole under its place
	expiresField = "expires" // a copy of its end, for the store's TTL
)

// errUnopened is a record that is not one of ours: planted, altered, or moved.
var errUnopened = &fault.Error{Kind: fault.Internal, Err: seal.ErrNotAuthentic}

func place(collection Collection, id string) seal.Place {
	return seal.Place{Purpose: "record", Collection: string(collection), Document: id, Field: sealedField}
}

// sealed are the fields of a record: its content sealed for its place, with
// clear ones beside.
func (v *Vault) sealed(collection Collection, id string, content any, clear Fields) (Fields, error) {
	plain, err := json.Marshal(content)
	if err != nil {
		return nil, fault.Wrap("vault: "+string(collection), err)
	}
	box, err := v.keys.Seal(plain, place(collection, id))
	if err != nil {
		return nil, fault.Wrap("vault: "+string(collection), err)
	}
	if clear == nil {
		clear = Fields{}
	}
	clear[sealedField] = box
	return clear, nil
}

// Alarm lets somebody be told of every record that does not open.
func (v *Vault) Alarm(told func(collection Collection, err error)) { v.alarm.Store(&told) }

// open reads a record's content. One that is not sealed for this place is an
// error around seal.ErrBroken; one sealed with a key that we lack is
// Unavailable around seal.ErrUnknownKey.
func (v *Vault) open(collection Collection, doc Doc, content any) error {
	plain, err := v.keys.Open(data(doc.Fields, sealedField), place(collection, doc.ID))
	if err == nil && json.Unmarshal(plain, content) != nil {
		err = errUnopened
	}
	if err != nil {
		if errors.Is(err, seal.ErrNotAuthentic) {
			err = errUnopened
		}
		err = fmt.Errorf("vault: %s/%s: %w", collection, doc.ID, err)
		if alarm := v.alarm.Load(); alarm != nil {
			(*alarm)(collection, err)
		}
		return err
	}
	return nil
}
