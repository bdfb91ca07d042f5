package grants

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/vault"
)

const (
	// Google ends a refresh token that was unused for six months
	// (oauth-admin.md 2.3): it is refreshed a month before.
	idle = 150 * 24 * time.Hour
	// A grant whose person removed the app, and has not used it since, ends.
	removedLife = 7 * 24 * time.Hour
	// tombstone is how long a grant that Google revoked is kept without content,
	// so that the person can be told once.
	tombstone = 7 * 24 * time.Hour
	// later is when a grant that could not be dealt with is looked at again.
	later = time.Hour
)

// askAgain is when Google is asked again about a suspended grant, counted from
// the suspension. After the last it is erased.
var askAgain = [...]time.Duration{time.Hour, 24 * time.Hour, 7 * 24 * time.Hour}

// due is when the sweep has to look at a grant.
func (gs *Grants) due(g vault.Grant) time.Time {
	out := g.RefreshDay.Add(idle)
	switch g.Status {
	case vault.Suspended:
		out = g.SuspendedAt.Add(askAgain[min(g.Retries, len(askAgain)-1)])
	case vault.Revoked:
		return time.UnixMicro(g.Generation).Add(tombstone)
	case vault.Disconnecting:
		return gs.now()
	}
	if g.Status == vault.Connected && revoked(g) {
		return gs.now()
	}
	if abandoned := gs.abandonedAt(g); !abandoned.IsZero() && abandoned.Before(out) {
		out = abandoned
	}
	return out
}

// abandonedAt is when a grant ends because its person removed the app and has
// not used it since, not even through another system; zero for never.
func (gs *Grants) abandonedAt(g vault.Grant) time.Time {
	if g.Status != vault.Connected && g.Status != vault.Suspended || g.Removed.IsZero() {
		return time.Time{}
	}
	since := g.Removed
	if used := g.LastUsedDay.Add(24 * time.Hour); used.After(since) { // some time on that day
		since = used
	}
	return since.Add(removedLife)
}

func (gs *Grants) abandoned(g vault.Grant) bool {
	at := gs.abandonedAt(g)
	return !at.IsZero() && !gs.now().Before(at)
}

// grant does what is due for one grant and gives what to count it as.
func (s *sweeper) grant(ctx context.Context, g vault.ListedGrant) (*int, error) {
	s.mu.Lock()
	s.done.Seen++
	s.mu.Unlock()
	switch {
	case errors.Is(g.Err, seal.ErrUnknownKey):
		s.alarmOnce(ctx, "KEYSET lacks a key that is in use", g.Person, g.Err)
		return &s.done.Unopened, s.vault.Postpone(ctx, g.Person, s.now().Add(later))
	case g.Broken: // the person is told when they come
		s.alarmOnce(ctx, "a stored grant does not open", g.Person, g.Err)
		return &s.done.Unopened, s.vault.Postpone(ctx, g.Person, s.now().Add(24*later))
	case g.Err != nil:
		return nil, g.Err
	case g.Status == vault.Disconnecting:
		return s.finish(ctx, g.Person)
	case g.Status == vault.Revoked:
		return s.erase(ctx, g.Grant)
	case s.abandoned(g.Grant):
		return s.abandon(ctx, g.Person)
	case g.Status == vault.Suspended:
		return s.restore(ctx, g.Grant)
	case revoked(g.Grant):
		return s.eraseRevoked(ctx, g.Person)
	case !s.idle(g.Grant): // something has changed it since
		_, err := s.saveGrant(ctx, g.Grant)
		return nil, err
	}
	_, ok, err := s.refreshed(ctx, g.Grant, false)
	if !ok {
		return nil, err // it was suspended, or asks to sign in
	}
	return &s.done.Refreshed, err
}

// idle reports whether a grant is near Google's limit.
func (gs *Grants) idle(g vault.Grant) bool {
	return gs.usable(g) && !gs.now().Before(g.RefreshDay.Add(idle))
}

// restore asks Google again about a suspended grant. When it is good after all,
// it is as it was, approvals included. After the last try it is erased.
func (s *sweeper) restore(ctx context.Context, g vault.Grant) (*int, error) {
	t, err := s.deps.Google.Refresh(ctx, g.RefreshToken)
	switch {
	case err == nil:
		g.Status, g.Untold, g.SuspendedAt, g.Retries = vault.Connected, false, time.Time{}, 0
		saved, err := s.saveGrant(ctx, s.withTokens(ctx, g, t, false))
		if err != nil {
			return nil, err
		}
		s.remember(g.Person, saved, s.now())
		s.audit(ctx, "restore", g.Person, "Google accepts the refresh token again")
		s.alarmOnce(ctx, "grants that Google refused for a while are accepted again", g.Person, errors.New("suspended before"))
		return &s.done.Restored, nil
	case errors.Is(err, googleauth.ErrReauth): // it lives, and a session policy wants a sign-in
		g.Status, g.Untold, g.SignIn, g.SuspendedAt, g.Retries = vault.Connected, false, true, time.Time{}, 0
		_, err := s.saveGrant(ctx, g)
		return &s.done.Restored, err
	case !errors.Is(err, googleauth.ErrInvalidGrant):
		return nil, err
	case s.now().Before(g.SuspendedAt.Add(askAgain[g.Retries])): // an event has brought us here before the time
		_, err = s.saveGrant(ctx, g)
		return nil, err
	case g.Retries+1 >= len(askAgain):
		s.audit(ctx, "erase", g.Person, "Google refused the refresh token for seven days")
		return &s.done.Forgotten, s.vault.DeleteGrant(ctx, g)
	}
	g.Retries++
	_, err = s.saveGrant(ctx, g)
	return nil, err
}

