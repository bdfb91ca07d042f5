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
	actsGroup    = "acts" // collection group
	pageSize     = 100
)

func activityCollection(person resource.Person) Collection {
	return Collection("activity/" + sub(person) + "/" + actsGroup)
}

// Activity is one operation that a caller or an administrator ran as a person (collection
// activity/{sub}/acts; the IDs sort newest first). It expires after 30 days.
type Activity struct {
	Time           time.Time `json:"when"`
	Caller         string    `json:"caller"` // its display name
	Action         string    `json:"action"`
	Authority      Authority `json:"authority"`
	Resource       string    `json:"made"`             // resource name; may be empty
	OutcomeUnknown bool      `json:"unsure,omitempty"` // no response: the operation may have run
}

type sealedActivity struct {
	Activity
	Expires time.Time `json:"expires"`
}

// RecordActivity stores a, identified by id and a.Time. If it exists, only a known outcome replaces an unknown one.
func (v *Vault) RecordActivity(ctx context.Context, person resource.Person, id string, a Activity) error {
	acts := activityCollection(person)
	place := Ref{acts, fmt.Sprintf("%016x-%s", math.MaxInt64-a.Time.UnixMilli(), id)}
	expires := a.Time.UTC().Truncate(time.Microsecond).Add(activityLife)
	content, inClear := sealedActivity{a, expires}, Fields{expiresField: expires}
	_, err := v.save(ctx, place, "", content, inClear)
	if fault.KindOf(err) == fault.Conflict && !a.OutcomeUnknown {
		var stored sealedActivity
		var doc Doc
		doc, err = v.docs.Get(ctx, acts, place.ID)
		if err == nil && (v.open(acts, doc, &stored) != nil || stored.OutcomeUnknown) {
			_, err = v.save(ctx, place, doc.Version, content, inClear)
		}
	}
	if fault.KindOf(err) == fault.Conflict { // a adds nothing, or another call stored a known outcome
		return nil
	}
	return fault.Wrap("vault.RecordActivity", err)
}

// Activities returns up to limit activities, newest first. It skips records that do not open.
func (v *Vault) Activities(ctx context.Context, person resource.Person, limit int) ([]Activity, error) {
	var out []Activity
	after, collection := "", activityCollection(person)
	for limit > 0 {
		size := min(limit, pageSize)
		docs, err := v.docs.List(ctx, collection, after, size)
		if err != nil {
			return out, fault.Wrap("vault.Activities", err)
		}
		for _, doc := range docs {
			after = doc.ID
			var content sealedActivity
			if v.open(collection, doc, &content) == nil && v.now().Before(content.Expires) {
				out = append(out, content.Activity)
			}
		}
		if len(docs) < size {
			break
		}
		limit -= size
	}
	return out, nil
}

// EraseActivity removes all activity of a person.
func (v *Vault) EraseActivity(ctx context.Context, person resource.Person) error {
	acts := activityCollection(person)
	err := v.removeAll(ctx, acts, func() ([]Doc, error) { return v.docs.List(ctx, acts, "", pageSize) })
	return fault.Wrap("vault.EraseActivity", err)
}

// removeAll removes documents of a collection until next returns none or makes no progress.
func (v *Vault) removeAll(ctx context.Context, collection Collection, next func() ([]Doc, error)) error {
	var last Doc // first document of the previous page
	for {
		docs, err := next()
		if err != nil || len(docs) == 0 {
			return err
		}
		removed, err := v.remove(ctx, collection, docs)
		if err != nil || removed == 0 && docs[0].ID == last.ID && docs[0].Version == last.Version {
			return err // the same page again; a changed document would have a new version
		}
		last = docs[0]
	}
}

// remove removes the documents that are unchanged since they were read, and returns
// how many. It uses one commit; on a conflict it retries each half.
func (v *Vault) remove(ctx context.Context, collection Collection, docs []Doc) (removed int, err error) {
	writes := make([]Write, len(docs))
	for i, doc := range docs {
		writes[i] = Write{Ref: Ref{collection, doc.ID}, IfVersion: doc.Version}
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
