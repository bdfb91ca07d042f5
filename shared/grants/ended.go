package grants

import (
	"context"
	"crypto/rand"
	"errors"
	"strconv"
	"time"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

// ClaimEndNotice returns true to exactly one of its callers, who then notifies the person that Google has ended their
// grant (ConsentError.Ended). If the store fails it also returns true, because two notifications are better than none.
func (gs *Grants) ClaimEndNotice(ctx context.Context, person resource.Person) bool {
	id := rand.Text()
	_, won, err := gs.change(ctx, person, func(g *vault.Grant) bool {
		pending := g.NeedsNotice && g.NoticeID == ""
		g.NeedsNotice, g.NoticeID = false, id
		return pending
	})
	if !won && err == nil {
		// Our own save may have succeeded although its response was lost.
		g, _, err := gs.loadGrant(ctx, person)
		return err == nil && g.NoticeID == id
	}
	return won || err != nil
}

// RecordAppRemoved records when a person removed the direct message with the app. If they do not use the grant for a
// week after that, the sweep ends it. Many removals in one day raise an alarm.
func (gs *Grants) RecordAppRemoved(ctx context.Context, person resource.Person, at time.Time) error {
	_, recorded, err := gs.change(ctx, person, func(g *vault.Grant) bool {
		before := g.RemovedAt
		g.RemovedAt = at
		return (g.Status == vault.Connected || g.Status == vault.Suspended) && before.IsZero()
	})
	if err == nil && recorded {
		var n int
		if n, err = gs.vault.CountRemovals(ctx, at, maxDailyRemovals+1); err == nil && n > maxDailyRemovals {
			gs.alarmOnce(ctx, "many people removed the app today; unused grants end in seven days", person,
				errors.New("more than "+strconv.Itoa(maxDailyRemovals)))
		}
	}
	return fault.Wrap("grants.RecordAppRemoved", err)
}

// RecordAppReturned undoes RecordAppRemoved: the app is in the person's direct messages again.
func (gs *Grants) RecordAppReturned(ctx context.Context, person resource.Person) error {
	_, _, err := gs.change(ctx, person, func(g *vault.Grant) bool {
		before := g.RemovedAt
		g.RemovedAt = time.Time{}
		return !before.IsZero()
	})
	return fault.Wrap("grants.RecordAppReturned", err)
}
