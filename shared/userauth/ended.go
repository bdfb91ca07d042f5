package userauth

import (
	"context"
	"time"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/vault"
)

// skew is how far Google's clock and ours may differ when an event is held
// against a consent.
const skew = time.Minute

// End ends a person's grant because Google says so: its tokens are erased,
// and the person is told once. at is when Google said it: a consent given
// since then stays. It tells whether there was anything to end.
func (a *Auth) End(ctx context.Context, person string, at time.Time) (bool, error) {
	_, ended, err := a.change(ctx, person, func(g *vault.Grant) bool {
		if g.Status != vault.Active || time.UnixMicro(g.Generation).After(at.Add(skew)) {
			return false
		}
		a.end(g)
		return true
	})
	return ended, fault.Wrap("userauth.End", err)
}

// Drop erases a person's access token, so that the next act has to ask Google
// whether the grant still stands. Other instances follow within a minute.
func (a *Auth) Drop(ctx context.Context, person string) (bool, error) {
	_, dropped, err := a.change(ctx, person, func(g *vault.Grant) bool {
		had := g.AccessToken != ""
		g.AccessToken = ""
		return had
	})
	return dropped, fault.Wrap("userauth.Drop", err)
}

// Erase removes all there is of a person whose account Google has deleted.
func (a *Auth) Erase(ctx context.Context, person string, at time.Time) (bool, error) {
	ended, err := a.End(ctx, person, at)
	if err != nil {
		return false, fault.Wrap("userauth.Erase", err)
	}
	g, ok, err := a.grantNow(ctx, person)
	if err != nil || ok {
		return ended, fault.Wrap("userauth.Erase", err) // ok: it has consented since
	}
	if _, err := a.Vault.WithdrawApprovals(ctx, person); err != nil || g.Person == "" {
		return ended, fault.Wrap("userauth.Erase", err)
	}
	err = a.Vault.DeleteGrant(ctx, g)
	if fault.KindOf(err) == fault.Conflict {
		err = nil // the account lives: it has just consented
	}
	return ended, fault.Wrap("userauth.Erase", err)
}

// Tell is true for exactly one who tells a person that Google has ended their
// grant (Needs.Ended).
func (a *Auth) Tell(ctx context.Context, person string) bool {
	_, mine, err := a.change(ctx, person, func(g *vault.Grant) bool {
		untold := g.Untold
		g.Untold = false
		return untold
	})
	return mine || err != nil // rather twice than never
}

// Remove notes when a person removed the direct message with the app. Unused
// for a week after that, the grant is ended by the sweep.
func (a *Auth) Remove(ctx context.Context, person string, at time.Time) error {
	_, _, err := a.change(ctx, person, func(g *vault.Grant) bool {
		was := g.Removed
		g.Removed = at
		return g.Status == vault.Active && was.IsZero()
	})
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