// erase removes the tombstone of a grant that a security event ended, at its
// time, with what others did as the person.
func (s *sweeper) erase(ctx context.Context, g vault.Grant) (*int, error) {
	if s.now().Before(s.due(g)) { // another event has brought us here
		_, err := s.saveGrant(ctx, g)
		return nil, err
	}
	err := s.vault.EraseActivity(ctx, g.Person)
	if err == nil {
		err = s.vault.DeleteGrant(ctx, g)
	}
	return &s.done.Forgotten, err
}

// eraseRevoked empties a grant of which a security event said that it is over,
// and what others did as the person. That it was there stays for some days, so
// that the person can be told.
func (s *sweeper) eraseRevoked(ctx context.Context, person resource.Person) (*int, error) {
	_, ended, err := s.change(ctx, person, func(g *vault.Grant) bool {
		if g.Status != vault.Connected || !revoked(*g) {
			return false
		}
		untold, client := g.ToldBy == "", g.ClientID
		*g = g.Renewed()
		g.Status, g.ClientID, g.Generation, g.Untold = vault.Revoked, client, s.next(g.Generation), untold
		return true
	})
	if err == nil && ended {
		s.audit(ctx, "erase", person, "a security event")
		err = s.vault.EraseActivity(ctx, person)
	}
	return &s.done.Ended, err
}

// abandon ends the grant of a person who removed the app, unless they have come
// back since the sweep has read it.
func (s *sweeper) abandon(ctx context.Context, person resource.Person) (*int, error) {
	g, err := s.beginDisconnect(ctx, person, s.abandoned)
	if err != nil || g.Person == "" {
		return nil, err
	}
	if _, err = s.finishDisconnect(ctx, g); err != nil {
		return nil, err
	}
	s.audit(ctx, "disconnect", person, "the app was removed a week ago")
	return &s.done.Ended, nil
}

// finish ends what a disconnect began, unless the person has connected again.
func (s *sweeper) finish(ctx context.Context, person resource.Person) (*int, error) {
	g, _, err := s.grantNow(ctx, person)
	if err != nil || g.Status != vault.Disconnecting {
		return nil, err
	}
	_, err = s.finishDisconnect(ctx, g)
	return &s.done.Ended, err
}

func (s *sweeper) revocations(ctx context.Context, after string) (last string, err error) {
	page, err := s.vault.Revocations(ctx, after, sweepPage)
	if err != nil {
		return after, err
	}
	more := len(page) == sweepPage
	for i, r := range page {
		if i > 0 && s.late() {
			more = true
			break
		}
		last = r.ID
		count, err := s.revocation(ctx, r)
		s.count(ctx, r.Person, count, err)
	}
	if !more {
		last = ""
	}
	return last, nil
}

// revocation tries again what Google could not be asked before. A person's
// newer grant would end with it: then nothing is revoked.
func (s *sweeper) revocation(ctx context.Context, r vault.Revocation) (*int, error) {
	if r.Err != nil {
		if s.now().Before(r.Expires) {
			return &s.done.Unopened, nil //nolint:nilerr // counted, and no reason to stop
		}
		s.alarm(ctx, "a token could not be revoked for a week and is given up", r.Person, r.Err)
		return &s.done.Expired, s.vault.DeleteRevocation(ctx, r)
	}
	g, ok, err := s.grantNow(ctx, r.Person)
	switch {
	case err != nil:
		return nil, err
	case (ok || g.Status == vault.Suspended) && g.Generation > r.Generation: // it may still be restored
		return nil, s.vault.DeleteRevocation(ctx, r)
	case !s.now().Before(r.Expires):
		s.alarm(ctx, "a token could not be revoked for a week and is given up", r.Person, errors.New("expired"))
		return &s.done.Expired, s.vault.DeleteRevocation(ctx, r)
	}
	if err := s.deps.Google.Revoke(ctx, r.Token); err != nil {
		r.Attempts++
		return nil, errors.Join(err, s.vault.SaveRevocation(ctx, r))
	}
	// Who connected in this moment has lost the new grant with the old one:
	// Google has to be asked before it is used.
	if _, err := s.vault.MarkGrant(ctx, r.Person, vault.AskAt, s.now()); err != nil {
		return nil, err
	}
	return &s.done.Revoked, s.vault.DeleteRevocation(ctx, r)
}

// audit writes the line of what the sweep did to a person's grant.
func (gs *Grants) audit(ctx context.Context, act string, person resource.Person, why string) {
	gs.log.InfoContext(ctx, "audit", slog.String("act", act), slog.String("person", string(person)), slog.String("why", why))
}
