package userauth

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

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
		g, ok, err := a.grantNow(ctx, person)
		if err == nil && ok && !a.fresh(g) { // else another instance was here
			g, ok, err = a.refreshed(ctx, g, true)
		}
		return result{g, ok}, err
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
		return a.bury(ctx, g, err)
	case errors.Is(err, googleauth.ErrReauth):
		return a.signIn(ctx, g)
	case errors.Is(err, googleauth.ErrClient):
		a.alarm(ctx, "Google refuses our OAuth client; check OAUTH_CLIENT", g.Person, err)
		return g, false, err
	case err != nil:
		return g, false, err
	}
	a.deaths.alive()
	for try := 1; ; try++ {
		next := a.refreshedGrant(g, t, used)
		saved, err := a.Vault.SaveGrant(ctx, next)
		switch {
		case err == nil:
			a.remember(g.Person, saved, read)
			return saved, true, nil
		case fault.KindOf(err) == fault.Unavailable && t.Refresh == g.RefreshToken:
			// The token is good, and nothing is lost by not storing it: the
			// act goes on, and the next refreshes again.
			a.Log.WarnContext(ctx, "a new access token could not be stored", slog.String("person", g.Person), slog.String("error", err.Error()))
			a.remember(g.Person, next, read)
			return next, true, nil
		case fault.KindOf(err) != fault.Conflict:
			return g, false, err
		}
		// Somebody was faster. Theirs counts, even if it says that all is
		// over; what only marked the grant takes our token in.
		now, ok, err := a.grantNow(ctx, g.Person)
		if err != nil || !ok || a.fresh(now) || now.Generation != g.Generation || try == tries {
			return a.settled(now, ok, err)
		}
		g = now
	}
}

func (a *Auth) refreshedGrant(g vault.Grant, t googleauth.Tokens, used bool) vault.Grant {
	g.AccessToken, g.AccessExpiry = t.Access, a.Now().Add(t.Life)
	if t.Refresh != g.RefreshToken {
		g.RefreshToken, g.Generation = t.Refresh, a.next(g.Generation)
	}
	if len(t.Scopes) > 0 {
		g.Scopes = t.Scopes
	}
	g.SignIn, g.RefreshDay = false, a.today()
	if used {
		g.LastUsedDay = g.RefreshDay
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

// bury erases the tokens of a grant that Google calls dead. If a newer one has
// taken its place, that one counts.
func (a *Auth) bury(ctx context.Context, dead vault.Grant, why error) (vault.Grant, bool, error) {
	if a.deaths.tooMany(dead.Person, a.Now()) {
		a.alarm(ctx, "Google calls the grants of many people dead: none is erased; check OAUTH_CLIENT", dead.Person, why)
		return dead, false, &fault.Error{Op: "userauth.bury", Kind: fault.Unavailable, Public: words.SetUpSeemsSo, Err: why}
	}
	g, ended, err := a.change(ctx, dead.Person, func(now *vault.Grant) bool {
		if now.Generation != dead.Generation || now.ClientID != a.ClientID || now.Status != vault.Active {
			return false
		}
		a.end(now)
		return true
	})
	if ended {
		a.ended(ctx, dead.Person, "Google refused the refresh token")
	}
	return a.settled(g, a.usable(g), err)
}

// settled is the answer when somebody else's grant counts. One that lives, and
// has no fresh token at this moment, is no reason to ask for consent.
func (a *Auth) settled(g vault.Grant, ok bool, err error) (vault.Grant, bool, error) {
	if err == nil && ok && !a.fresh(g) {
		err = &fault.Error{Op: "userauth.settled", Kind: fault.Unavailable, Public: words.GoogleSlow, Err: errors.New("somebody else is changing the grant")}
	}
	return g, ok && err == nil, err
}

// ended logs that a grant has died, and how: whoever operates Deputy counts
// these.
func (a *Auth) ended(ctx context.Context, person, why string) {
	a.Log.InfoContext(ctx, "audit", slog.String("act", "end"), slog.String("person", person), slog.String("why", why))
}

// end makes g a grant that Google has ended.
func (a *Auth) end(g *vault.Grant) {
	g.Status, g.Generation = vault.NeedsConsent, a.next(g.Generation)
	g.RefreshToken, g.AccessToken = "", ""
	g.SignIn, g.Untold = false, true
	g.ClientID = cmp.Or(g.ClientID, a.ClientID) // of a record that could not be read
}
