package grants

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/words"
)

// refreshTimeout bounds one refresh with its reads and writes.
const refreshTimeout = 15 * time.Second

// refresh gets a new access token for an operation, with one call of Google for all concurrent requests of a
// person. It returns false if the person has to consent again. What was read since a time isn't read again.
func (gs *Grants) refresh(ctx context.Context, person resource.Person, since time.Time) (vault.Grant, bool, error) {
	refresh := func(ctx context.Context) (out refreshed, err error) {
		out.grant, out.usable, err = gs.recentGrant(ctx, person, since)
		if err == nil && out.usable && !gs.isFresh(out.grant) { // no other instance has refreshed it
			out.grant, out.usable, err = gs.refreshGrant(ctx, out.grant, true)
		}
		return out, err
	}
	out, err := gs.refreshes.Do(ctx, string(person), refreshTimeout, words.ErrorGoogleSlow, refresh)
	return out.grant, out.usable, err
}

type refreshed struct {
	grant  vault.Grant
	usable bool
}

// refreshGrant gets a new access token from Google and saves it. used says that an operation needs the token.
func (gs *Grants) refreshGrant(ctx context.Context, g vault.Grant, used bool) (vault.Grant, bool, error) {
	start := gs.now()
	t, err := gs.deps.Google.Refresh(ctx, g.RefreshToken)
	switch {
	case errors.Is(err, googleauth.ErrInvalidGrant):
		return gs.suspend(ctx, g, err)
	case errors.Is(err, googleauth.ErrReauth):
		return gs.requireSignIn(ctx, g)
	case errors.Is(err, googleauth.ErrClient):
		gs.alarmOnce(ctx, "Google rejects the OAuth client; check OAUTH_CLIENT", g.Person, err)
		return g, false, err
	case err != nil:
		return g, false, err
	}
	next := gs.withTokens(ctx, g, t, used)
	save := func(ctx context.Context) (vault.Grant, bool, error) {
		return gs.saveTokens(ctx, g, next, t, used, start)
	}
	// An operation can use the token while it is stored. A new refresh token must be stored first: the old one may have
	// ended.
	if used && t.Refresh.Equal(g.RefreshToken) {
		gs.cacheGrant(g.Person, next, start)
		gs.storing.Store(g.Person, &next)
		done := func() { gs.storing.CompareAndDelete(g.Person, &next) }
		if fault.Beside(ctx, refreshTimeout, func(ctx context.Context) error {
			defer done()
			err := fault.Catch(func() error { _, _, err := save(ctx); return err })
			if err != nil {
				gs.log.ErrorContext(ctx, "storing a new access token failed",
					slog.String("person", string(g.Person)), slog.String("error", err.Error()))
			}
			return err
		}) {
			return next, true, nil
		}
		done()
	}
	return save(ctx)
}

// saveTokens stores next, which is g with the tokens t.
func (gs *Grants) saveTokens(
	ctx context.Context, g, next vault.Grant, t googleauth.Tokens, used bool, start time.Time,
) (vault.Grant, bool, error) {
	for attempt := 1; ; attempt++ {
		saved, err := gs.saveGrant(ctx, next)
		switch {
		case err == nil:
			gs.cacheGrant(g.Person, saved, start)
			return saved, true, nil
		case fault.KindOf(err) == fault.Unavailable && t.Refresh.Equal(g.RefreshToken):
			// Failing to store the token is harmless: this operation uses it, and the next one refreshes again.
			gs.log.WarnContext(ctx, "storing a new access token failed",
				slog.String("person", string(g.Person)), slog.String("error", err.Error()))
			gs.cacheGrant(g.Person, next, start)
			return next, true, nil
		case fault.KindOf(err) != fault.Conflict:
			return g, false, err
		}
		// Another instance changed the grant first. Keep its version, unless it only updated bookkeeping
		// fields: then store our token on top.
		current, usable, err := gs.loadGrant(ctx, g.Person)
		isOurs := current.AccessToken.Equal(next.AccessToken) // from the cache
		replaced := gs.isFresh(current) && !isOurs || current.Generation != g.Generation
		if err != nil || !usable || replaced || attempt == maxSaveAttempts {
			return gs.resolveConflict(current, usable, err)
		}
		g, next = current, gs.withTokens(ctx, current, t, used)
	}
}

