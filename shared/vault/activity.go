package vault

import (
	"context"
	"fmt"
	"slices"
	"time"

	"example.com/deputy/shared/fault"
)

const activityLife = 30 * 24 * time.Hour

// maxDay is later than any day: newer ones count down from it.
const maxDay = 999_999

// activityOf is the collection of what was done as one person.
func activityOf(person string) string { return "activity/" + sub(person) + "/acts" }

// Activity is what a caller or an administrator did as a person (collection
// activity/{sub}/acts; the ids sort the newest days first). It lives for 30
// days.
type Activity struct {
	When      time.Time `json:"when"`
	Caller    string    `json:"caller"` // its name, as people know it
	Operation string    `json:"operation"`
	Authority string    `json:"authority"`
	Made      string    `json:"made"` // resource name; may be empty
}

// NoteActivity stores it. id names the act: noted again on the same day, it
// stays as it is.
func (v *Vault) NoteActivity(ctx context.Context, person, id string, a Activity) error {
	_, err := v.docs.Create(ctx, activityOf(person), fmt.Sprintf("%06d-%s", maxDay-a.When.Unix()/86_400, id), Fields{
		"when": a.When, "caller": a.Caller, "operation": a.Operation, "authority": a.Authority, "made": a.Made, "expires": a.When.Add(activityLife),
	})
	if fault.KindOf(err) == fault.Conflict {
		return nil
	}
	return fault.Wrap("vault.NoteActivity", err)
}

// Activities are the newest first; of more than limit, those of the newest
// days.
func (v *Vault) Activities(ctx context.Context, person string, limit int) ([]Activity, error) {
	docs, err := v.docs.List(ctx, activityOf(person), "", limit)
	if err != nil {
		return nil, fault.Wrap("vault.Activities", err)
	}
	var out []Activity
	for _, doc := range docs {
		f := doc.Fields
		if v.now().Before(moment(f, "expires")) {
			out = append(out, Activity{moment(f, "when"), text(f, "caller"), text(f, "operation"), text(f, "authority"), text(f, "made")})
		}
	}
	slices.SortStableFunc(out, func(a, b Activity) int { return b.When.Compare(a.When) })
	return out, nil
}

// EraseActivity removes all of it.
func (v *Vault) EraseActivity(ctx context.Context, person string) error {
	_, err := v.clear(ctx, activityOf(person))
	return fault.Wrap("vault.EraseActivity", err)
}
