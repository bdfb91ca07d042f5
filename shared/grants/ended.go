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

// Tell is true for exactly one who tells a person that Google has ended their
// grant (Needs.Ended).
func (gs *Grants) Tell(ctx context.Context, person resource.Person) bool {
	me := rand.Text()
	_, mine, err := gs.change(ctx, person, func(g *vault.Grant) bool {
		untold := g.Untold && g.ToldBy == ""
		g.Untold, g.ToldBy = false, me
		return untold
	})
	if !mine && err == nil {
		// Our own save may have taken effect and lost its answer.
		g, _, err := gs.grantNow(ctx, person)
		return err == nil && g.ToldBy == me
	}
	return mine || err != nil // rather twice than never
}

// AppRemoved notes when a person removed the direct message with the app. Unused
// for a week after that, the grant is ended by the sweep. Many in one day raise
// an alarm on that day.
func (gs *Grants) AppRemoved(ctx context.Context, person resource.Person, at time.Time) error {
	_, noted, err := gs.change(ctx, person, func(g *vault.Grant) bool {
		was := g.Removed
		g.Removed = at
		return (g.Status == vault.Connected || g.Status == vault.Suspended) && was.IsZero()
	})
	if err == nil && noted {
		var n int
		if n, err = gs.vault.RemovedOn(ctx, at, manyRemovals+1); err == nil && n > manyRemovals {
			gs.alarmOnce(ctx, "many people removed the app today; their grants end in seven days if they do not use it again", person, errors.New("more than "+strconv.Itoa(manyRemovals)))
		}
	}
	return fault.Wrap("grants.AppRemoved", err)
}

// AppReturned takes AppRemoved back: the app is in the person's direct messages again.
func (gs *Grants) AppReturned(ctx context.Context, person resource.Person) error {
	_, _, err := gs.change(ctx, person, func(g *vault.Grant) bool {
		was := g.Removed
		g.Removed = time.Time{}
		return !was.IsZero()
	})
	return fault.Wrap("grants.AppReturned", err)
}