// withTokens returns g with the result of a refresh. The ID token in it names the account's current address. An
// address can pass to another account, and must then no longer lead to this grant.
func (gs *Grants) withTokens(ctx context.Context, g vault.Grant, t googleauth.Tokens, used bool) vault.Grant {
	now := gs.now()
	g.AccessToken, g.AccessExpiry, g.RefreshedAt = t.Access, now.Add(t.ExpiresIn), now
	if !t.Refresh.Equal(g.RefreshToken) {
		g.RefreshToken, g.Generation = t.Refresh, gs.nextGeneration(g.Generation)
	}
	if len(t.Scopes) > 0 {
		g.Scopes = t.Scopes
	}
	g.NeedsSignIn, g.RefreshDay = false, gs.today()
	if used {
		g.LastUsedDay = g.RefreshDay
	}
	if t.ID.Empty() {
		return g
	}
	claims, err := gs.deps.IDTokens.Verify(ctx, t.ID)
	switch {
	case err != nil:
		gs.log.WarnContext(ctx, "refresh returned an invalid ID token; email address unchanged",
			slog.String("person", string(g.Person)), slog.String("error", err.Error()))
	case Person(claims.Subject) != g.Person:
		gs.alarm(ctx, "a refresh returned the ID token of another account", g.Person, errors.New("sub differs"))
	default:
		g = gs.withClaims(g, claims)
	}
	return g
}

func (gs *Grants) withClaims(g vault.Grant, claims googleauth.Claims) vault.Grant {
	g.Email, g.Domain, g.EmailAt = config.NewSecret(claims.Email), claims.Domain, time.Time{}
	if claims.Authoritative() {
		g.EmailAt = gs.now()
	}
	return g
}

func (gs *Grants) today() time.Time { return gs.now().UTC().Truncate(24 * time.Hour) }

// requireSignIn records that a session policy requires a new sign-in. The tokens of the grant stay valid.
func (gs *Grants) requireSignIn(ctx context.Context, g vault.Grant) (vault.Grant, bool, error) {
	_, _, err := gs.change(ctx, g.Person, func(current *vault.Grant) bool {
		isNew := current.Generation == g.Generation && !current.NeedsSignIn
		current.NeedsSignIn = true
		return isNew
	})
	g.NeedsSignIn = true
	return g, false, err
}

// suspend records that Google answered invalid_grant. A suspended grant is not used, and not erased because the
// cause may be an outage; the sweep asks Google again. A newer grant is left unchanged.
func (gs *Grants) suspend(ctx context.Context, rejected vault.Grant, cause error) (vault.Grant, bool, error) {
	if gs.alarms.addSuspension(rejected.Person, gs.now()) {
		gs.alarmOnce(ctx, "Google rejects many refresh tokens; the grants are suspended", rejected.Person, cause)
	}
	g, suspended, err := gs.change(ctx, rejected.Person, func(g *vault.Grant) bool {
		if g.Generation != rejected.Generation || g.ClientID != gs.deps.ClientID || g.Status != vault.Connected {
			return false
		}
		g.Status, g.SuspendedAt, g.Retries = vault.Suspended, gs.now(), 0
		g.NeedsSignIn, g.NeedsNotice, g.NoticeID = false, true, ""
		g.AccessToken = config.Secret{}
		return true
	})
	if suspended {
		gs.audit(ctx, "suspend", rejected.Person, "Google rejected the refresh token")
	}
	return gs.resolveConflict(g, gs.isUsable(g), err)
}

// resolveConflict returns the grant of another instance. If it is usable but has no fresh token yet, the error
// is Unavailable, because asking for consent would be wrong.
func (gs *Grants) resolveConflict(g vault.Grant, usable bool, err error) (vault.Grant, bool, error) {
	if err == nil && usable && !gs.isFresh(g) {
		err = errors.New("another instance is changing the grant")
		err = &fault.Error{Op: "grants.refresh", Kind: fault.Unavailable, Public: words.ErrorGoogleSlow, Err: err}
	}
	return g, usable && err == nil, err
}
