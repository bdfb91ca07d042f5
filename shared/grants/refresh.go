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

// renewTime bounds one refresh with its reads and writes.
const renewTime = 15 * time.Second

// renew refreshes the access token of a person for an act, once for all who
// wait. Not ok means that the person has to consent again.
func (gs *Grants) renew(ctx context.Context, person resource.Person) (vault.Grant, bool, error) {
	type result struct {
		grant vault.Grant
		ok    bool
	}
	// One who gives up waiting must not spoil it for the others.
	shared := context.WithoutCancel(ctx)
	flight := gs.refresh.DoChan(string(person), func() (any, error) {
		ctx, cancel := context.WithTimeout(shared, renewTime)
		defer cancel()
		var out result
		err := fault.Catch(func() (err error) {
			out.grant, out.ok, err = gs.grantNow(ctx, person)
			if err == nil && out.ok && !gs.fresh(out.grant) { // else another instance was here
				out.grant, out.ok, err = gs.refreshed(ctx, out.grant, true)
			}
			return err
		})
		return out, err
	})
	select {
	case r := <-flight:
		out, _ := r.Val.(result)
		return out.grant, out.ok, r.Err
	case <-ctx.Done():
		return vault.Grant{}, false, &fault.Error{Op: "grants.renew", Kind: fault.Unavailable, Public: words.ErrorGoogleSlow, Err: ctx.Err()}
	}
}

// refreshed asks Google for a new access token and saves it. used says that a
// person's act needs it.
func (gs *Grants) refreshed(ctx context.Context, g vault.Grant, used bool) (vault.Grant, bool, error) {
	read := gs.now()
	t, err := gs.deps.Google.Refresh(ctx, g.RefreshToken)
	switch {
	case errors.Is(err, googleauth.ErrInvalidGrant):
		return gs.suspend(ctx, g, err)
	case errors.Is(err, googleauth.ErrReauth):
		return gs.signIn(ctx, g)
	case errors.Is(err, googleauth.ErrClient):
		gs.alarmOnce(ctx, "Google refuses our OAuth client; check OAUTH_CLIENT", g.Person, err)
		return g, false, err
	case err != nil:
		return g, false, err
	}
	for try := 1; ; try++ {
		next := gs.withTokens(ctx, g, t, used)
		saved, err := gs.saveGrant(ctx, next)
		switch {
		case err == nil:
			gs.remember(g.Person, saved, read)
			return saved, true, nil
		case fault.KindOf(err) == fault.Unavailable && t.Refresh.Equal(g.RefreshToken):
			// The token is good, and nothing is lost by not storing it: the
			// act goes on, and the next refreshes again.
			gs.log.WarnContext(ctx, "a new access token could not be stored", slog.String("person", string(g.Person)), slog.String("error", err.Error()))
			gs.remember(g.Person, next, read)
			return next, true, nil
		case fault.KindOf(err) != fault.Conflict:
			return g, false, err
		}
		// Another instance changed the grant first. Its version counts, unless
		// it changed nothing but bookkeeping: then our token goes on top.
		now, ok, err := gs.grantNow(ctx, g.Person)
		if err != nil || !ok || gs.fresh(now) || now.Generation != g.Generation || try == tries {
			return gs.resolved(now, ok, err)
		}
		g = now
	}
}

// withTokens is a grant with what a refresh gave. The ID token that comes with
// it says which address the account has now: an address can pass to another
// account, and must not be found with this one any more.
func (gs *Grants) withTokens(ctx context.Context, g vault.Grant, t googleauth.Tokens, used bool) vault.Grant {
	now := gs.now()
	g.AccessToken, g.AccessExpiry, g.Refreshed = t.Access, now.Add(t.Life), now
	if !t.Refresh.Equal(g.RefreshToken) {
		g.RefreshToken, g.Generation = t.Refresh, gs.next(g.Generation)
	}
	if len(t.Scopes) > 0 {
		g.Scopes = t.Scopes
	}
	g.SignIn, g.RefreshDay = false, gs.today()
	if used {
		g.LastUsedDay = g.RefreshDay
	}
	if t.ID.Empty() {
		return g
	}
	claims, err := gs.deps.IDTokens.Verify(ctx, t.ID)
	switch {
	case err != nil:
		gs.log.WarnContext(ctx, "the ID token of a refresh was not verified; the address stays as it was", slog.String("person", string(g.Person)), slog.String("error", err.Error()))
	case Person(claims.Subject) != g.Person:
		gs.alarm(ctx, "a refresh brought the ID token of another account", g.Person, errors.New("sub differs"))
	default:
		g = gs.known(g, claims)
	}
	return g
}

// known is a grant with what an ID token of its account says.
func (gs *Grants) known(g vault.Grant, who googleauth.Claims) vault.Grant {
	g.Email, g.Domain, g.EmailAt = config.NewSecret(who.Email), who.Domain, time.Time{}
	if who.Authoritative() {
		g.EmailAt = gs.now()
	}
	return g
}

func (gs *Grants) today() time.Time { return gs.now().UTC().Truncate(24 * time.Hour) }

// signIn notes that a session policy wants the person to sign in again. The
// grant lives: its tokens stay.
func (gs *Grants) signIn(ctx context.Context, g vault.Grant) (vault.Grant, bool, error) {
	generation := g.Generation
	_, _, err := gs.change(ctx, g.Person, func(now *vault.Grant) bool {
		if now.Generation != generation || now.SignIn {
			return false
		}
		now.SignIn = true
		return true
	})
	g.SignIn = true
	return g, false, err
}

// suspend notes that Google answered invalid_grant: nothing of the grant is used
// any more, and nothing is erased, for the cause may be an outage. The sweep
// asks Google again. If a newer grant has taken its place, that one counts.
func (gs *Grants) suspend(ctx context.Context, refused vault.Grant, why error) (vault.Grant, bool, error) {
	if gs.alarms.manySuspended(refused.Person, gs.now()) {
		gs.alarmOnce(ctx, "Google refuses the refresh tokens of many people; they are suspended, and asked again later", refused.Person, why)
	}
	g, suspended, err := gs.change(ctx, refused.Person, func(now *vault.Grant) bool {
		if now.Generation != refused.Generation || now.ClientID != gs.deps.ClientID || now.Status != vault.Connected {
			return false
		}
		now.Status, now.SuspendedAt, now.Retries = vault.Suspended, gs.now(), 0
		now.SignIn, now.Untold, now.ToldBy = false, true, ""
		now.AccessToken = config.Secret{}
		return true
	})
	if suspended {
		gs.audit(ctx, "suspend", refused.Person, "Google refused the refresh token")
	}
	return gs.resolved(g, gs.usable(g), err)
}

// resolved is the answer when another instance's grant counts. One that is
// connected, and has no fresh token at this moment, is no reason to ask for
// consent.
func (gs *Grants) resolved(g vault.Grant, ok bool, err error) (vault.Grant, bool, error) {
	if err == nil && ok && !gs.fresh(g) {
		err = &fault.Error{Op: "grants.resolved", Kind: fault.Unavailable, Public: words.ErrorGoogleSlow, Err: errors.New("another instance is changing the grant")}
	}
	return g, ok && err == nil, err
}
