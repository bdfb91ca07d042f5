package vault

import (
	"context"
	"fmt"
	"math"
	"time"

	"example.com/deputy/shared/fault"
)

const (
	activityLife = 30 * 24 * time.Hour
	actsOf       = "acts"
)

// activityOf is the collection of what was done as one person.
func activityOf(person string) string { return "activity/" + sub(person) + "/" + actsOf }

// Activity is what a caller or an administrator did as a person (collection
// activity/{sub}/acts; the ids sort the newest first). It lives for 30 days.
type Activity struct {
	When      time.Time `json:"when"`
	Caller    string    `json:"caller"` // its name, as people know it
	Operation string    `json:"operation"`
	Authority string    `json:"authority"`
	Made      string    `json:"made"`             // resource name; may be empty
	Unsure    bool      `json:"unsure,omitempty"` // no answer came: it may have been done
}

// NoteActivity stores it. id and When name the act: noted again, it stays as it
// is, but that what was not sure becomes so.
func (v *Vault) NoteActivity(ctx context.Context, person, id string, a Activity) error {
	at, acts := fmt.Sprintf("%016x-%s", math.MaxInt64-a.When.UnixMilli(), id), activityOf(person)
	_, err := v.docs.Create(ctx, acts, at, a.fields())
	if err == nil || fault.KindOf(err) != fault.Conflict {
		return fault.Wrap("vault.NoteActivity", err)
	}
	if a.Unsure {
		return nil
	}
	there, err := v.docs.Get(ctx, acts, at)
	if err == nil && flag(there.Fields, "unsure") {
		_, err = v.docs.Replace(ctx, acts, at, a.fields(), there.Version)
	}
	if err != nil && fault.KindOf(err) == fault.Conflict { // another try was sure, too
		return nil
	}
	return fault.Wrap("vault.NoteActivity", err)
}

func (a Activity) fields() Fields {
	return Fields{
		"when": a.When, "caller": a.Caller, "operation": a.Operation, "authority": a.Authority, "made": a.Made, "unsure": a.Unsure, "expires": a.When.Add(activityLife),
	}
}

// Activities are the newest, up to limit.
func (v *Vault) Activities(ctx context.Context, person string, limit int) ([]Activity, error) {
	var out []Activity
	err := v.pages(ctx, activityOf(person), limit, func(doc Doc) {
		f := doc.Fields
		if v.now().Before(moment(f, "expires")) {
			out = append(out, Activity{moment(f, "when"), text(f, "caller"), text(f, "operation"), text(f, "authority"), text(f, "made"), flag(f, "unsure")})
		}
	})
	return out, fault.Wrap("vault.Activities", err)
}

// pages reads a collection page by page, up to limit documents.
func (v *Vault) pages(ctx context.Context, collection string, limit int, read func(Doc)) error {
	after := ""
	for limit > 0 {
		size := min(limit, page)
		docs, err := v.docs.List(ctx, collection, after, size)
		if err != nil {
			return err
		}
		for _, doc := range docs {
			read(doc)
			after = doc.ID
		}
		if len(docs) < size {
			return nil
		}
		limit -= size
	}
	return nil
}

// EraseActivity removes all of it.
func (v *Vault) EraseActivity(ctx context.Context, person string) error {
	_, err := v.clear(ctx, activityOf(person))
	return fault.Wrap("vault.EraseActivity", err)
}
