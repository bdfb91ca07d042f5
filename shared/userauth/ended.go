package userauth

import (
	"context"
	"crypto/rand"
	"errors"
	"strconv"
	"time"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/vault"
)

// Tell is true for exactly one who tells a person that Google has ended their
// grant (Needs.Ended).
func (a *Auth) Tell(ctx context.Context, person string) bool {
	me := rand.Text()
	_, mine, err := a.change(ctx, person, func(g *vault.Grant) bool {
		untold := g.Untold && g.ToldBy == ""
		g.Untold, g.ToldBy = false, me
		return untold
	})
	if !mine && err == nil {
		// Our own save may have taken effect and lost its answer.
		g, _, err := a.grantNow(ctx, person)
		return err == nil && g.ToldBy == me
	}
	return mine || err != nil // rather twice than never
}

// Remove notes when a person removed the direct message with the app. Unused
// for a week after that, the grant is ended by the sweep. Many in one day raise
// an alarm on that day.
func (a *Auth) Remove(ctx context.Context, person string, at time.Time) error {
	_, noted, err := a.change(ctx, person, func(g *vault.Grant) bool {
		was := g.Removed
		g.Removed = at
		return (g.Status == vault.Connected || g.Status == vault.Suspended) && was.IsZero()
	})
	if err == nil && noted {
		var n int
		if n, err = a.Vault.RemovedOn(ctx, at, manyRemovals+1); err == nil && n > manyRemovals {
			a.alarmOnce(ctx, "many people removed the app today; their grants end in seven days if they do not use it again", person, errors.New("more than "+strconv.Itoa(manyRemovals)))
		}
	}
	return fault.Wrap("userauth.Remove", err)
}

// Return takes Remove back: the app is in the person's direct messages again.
func (a *Auth) Return(ctx context.Context, person string) error {
	_, _, err := a.change(ctx, person, func(g *vault.Grant) bool {
		was := g.Removed
		g.Removed = time.Time{}
		return !was.IsZero()
	})
	return fault.Wrap("userauth.Return", err)
}
