package vault

import (
	"context"
	"time"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
)

// Mark is one of the three times in a grant's record that stand in the clear, so
// that security events can be noted without any key. Each only ever moves
// forward, and can only take something away.
type Mark string

// The marks. RevokedAt: tokens that are older are not used any more. SessionsAt:
// agents' sessions and open questions that are older are over. AskAt: Google is
// asked before the next use.
const (
	RevokedAt  Mark = "revokedAt"
	SessionsAt Mark = "sessionsAt"
	AskAt      Mark = "askAt"
)

const (
	dueField   = "due"
	removedDay = "removedDay"
	saveTries  = 5 // of a change that another one came before
)

// MarkGrant moves a mark of a person's grant forward to a time, but not past our
// clock, and makes the sweep look at the grant. It reports whether the mark has
// moved; without a grant it has not. No key is needed.
func (v *Vault) MarkGrant(ctx context.Context, person resource.Person, mark Mark, at time.Time) (moved bool, err error) {
	now := v.now()
	if at = at.UTC().Truncate(time.Microsecond); at.After(now) {
		at = now
	}
	return v.touch(ctx, sub(person), func(f Fields) Fields {
		if !moment(f, string(mark)).Before(at) {
			return nil
		}
		return Fields{string(mark): at, dueField: now}
	})
}

// Postpone makes the sweep look at a grant not before a time. It works on a
// record that does not open.
func (v *Vault) Postpone(ctx context.Context, person resource.Person, until time.Time) error {
	_, err := v.touch(ctx, sub(person), func(Fields) Fields { return Fields{dueField: until} })
	return err
}

// touch changes some of the clear fields of a grant's record, and nothing else of
// it: those that change gives; none: there is nothing to change.
func (v *Vault) touch(ctx context.Context, id string, change func(Fields) Fields) (bool, error) {
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
			return err == nil, fault.Wrap("vault.touch", err)
		}
	}
}

// RemovedOn counts the people who removed the app on a day, up to limit.
func (v *Vault) RemovedOn(ctx context.Context, day time.Time, limit int) (int, error) {
	docs, err := v.matching(ctx, grants, removedDay, day.UTC().Format(time.DateOnly), limit)
	return len(docs), fault.Wrap("vault.RemovedOn", err)
}
