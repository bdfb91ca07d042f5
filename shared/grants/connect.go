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

// Consent is a consent that Google has just returned.
type Consent struct {
	Requested  []capability.Capability
	Tokens     googleauth.Tokens
	Claims     googleauth.Claims
	Via        string // the system that submitted the consent; empty for a browser
	Reprompted bool   // Google asked for consent twice, because the first time gave no refresh token
	// ReadSince is when Prefetch began to read the grant; zero without a Prefetch.
	ReadSince time.Time
	// With returns what is stored together with the grant; nil for nothing.
	With func(vault.Grant) ([]vault.Write, error)
}

// ErrNoRefreshToken means that Google sent no refresh token, and that no stored one covers the request.
var ErrNoRefreshToken = errors.New("google sent no refresh token, and no stored one covers the requested scopes")

// Connect stores the grant of the person who has consented, replacing any older one. If Google sent no refresh
// token, it keeps the stored one, provided that this client may use it. A grant that is not connected, or that
// a security event has ended, passes nothing on: no token, no approval, no connection time.
func (gs *Grants) Connect(ctx context.Context, c Consent) (vault.Grant, error) {
	person, t := Person(c.Claims.Subject), c.Tokens
	for attempt := 1; ; attempt++ {
		since := c.ReadSince
		if since.IsZero() || attempt > 1 {
			since = gs.now().Add(time.Hour) // read again
		}
		g, usable, err := gs.recentGrant(ctx, person, since)
		if err != nil {
			return g, err
		}
		if g.Status == vault.Disconnecting {
			// Revoking the old token also ends the new sign-in at Google.
			_, err := gs.finishDisconnect(ctx, g)
			return g, errors.Join(errDisconnecting, err)
		}
		usable = usable && (!isDoubtful(g) || gs.isFresh(g))
		refreshToken := t.Refresh
		if refreshToken.Empty() {
			if !usable || !c.Reprompted && !covers(g, c.Requested, t.Scopes) {
				return g, ErrNoRefreshToken
			}
			refreshToken = g.RefreshToken
		}
		now := gs.now()
		if !usable {
			before := g
			g = g.WithoutContent()
			g.ConnectedAt, g.Declined, g.DeclinedAt = now, before.Declined, before.DeclinedAt
		}
		g.Person, g.ClientID, g.Status = person, gs.deps.ClientID, vault.Connected
		g.Generation, g.SignedInAt = gs.nextGeneration(g.Generation), now
		g.RefreshToken, g.AccessToken, g.AccessExpiry, g.RefreshedAt = refreshToken, t.Access, now.Add(t.ExpiresIn), now
		g.Scopes, g.Declined = t.Scopes, declinedScopes(g.Declined, c.Requested, t.Scopes)
		if len(capability.Missing(c.Requested, t.Scopes)) > 0 {
			g.DeclinedAt = now
		}
		g.NeedsNotice, g.NoticeID, g.NeedsSignIn, g.RemovedAt, g.ConsentSystem = false, "", false, time.Time{}, c.Via
		g.RefreshDay, g.LastUsedDay = gs.today(), gs.today()
		if !t.Refresh.Empty() {
			g.RefreshUntil = time.Time{}
			if t.RefreshExpiresIn != 0 { // time-based access
				g.RefreshUntil = now.Add(t.RefreshExpiresIn)
			}
		}
		g = gs.withClaims(g, c.Claims)
		var with []vault.Write
		if c.With != nil {
			if with, err = c.With(g); err != nil {
				return g, err
			}
		}
		saved, err := gs.saveGrant(ctx, g, with...)
		if err == nil {
			gs.cacheGrant(person, saved, now)
			return saved, nil
		}
		if fault.KindOf(err) != fault.Conflict || attempt == maxSaveAttempts {
			return g, err
		}
	}
}

// covers reports whether the refresh token of g has all scopes that were asked for and granted.
func covers(g vault.Grant, asked []capability.Capability, granted []string) bool {
	lacks := func(c capability.Capability) bool { return c.AllowedBy(granted) && !c.AllowedBy(g.Scopes) }
	return !g.NeedsSignIn && !slices.ContainsFunc(asked, lacks)
}

var errDisconnecting = &fault.Error{
	Op: "grants.Connect", Kind: fault.Unavailable, Err: errors.New("a disconnect is in progress"),
}

// declinedScopes returns the scopes that were asked for, now or before, and are not granted.
func declinedScopes(before []string, asked []capability.Capability, granted []string) []string {
	all := append(slices.Clone(before), capability.Scopes(asked...)...)
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(s string) bool { return slices.Contains(granted, s) })
}
