package vault

import (
	"context"
	"slices"
	"time"

	"example.com/deputy/shared/fault"
)

// Expiring are the collections whose records have an end and nothing to be
// done at it.
var Expiring = []string{pendingConsents, operations}

// ForgottenByTTL are the collection groups of which Firestore itself removes
// what has expired (field expires), besides the sweep; deploy.sh has the same.
func ForgottenByTTL() []string { return append(slices.Clone(Expiring), actsOf) }

// RemoveExpired looks at up to limit records of a collection, beginning behind
// the id after, and removes those that have expired. last is where to go on, "" at the
// end.
func (v *Vault) RemoveExpired(ctx context.Context, collection Collection, after string, limit int) (removed int, last string, err error) {
	docs, err := v.docs.List(ctx, collection, after, limit)
	if err != nil {
		return 0, after, fault.Wrap("vault.RemoveExpired", err)
	}
	var expired []Doc
	for _, doc := range docs {
		if expires := moment(doc.Fields, expiresField); !expires.IsZero() && !v.now().Before(expires) {
			expired = append(expired, doc)
		}
	}
	if len(expired) > 0 {
		if removed, err = v.remove(ctx, collection, expired); err != nil { // what another sweep has changed stays
			return removed, after, fault.Wrap("vault.RemoveExpired", err)
		}
	}
	if len(docs) == limit {
		last = docs[limit-1].ID
	}
	return removed, last, nil
}

// Resealing are the collections whose records live longer than the 30 days after
// which an old key is disabled. Grants are resealed by themselves: they are found
// by codes, too.
var Resealing = []string{revocations, templates, sequences, sweep}

// Reseal seals up to limit records of a collection with the key in use,
// beginning after the id after. last is where to go on, "" at the end.
func (v *Vault) Reseal(ctx context.Context, collection Collection, after string, limit int) (r Resealed, last string, err error) {
	docs, err := v.docs.List(ctx, collection, after, limit)
	if err != nil {
		return r, after, fault.Wrap("vault.Reseal", err)
	}
	for _, doc := range docs {
		r.Seen++
		box := data(doc.Fields, sealedField)
		if v.keys.SealedByPrimary(box) {
			continue
		}
		plain, err := v.keys.Open(box, place(collection, doc.ID))
		if err != nil {
			r.Unopened++
			continue
		}
		if doc.Fields[sealedField], err = v.keys.Seal(plain, place(collection, doc.ID)); err == nil {
			_, err = v.docs.Replace(ctx, collection, doc.ID, doc.Fields, doc.Version)
		}
		switch {
		case err == nil:
			r.Resealed++
		case fault.KindOf(err) == fault.Conflict:
			r.Changed++
		default:
			return r, after, fault.Wrap("vault.Reseal", err)
		}
	}
	if len(docs) == limit {
		last = docs[limit-1].ID
	}
	return r, last, nil
}

// Resealed counts what resealing did.
type Resealed struct {
	Seen     int `json:"seen"`
	Resealed int `json:"resealed"` // that were sealed or coded with other keys
	Unopened int `json:"unopened"` // with the keys there are: they stay as they were
	Changed  int `json:"changed"`  // by somebody else at the same moment
}

// Add adds what another page did.
func (r *Resealed) Add(other Resealed) {
	r.Seen, r.Resealed, r.Unopened, r.Changed = r.Seen+other.Seen, r.Resealed+other.Resealed, r.Unopened+other.Unopened, r.Changed+other.Changed
}

// Cursor is how far the sweep has come (record sweep/cursor).
type Cursor struct {
	Stage    string    `json:"stage"`    // what is being swept; empty between two sweeps
	After    string    `json:"after"`    // the last id that was
	Finished time.Time `json:"finished"` // when the last sweep came to its end
	Keys     [2]int64  `json:"keys"`     // with which everything is sealed and coded; another pair means resealing

	version Version
}

const (
	sweep    = "sweep"
	cursorID = "cursor"
)

// Cursor reads it; before the first sweep it is zero. One that does not open is
// zero, too: a sweep that begins anew does no harm.
func (v *Vault) Cursor(ctx context.Context) (Cursor, error) {
	doc, err := v.docs.Get(ctx, sweep, cursorID)
	if err != nil {
		if fault.KindOf(err) == fault.NotFound {
			err = nil
		}
		return Cursor{}, fault.Wrap("vault.Cursor", err)
	}
	var c Cursor
	if v.open(sweep, doc, &c) != nil {
		c = Cursor{}
	}
	c.version = doc.Version
	return c, nil
}

// SaveCursor stores it; Conflict when another sweep has stored its own since
// it was read.
func (v *Vault) SaveCursor(ctx context.Context, c Cursor) (Cursor, error) {
	f, err := v.sealed(sweep, cursorID, c, nil)
	switch {
	case err != nil:
	case c.version == "":
		c.version, err = v.docs.Create(ctx, sweep, cursorID, f)
	default:
		c.version, err = v.docs.Replace(ctx, sweep, cursorID, f, c.version)
	}
	return c, fault.Wrap("vault.SaveCursor", err)
}
