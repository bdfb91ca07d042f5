package userauth

import (
	"context"
	"crypto/rand"
	"time"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/vault"
)

// skew is how far Google's clock and ours may differ when an event is held
// against a consent.
const skew = time.Minute

// Consequence is what an event of Google's did to a grant.
type Consequence string

// The consequences, as the log names them.
const (
	Unconcerned Consequence = "nothing to do"
	Doubted     Consequence = "the next act asks Google"
	Ended       Consequence = "ended"
	Dropped     Consequence = "access token dropped"
	Forgotten   Consequence = "erased"
)

// End ends a person's grant because Google says so: its tokens are erased,
// and the person is told once. at is when Google said it: a consent given
// since then stays. When the two are too close to tell, only the access token
// goes, so that the next act asks Google.
func (a *Auth) End(ctx context.Context, person string, at time.Time) (Consequence, error) {
	out := Unconcerned
	_, _, err := a.change(ctx, person, func(g *vault.Grant) bool {
		consented := time.UnixMicro(g.Generation)
		switch {
		case !alive(*g) || consented.After(at.Add(skew)):
			out = Unconcerned
			return false
		case consented.After(at):
			out = Doubted
			g.AccessToken = ""
		default:
			out = Ended
			a.end(g)
		}
		return true
	})
	if err == nil && out == Ended {
		a.ended(ctx, person, "a security event")
	}
	return out, fault.Wrap("userauth.End", err)
}

// alive tells that there is something to end. Of a grant that does not open
// nobody knows: it may come to life again with a mended keyset.
func alive(g vault.Grant) bool { return g.Status == vault.Active || g.Broken }

// EndToken ends the grants that hold a refresh token which Google calls
// revoked, and says how many.
func (a *Auth) EndToken(ctx context.Context, token vault.TokenMark) (int, error) {
	people, err := a.Vault.PeopleByToken(ctx, token)
	if err != nil {
		return 0, fault.Wrap("userauth.EndToken", err)
	}
	count := 0
	for _, person := range people {
		_, ended, err := a.change(ctx, person, func(g *vault.Grant) bool {
			if !alive(*g) || !g.Broken && !token.Of(g.RefreshToken) {
				return false // it has a newer one
			}
			a.end(g)
			return true
		})
		if err != nil {
			return count, fault.Wrap("userauth.EndToken", err)
		}
		if ended {
			count++
			a.ended(ctx, person, "a security event")
		}
	}
	return count, nil
}

// Drop erases a person's access token, so that the next act has to ask Google
// whether the grant still stands. Other instances follow within a minute.
func (a *Auth) Drop(ctx context.Context, person string) (Consequence, error) {
	_, dropped, err := a.change(ctx, person, func(g *vault.Grant) bool {
		had := g.AccessToken != ""
		g.AccessToken = ""
		return had
	})
	if !dropped {
		return Unconcerned, fault.Wrap("userauth.Drop", err)
	}
	return Dropped, nil
}

// Erase removes the grant and the approvals of a person whose account Google
// has deleted. What else there may be of them (a token still to be revoked)
// goes by itself within a week.
func (a *Auth) Erase(ctx context.Context, person string, at time.Time) (Consequence, error) {
	out, err := a.End(ctx, person, at)
	if err != nil {
		return out, fault.Wrap("userauth.Erase", err)
	}
	g, ok, err := a.grantNow(ctx, person)
	if err != nil || ok {
		return out, fault.Wrap("userauth.Erase", err) // ok: it has consented since
	}
	if _, err := a.Vault.WithdrawApprovals(ctx, person); err != nil || g.Person == "" {
		return out, fault.Wrap("userauth.Erase", err)
	}
	err = a.Vault.DeleteGrant(ctx, g)
	if fault.KindOf(err) == fault.Conflict {
		err = nil // the account lives: it has just consented
	}
	return Forgotten, fault.Wrap("userauth.Erase", err)
}

// Tell is true for exactly one who tells a person that Google has ended their
// grant (Needs.Ended).
func (a *Auth) Tell(ctx context.Context, person string) bool {
	me := rand.Text()
	_, mine, err := a.change(ctx, person, func(g *vault.Grant) bool {
		untold := g.Untold
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
