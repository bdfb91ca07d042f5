package vault

import (
	"context"
	"time"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
)

// Mark is one of three timestamps that a grant's record stores unencrypted, so that security events
// can be recorded without a key. A mark only moves forward and only restricts the grant.
type Mark string

// RevokedAt invalidates older tokens. SessionsEndedAt invalidates older, still open
// approval requests. RecheckAt requires a check with Google before the next use.
const (
	RevokedAt       Mark = "revokedAt"
	SessionsEndedAt Mark = "sessionsAt"
	RecheckAt       Mark = "askAt"
)

const (
	dueField   = "due"
	removedDay = "removedDay"
	saveTries  = 5 // attempts of an update after conflicts
)

// MarkGrant moves a mark of a person's grant forward to at, or to now if that is earlier, and makes the grant due for
// the sweep. It reports whether the mark moved; without a grant it did not. It needs no key.
func (v *Vault) MarkGrant(ctx context.Context, person resource.Person, mark Mark, at time.Time) (bool, error) {
	now := v.now()
	if at = at.UTC().Truncate(time.Microsecond); at.After(now) {
		at = now
	}
	return v.updateGrantFields(ctx, sub(person), func(f Fields) Fields {
		if !timeField(f, string(mark)).Before(at) {
			return nil
		}
		return Fields{string(mark): at, dueField: now}
	})
}

// PostponeSweep makes a grant due for the sweep at until, also if its record does not open.
func (v *Vault) PostponeSweep(ctx context.Context, person resource.Person, until time.Time) error {
	_, err := v.updateGrantFields(ctx, sub(person), func(Fields) Fields { return Fields{dueField: until} })
	return err
}

// updateGrantFields sets the clear fields of a grant's record that change returns,
// retrying on a conflict, and reports whether it did. nil means no change.
func (v *Vault) updateGrantFields(ctx context.Context, id string, change func(Fields) Fields) (bool, error) {
	for try := 1; ; try++ {
		doc, err := v.docs.Get(ctx, grants, id)
		if err != nil && fault.KindOf(err) == fault.NotFound {
			return false, nil
		}
		if err == nil {
			next := change(doc.Fields)
			if next == nil {
				return false, nil
			}
			err = v.docs.Update(ctx, grants, id, next, doc.Version)
		}
		if err == nil || fault.KindOf(err) != fault.Conflict || try == saveTries {
			return err == nil, fault.Wrap("vault.updateGrantFields", err)
		}
	}
}

// CountRemovals returns how many people removed the app on a day, at most limit.
func (v *Vault) CountRemovals(ctx context.Context, day time.Time, limit int) (int, error) {
	docs, err := v.findIndexed(ctx, grants, removedDay, day.UTC().Format(time.DateOnly), limit)
	return len(docs), fault.Wrap("vault.CountRemovals", err)
}
