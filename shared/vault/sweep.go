package vault

import (
	"context"
	"slices"
	"time"

	"example.com/deputy/shared/fault"
)

// ExpiringCollections lists the collections whose records only need removal when they expire.
var ExpiringCollections = []string{pendingConsents, operations}

// TTLCollectionGroups returns the collection groups with a Firestore TTL policy on the
// field expires. deploy/infra.sh has the same list.
func TTLCollectionGroups() []string { return append(slices.Clone(ExpiringCollections), actsGroup) }

// RemoveExpired reads up to limit records of a collection, starting after the ID
// after, and removes the expired ones. last is the next after, or "" at the end.
func (v *Vault) RemoveExpired(
	ctx context.Context, collection Collection, after string, limit int,
) (removed int, last string, err error) {
	docs, err := v.docs.List(ctx, collection, after, limit)
	if err != nil {
		return 0, after, fault.Wrap("vault.RemoveExpired", err)
	}
	var expired []Doc
	for _, doc := range docs {
		if expires := timeField(doc.Fields, expiresField); !expires.IsZero() && !v.now().Before(expires) {
			expired = append(expired, doc)
		}
	}
	if len(expired) > 0 {
		if removed, err = v.remove(ctx, collection, expired); err != nil {
			return removed, after, fault.Wrap("vault.RemoveExpired", err)
		}
	}
	if len(docs) == limit {
		last = docs[limit-1].ID
	}
	return removed, last, nil
}

// ResealCollections lists the collections that Reseal must cover: their records outlive the 30 days after which an old
// key is disabled. SaveGrant reseals grants instead, because their lookup codes change, too.
var ResealCollections = []string{revocations, templates, sequences, sweep}

// Reseal seals up to limit records of a collection with the current key, starting
// after the ID after. last is the next after, or "" at the end.
func (v *Vault) Reseal(
	ctx context.Context, collection Collection, after string, limit int,
) (r ResealCounts, last string, err error) {
	docs, err := v.docs.List(ctx, collection, after, limit)
	if err != nil {
		return r, after, fault.Wrap("vault.Reseal", err)
	}
	for _, doc := range docs {
		r.Seen++
		box := boxOf(doc.Fields)
		if v.keys.SealedByPrimary(box) {
			continue
		}
		plain, err := v.keys.Open(box, recordPlace(collection, doc.ID))
		if err != nil {
			r.Unopened++
			continue
		}
		if doc.Fields[sealedField], err = v.keys.Seal(plain, recordPlace(collection, doc.ID)); err == nil {
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

// ResealCounts counts the records that Reseal processed.
type ResealCounts struct {
	Seen     int `json:"seen"`
	Resealed int `json:"resealed"` // from another key to the current one
	Unopened int `json:"unopened"` // that no loaded key opens; left unchanged
	Changed  int `json:"changed"`  // concurrently by another writer; left unchanged
}

// Add adds the counts of other to r.
func (r *ResealCounts) Add(other ResealCounts) {
	r.Seen, r.Resealed = r.Seen+other.Seen, r.Resealed+other.Resealed
	r.Unopened, r.Changed = r.Unopened+other.Unopened, r.Changed+other.Changed
}

// Cursor is the position of the sweep (record sweep/cursor).
type Cursor struct {
	Stage    string    `json:"stage"`    // current stage; empty between two sweeps
	After    string    `json:"after"`    // last processed ID
	Finished time.Time `json:"finished"` // when the last sweep finished
	Keys     [2]int64  `json:"keys"`     // that every record uses; different current keys require resealing

	version Version
}

const sweep = "sweep"

var cursorPlace = Ref{sweep, "cursor"}

// Cursor returns the sweep's position, zero before the first sweep. If the record
// does not open it is also zero, because restarting a sweep is harmless.
func (v *Vault) Cursor(ctx context.Context) (Cursor, error) {
	doc, err := v.docs.Get(ctx, sweep, cursorPlace.ID)
	var c Cursor
	if err == nil && v.open(sweep, doc, &c) != nil {
		c = Cursor{}
	}
	if fault.KindOf(err) == fault.NotFound {
		err = nil
	}
	c.version = doc.Version
	return c, fault.Wrap("vault.Cursor", err)
}

// SaveCursor stores c. It returns Conflict if another sweep has changed it since.
func (v *Vault) SaveCursor(ctx context.Context, c Cursor) (_ Cursor, err error) {
	c.version, err = v.save(ctx, cursorPlace, c.version, c, nil)
	return c, fault.Wrap("vault.SaveCursor", err)
}
