package vault

import (
	"context"
	"fmt"
	"math"
	"time"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
)

const (
	activityLife = 30 * 24 * time.Hour
	actsOf       = "acts"
	page         = 100
)

// activityOf is the collection of what was done as one person.
func activityOf(person resource.Person) Collection {
	return Collection("activity/" + sub(person) + "/" + actsOf)
}

// Activity is what a caller or an administrator did as a person (collection
// activity/{sub}/acts; the ids sort the newest first). It lives for 30 days.
type Activity struct {
	When      time.Time `json:"when"`
	Caller    string    `json:"caller"` // its name, as people know it
	Action    string    `json:"action"`
	Authority Authority `json:"authority"`
	Made      string    `json:"made"`             // resource name; may be empty
	Unsure    bool      `json:"unsure,omitempty"` // no answer came: it may have been done
}

type sealedActivity struct {
	Activity
	Expires time.Time `json:"expires"`
}

// NoteActivity stores it. id and When name the act: noted again, it stays as it
// is, but that what was not sure becomes so.
func (v *Vault) NoteActivity(ctx context.Context, person resource.Person, id string, a Activity) error {
	at, acts := fmt.Sprintf("%016x-%s", math.MaxInt64-a.When.UnixMilli(), id), activityOf(person)
	expires := a.When.UTC().Truncate(time.Microsecond).Add(activityLife)
	f, err := v.sealed(acts, at, sealedActivity{a, expires}, Fields{expiresField: expires})
	if err != nil {
		return err
	}
	_, err = v.docs.Create(ctx, acts, at, f)
	if err == nil || fault.KindOf(err) != fault.Conflict || a.Unsure {
		if a.Unsure && fault.KindOf(err) == fault.Conflict {
			err = nil
		}
		return fault.Wrap("vault.NoteActivity", err)
	}
	var there sealedActivity
	doc, err := v.docs.Get(ctx, acts, at)
	if err == nil && (v.open(acts, doc, &there) != nil || there.Unsure) {
		_, err = v.docs.Replace(ctx, acts, at, f, doc.Version)
	}
	if err != nil && fault.KindOf(err) == fault.Conflict { // another try was sure, too
		return nil
	}
	return fault.Wrap("vault.NoteActivity", err)
}

// Activities are the newest, up to limit. What does not open is left out.
func (v *Vault) Activities(ctx context.Context, person resource.Person, limit int) ([]Activity, error) {
	var out []Activity
	after, collection := "", activityOf(person)
	for limit > 0 {
		size := min(limit, page)
		docs, err := v.docs.List(ctx, collection, after, size)
		if err != nil {
			return out, fault.Wrap("vault.Activities", err)
		}
		for _, doc := range docs {
			after = doc.ID
			var read sealedActivity
			if v.open(collection, doc, &read) == nil && v.now().Before(read.Expires) {
				out = append(out, read.Activity)
			}
		}
		if len(docs) < size {
			break
		}
		limit -= size
	}
	return out, nil
}

// EraseActivity removes all of it.
func (v *Vault) EraseActivity(ctx context.Context, person resource.Person) error {
	acts := activityOf(person)
	err := v.clear(ctx, acts, func() ([]Doc, error) { return v.docs.List(ctx, acts, "", page) })
	return fault.Wrap("vault.EraseActivity", err)
}

// clear removes all documents that next gives of a collection, page by page.
func (v *Vault) clear(ctx context.Context, collection Collection, next func() ([]Doc, error)) error {
	var before Doc
	for {
		docs, err := next()
		if err != nil || len(docs) == 0 {
			return err
		}
		removed, err := v.remove(ctx, collection, docs)
		if err != nil || removed == 0 && docs[0].ID == before.ID && docs[0].Version == before.Version {
			return err // what has changed, the next page shows; this one came twice
		}
		before = docs[0]
	}
}

// remove removes documents that are as they were read, in one call if all are, and
// says how many. One that has changed or is gone is looked for by halves.
func (v *Vault) remove(ctx context.Context, collection Collection, docs []Doc) (removed int, err error) {
	writes := make([]Write, len(docs))
	for i, doc := range docs {
		writes[i] = Write{Ref: Ref{collection, doc.ID}, At: doc.Version}
	}
	switch err := v.docs.Commit(ctx, writes...); {
	case err == nil:
		return len(docs), nil
	case fault.KindOf(err) != fault.Conflict:
		return 0, err
	case len(docs) == 1:
		return 0, nil
	}
	half := len(docs) / 2
	if removed, err = v.remove(ctx, collection, docs[:half]); err != nil {
		return removed, err
	}
	rest, err := v.remove(ctx, collection, docs[half:])
	return removed + rest, err
}
