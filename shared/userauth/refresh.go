package userauth

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/words"
)

// renewTime bounds one refresh with its reads and writes.
const renewTime = 15 * time.Second

// renew refreshes the access token of a person for an act, once for all who
// wait. Not ok means that the person has to consent again.
func (a *Auth) renew(ctx context.Context, person string) (vault.Grant, bool, error) {
	type result struct {
		grant vault.Grant
		ok    bool
	}
	// One who gives up waiting must not spoil it for the others.
	shared := context.WithoutCancel(ctx)
	flight := a.refresh.DoChan(person, func() (any, error) {
		ctx, cancel := context.WithTimeout(shared, renewTime)
		defer cancel()
		var out result
		err := fault.Catch(func() (err error) {
			out.grant, out.ok, err = a.grantNow(ctx, person)
			if err == nil && out.ok && !a.fresh(out.grant) { // else another instance was here
				out.grant, out.ok, err = a.refreshed(ctx, out.grant, true)
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
		return vault.Grant{}, false, &fault.Error{Op: "userauth.renew", Kind: fault.Unavailable, Public: words.GoogleSlow, Err: ctx.Err()}
	}
}

// refreshed asks Google for a new access token and saves it. used says that a
// person's act needs it.
func (a *Auth) refreshed(ctx context.Context, g vault.Grant, used bool) (vault.Grant, bool, error) {
	read := a.Now()
	t, err := a.Google.Refresh(ctx, g.RefreshToken)
	switch {
	case errors.Is(err, googleauth.ErrInvalidGrant):
		return a.suspend(ctx, g, err)
	case errors.Is(err, googleauth.ErrReauth):
		return a.signIn(ctx, g)
	case errors.Is(err, googleauth.ErrClient):
		a.alarmOnce(ctx, "Google refuses our OAuth client; check OAUTH_CLIENT", g.Person, err)
		return g, false, err
	case err != nil:
		return g, false, err
	}
	for try := 1; ; try++ {
		next := a.withTokens(ctx, g, t, used)
		saved, err := a.saveGrant(ctx, next)
		switch {
		case err == nil:
			a.remember(g.Person, saved, read)
			return saved, true, nil
		case fault.KindOf(err) == fault.Unavailable && t.Refresh.Equal(g.RefreshToken):
			// The token is good, and nothing is lost by not storing it: the
			// act goes on, and the next refreshes again.
			a.Log.WarnContext(ctx, "a new access token could not be stored", slog.String("person", g.Person), slog.String("error", err.Error()))
			a.remember(g.Person, next, read)
			return next, true, nil
		case fault.KindOf(err) != fault.Conflict:
			return g, false, err
		}
		// Another instance changed the grant first. Its version counts, unless
		// it changed nothing but bookkeeping: then our token goes on top.
		now, ok, err := a.grantNow(ctx, g.Person)
		if err != nil || !ok || a.fresh(now) || now.Generation != g.Generation || try == tries {
			return a.resolved(now, ok, err)
		}
		g = now
	}
}

// withTokens is a grant with what a refresh gave. The ID token that comes with
// it says which address the account has now: an address can pass to another
// account, and must not be found with this one any more.
func (a *Auth) withTokens(ctx context.Context, g vault.Grant, t googleauth.Tokens, used bool) vault.Grant {
	now := a.Now()
	g.AccessToken, g.AccessExpiry, g.Refreshed = t.Access, now.Add(t.Life), now
	if !t.Refresh.Equal(g.RefreshToken) {
		g.RefreshToken, g.Generation = t.Refresh, a.next(g.Generation)
	}
	if len(t.Scopes) > 0 {
		g.Scopes = t.Scopes
	}
	g.SignIn, g.RefreshDay = false, a.today()
	if used {
		g.LastUsedDay = g.RefreshDay
	}
	if t.ID.Empty() {
		return g
	}
	claims, err := a.IDTokens.Verify(ctx, t.ID)
	switch {
	case err != nil:
		a.Log.WarnContext(ctx, "the ID token of a refresh was not verified; the address stays as it was", slog.String("person", g.Person), slog.String("error", err.Error()))
	case Person(claims.Subject) != g.Person:
		a.alarm(ctx, "a refresh brought the ID token of another account", g.Person, errors.New("sub differs"))
	default:
		g = a.known(g, claims)
	}
	return g
}

// known is a grant with what an ID token of its account says.
func (a *Auth) known(g vault.Grant, who googleauth.Claims) vault.Grant {
	g.Email, g.Domain, g.EmailAt = config.NewSecret(who.Email), who.Domain, time.Time{}
	if who.Authoritative() {
		g.EmailAt = a.Now()
	}
	return g
}

func (a *Auth) today() time.Time { return a.Now().UTC().Truncate(24 * time.Hour) }

// signIn notes that a session policy wants the person to sign in again. The
// grant lives: its tokens stay.
func (a *Auth) signIn(ctx context.Context, g vault.Grant) (vault.Grant, bool, error) {
	generation := g.Generation
	_, _, err := a.change(ctx, g.Person, func(now *vault.Grant) bool {
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
func (a *Auth) suspend(ctx context.Context, refused vault.Grant, why error) (vault.Grant, bool, error) {
	if a.alarms.manySuspended(refused.Person, a.Now()) {
		a.alarmOnce(ctx, "Google refuses the refresh tokens of many people; they are suspended, and asked again later", refused.Person, why)
	}
	g, suspended, err := a.change(ctx, refused.Person, func(now *vault.Grant) bool {
		if now.Generation != refused.Generation || now.ClientID != a.ClientID || now.Status != vault.Connected {
			return false
		}
		now.Status, now.SuspendedAt, now.Retries = vault.Suspended, a.Now(), 0
		now.SignIn, now.Untold, now.ToldBy = false, true, ""
		now.AccessToken = config.Secret{}
		return true
	})
	if suspended {
		a.audit(ctx, "suspend", refused.Person, "Google refused the refresh token")
	}
	return a.resolved(g, a.usable(g), err)
}

// resolved is the answer when another instance's grant counts. One that is
// connected, and has no fresh token at this moment, is no reason to ask for
// consent.
func (a *Auth) resolved(g vault.Grant, ok bool, err error) (vault.Grant, bool, error) {
	if err == nil && ok && !a.fresh(g) {
		err = &fault.Error{Op: "userauth.resolved", Kind: fault.Unavailable, Public: words.GoogleSlow, Err: errors.New("another instance is changing the grant")}
	}
	return g, ok && err == nil, err
}
