package vault

import (
	"context"
	"slices"
	"time"

	"example.com/deputy/shared/fault"
)

// Expiring are the collections whose records have an end and nothing to be
// done at it.
var Expiring = []string{pendingConsents, seenEvents, replies}

// ForgottenByTTL are the collection groups of which Firestore itself removes
// what has expired (field expires), besides the sweep; deploy.sh has the same.
func ForgottenByTTL() []string { return append(slices.Clone(Expiring), actsOf) }

// RemoveExpired looks at up to limit records of a collection, beginning behind
// the id after, and removes those that have expired, until it is late. last is
// where to go on, "" at the end.
func (v *Vault) RemoveExpired(ctx context.Context, collection, after string, limit int, late func() bool) (removed int, last string, err error) {
	docs, err := v.docs.List(ctx, collection, after, limit)
	if err != nil {
		return 0, after, fault.Wrap("vault.RemoveExpired", err)
	}
	for i, doc := range docs {
		if i > 0 && late() {
			return removed, docs[i-1].ID, nil
		}
		if expires := moment(doc.Fields, "expires"); expires.IsZero() || v.now().Before(expires) {
			continue
		}
		err := v.docs.Delete(ctx, collection, doc.ID, doc.Version)
		if fault.KindOf(err) == fault.Conflict {
			continue // somebody else is at it
		}
		if err != nil {
			return removed, after, fault.Wrap("vault.RemoveExpired", err)
		}
		removed++
	}
	if len(docs) == limit {
		last = docs[limit-1].ID
	}
	return removed, last, nil
}

// Cursor is how far the sweep has come (record sweep/cursor).
type Cursor struct {
	Stage    string    // what is being swept; empty between two sweeps
	After    string    // the last id that was
	Finished time.Time // when the last sweep came to its end

	version Version
}

const (
	sweep    = "sweep"
	cursorID = "cursor"
)

// Cursor reads it; before the first sweep it is zero.
func (v *Vault) Cursor(ctx context.Context) (Cursor, error) {
	doc, err := v.docs.Get(ctx, sweep, cursorID)
	if fault.KindOf(err) == fault.NotFound {
		return Cursor{}, nil
	}
	return Cursor{Stage: text(doc.Fields, "stage"), After: text(doc.Fields, "after"), Finished: moment(doc.Fields, "finished"), version: doc.Version}, fault.Wrap("vault.Cursor", err)
}

// SaveCursor stores it; Conflict when another sweep has stored its own since
// it was read.
func (v *Vault) SaveCursor(ctx context.Context, c Cursor) (Cursor, error) {
	f := Fields{"stage": c.Stage, "after": c.After, "finished": c.Finished}
	var err error
	if c.version == "" {
		c.version, err = v.docs.Create(ctx, sweep, cursorID, f)
	} else {
		c.version, err = v.docs.Replace(ctx, sweep, cursorID, f, c.version)
	}
	return c, fault.Wrap("vault.SaveCursor", err)
}
