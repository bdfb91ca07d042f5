package userauth

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/vault"
)

const (
	// Google ends a refresh token that was unused for six months
	// (oauth-admin.md 2.3): it is refreshed a month before.
	idle = 150 * 24 * time.Hour
	// A grant whose person removed the app, and has not used it since, ends.
	removedLife = 7 * 24 * time.Hour
	// A grant that Google ended is forgotten after this.
	deadLife = 180 * 24 * time.Hour
)

// grant does what is due for one grant and gives what to count it as.
func (s *sweeper) grant(ctx context.Context, g vault.ListedGrant) (*int, error) {
	s.mu.Lock()
	s.done.Seen++
	s.mu.Unlock()
	now := s.Now()
	switch {
	case errors.Is(g.Err, seal.ErrUnknownKey):
		s.alarm(ctx, "KEYSET lacks a key that is in use", g.Person, g.Err)
		return &s.done.Unopened, nil
	case g.Broken:
		return &s.done.Unopened, nil // told when the person comes
	case g.Err != nil:
		return nil, g.Err
	case g.Status == vault.Ending:
		return s.finish(ctx, g.Person)
	case g.Status == vault.NeedsConsent && now.Sub(time.UnixMicro(g.Generation)) > deadLife:
		return &s.done.Forgotten, s.Vault.DeleteGrant(ctx, g.Grant)
	case s.abandoned(g.Grant):
		return s.abandon(ctx, g.Person)
	case s.Vault.Stale(g.Grant):
		saved, err := s.Vault.SaveGrant(ctx, g.Grant)
		if err != nil || !s.idle(saved) {
			return &s.done.Resealed, err
		}
		g.Grant = saved
	}
	if !s.idle(g.Grant) {
		return nil, nil
	}
	_, ok, err := s.refreshed(ctx, g.Grant, false)
	if !ok {
		return nil, err // it has ended, or asks to sign in
	}
	return &s.done.Refreshed, err
}

// idle tells that a grant is near Google's limit.
func (a *Auth) idle(g vault.Grant) bool { return a.usable(g) && a.Now().Sub(g.RefreshDay) > idle }

// abandoned tells that a person removed the app a week ago and has not used it
// since, not even through another system.
func (a *Auth) abandoned(g vault.Grant) bool {
	if g.Status != vault.Active || g.Removed.IsZero() {
		return false
	}
	since := g.Removed
	if used := g.LastUsedDay.Add(24 * time.Hour); used.After(since) { // some time on that day
		since = used
	}
	return a.Now().Sub(since) > removedLife
}

// abandon ends the grant of such a person, unless they have come back since
// the sweep has read it.
func (s *sweeper) abandon(ctx context.Context, person string) (*int, error) {
	g, err := s.bid(ctx, person, s.abandoned)
	if err != nil || g.Person == "" {
		return nil, err
	}
	if _, err = s.leave(ctx, g); err != nil {
		return nil, err
	}
	s.Log.InfoContext(ctx, "audit", slog.String("act", "disconnect"), slog.String("person", person), slog.String("why", "the app was removed a week ago"))
	return &s.done.Ended, nil
}

// finish ends what a disconnect began, unless the person has connected anew.
func (s *sweeper) finish(ctx context.Context, person string) (*int, error) {
	g, _, err := s.grantNow(ctx, person)
	if err != nil || g.Status != vault.Ending {
		return nil, err
	}
	_, err = s.leave(ctx, g)
	return &s.done.Ended, err
}

func (s *sweeper) revocations(ctx context.Context, after string) (last string, err error) {
	page, err := s.Vault.Revocations(ctx, after, sweepPage)
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
// newer grant would end with it: then it is let be.
func (s *sweeper) revocation(ctx context.Context, r vault.Revocation) (*int, error) {
	g, ok, err := s.grantNow(ctx, r.Person)
	switch {
	case err != nil:
		return nil, err
	case ok && g.Generation > r.Generation:
		return nil, s.Vault.DeleteRevocation(ctx, r)
	case !s.Now().Before(r.Expires):
		s.alarm(ctx, "a token could not be revoked for a week and is let go", r.Person, errors.New("expired"))
		return &s.done.Expired, s.Vault.DeleteRevocation(ctx, r)
	case r.Err != nil:
		return &s.done.Unopened, nil //nolint:nilerr // counted, and no reason to stop
	}
	if err := s.Google.Revoke(ctx, r.Token); err != nil {
		r.Attempts++
		return nil, errors.Join(err, s.Vault.SaveRevocation(ctx, r))
	}
	return &s.done.Revoked, s.Vault.DeleteRevocation(ctx, r)
}
