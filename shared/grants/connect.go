package grants

import (
	"context"
	"errors"
	"slices"
	"time"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/vault"
)

// Consented is a consent of a person, as Google has just told it.
type Consented struct {
	Asked  []capability.Capability
	Tokens googleauth.Tokens
	Claims googleauth.Claims
	Via    string // the system that brought it; empty for a browser
	// Again tells that Google was made to ask anew, since it gave no refresh token.
	Again bool
}

// ErrNoRefresh says that Google gave no refresh token, and that none is held which
// gives what was asked for.
var ErrNoRefresh = errors.New("google sent no refresh token, and none is held for this")

// Connect stores the grant of who has consented over whatever is there. A refresh
// token is never replaced by nothing, and carried over only when it is this
// client's. What is not connected, or older than a security event, leaves nothing to
// the new grant: no token, no approval, no connection time.
func (gs *Grants) Connect(ctx context.Context, c Consented) (vault.Grant, error) {
	person, t := Person(c.Claims.Subject), c.Tokens
	for try := 1; ; try++ {
		g, ok, err := gs.grantNow(ctx, person)
		if err != nil {
			return g, err
		}
		if g.Status == vault.Disconnecting {
			// Its token is still to be revoked, which ends this sign-in's, too.
			_, err := gs.finishDisconnect(ctx, g)
			return g, errors.Join(errDisconnecting, err)
		}
		ok = ok && (!doubtful(g) || gs.fresh(g))
		kept := t.Refresh
		if kept.Empty() {
			if !ok || !c.Again && !holds(g, c.Asked, t.Scopes) {
				return g, ErrNoRefresh
			}
			kept = g.RefreshToken
		}
		now := gs.now()
		if !ok {
			declined := g.Declined
			g = g.Renewed()
			g.Connected, g.Declined = now, declined
		}
		g.Person, g.ClientID, g.Status, g.Generation, g.SignedIn = person, gs.deps.ClientID, vault.Connected, gs.next(g.Generation), now
		g.RefreshToken, g.AccessToken, g.AccessExpiry, g.Refreshed = kept, t.Access, now.Add(t.Life), now
		g.Scopes, g.Declined = t.Scopes, declined(g.Declined, c.Asked, t.Scopes)
		g.Untold, g.ToldBy, g.SignIn, g.Removed, g.Via = false, "", false, time.Time{}, c.Via
		g.RefreshDay, g.LastUsedDay = gs.today(), gs.today()
		if !t.Refresh.Empty() {
			g.RefreshUntil = gs.until(t.RefreshLife)
		}
		saved, err := gs.saveGrant(ctx, gs.known(g, c.Claims))
		if err == nil {
			gs.remember(person, saved, now)
			return saved, nil
		}
		if fault.KindOf(err) != fault.Conflict || try == tries {
			return g, err
		}
	}
}

// holds reports whether the refresh token of g gives what was asked for and
// allowed.
func holds(g vault.Grant, asked []capability.Capability, granted []string) bool {
	allowed := slices.DeleteFunc(slices.Clone(asked), func(c capability.Capability) bool { return !c.AllowedBy(granted) })
	return !g.SignIn && len(capability.Missing(allowed, g.Scopes)) == 0
}

var errDisconnecting = &fault.Error{Op: "grants.Connect", Kind: fault.Unavailable, Err: errors.New("a disconnect was under way")}

// until is when time-based access ends; the zero time if it does not.
func (gs *Grants) until(life time.Duration) time.Time {
	if life == 0 {
		return time.Time{}
	}
	return gs.now().Add(life)
}

// declined are the scopes ever asked for and not given so far.
func declined(before []string, asking []capability.Capability, granted []string) []string {
	asked := append(slices.Clone(before), capability.Scopes(asking...)...)
	slices.Sort(asked)
	return slices.DeleteFunc(slices.Compact(asked), func(s string) bool { return slices.Contains(granted, s) })
}
