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
	// Google ends a refresh token after six unused months (identity/protocols/oauth2). maxIdle is a month less.
	maxIdle = 150 * 24 * time.Hour
	// removedLife is how long a grant stays after its person removed the app and stopped using it.
	removedLife = 7 * 24 * time.Hour
	// tombstoneLife is how long a revoked grant stays, without its content, so that the person can be notified.
	tombstoneLife = 7 * 24 * time.Hour
	// retryDelay is when the sweep returns to a grant that it could not process.
	retryDelay = time.Hour
)

// suspendedRetries are the times after a suspension at which Google is asked again about the grant. If Google
// still rejects it at the last one, the grant is erased.
var suspendedRetries = [...]time.Duration{time.Hour, 24 * time.Hour, 7 * 24 * time.Hour}

func (gs *Grants) nextSweep(g vault.Grant) time.Time {
	due := g.RefreshDay.Add(maxIdle)
	switch g.Status {
	case vault.Suspended:
		due = g.SuspendedAt.Add(suspendedRetries[g.Retries])
	case vault.Revoked:
		return time.UnixMicro(g.Generation).Add(tombstoneLife)
	case vault.Disconnecting:
		return gs.now()
	}
	if g.Status == vault.Connected && isRevoked(g) {
		return gs.now()
	}
	if abandoned := gs.abandonedAt(g); !abandoned.IsZero() && abandoned.Before(due) {
		due = abandoned
	}
	return due
}

// abandonedAt returns when a grant ends because its person removed the app and has not used the grant since.
// It returns the zero time if the app is not removed.
func (gs *Grants) abandonedAt(g vault.Grant) time.Time {
	if g.Status != vault.Connected && g.Status != vault.Suspended || g.RemovedAt.IsZero() {
		return time.Time{}
	}
	since := g.RemovedAt
	if used := g.LastUsedDay.Add(24 * time.Hour); used.After(since) { // the use was at any time of that day
		since = used
	}
	return since.Add(removedLife)
}

func (gs *Grants) isAbandoned(g vault.Grant) bool {
	at := gs.abandonedAt(g)
	return !at.IsZero() && !gs.now().Before(at)
}

// sweepGrant processes one due grant and returns the counter to increment, or nil.
func (s *sweeper) sweepGrant(ctx context.Context, g vault.ListedGrant) (*int, error) {
	s.mu.Lock()
	s.result.Seen++
	s.mu.Unlock()
	switch {
	case errors.Is(g.Err, seal.ErrUnknownKey):
		s.alarmOnce(ctx, "KEYSET lacks a key that is in use", g.Person, g.Err)
		return &s.result.Unopened, s.vault.PostponeSweep(ctx, g.Person, s.now().Add(retryDelay))
	case g.Broken: // the person is asked to connect at their next command
		s.alarmOnce(ctx, "a stored grant does not open", g.Person, g.Err)
		return &s.result.Unopened, s.vault.PostponeSweep(ctx, g.Person, s.now().Add(24*retryDelay))
	case g.Err != nil:
		return nil, g.Err
	case g.Status == vault.Disconnecting:
		return s.resumeDisconnect(ctx, g.Person)
	case g.Status == vault.Revoked:
		return s.eraseTombstone(ctx, g.Grant)
	case s.isAbandoned(g.Grant):
		return s.disconnectAbandoned(ctx, g.Person)
	case g.Status == vault.Suspended:
		return s.retrySuspended(ctx, g.Grant)
	case isRevoked(g.Grant):
		return s.eraseRevoked(ctx, g.Person)
	case !s.isIdle(g.Grant): // a change since then has made it not due
		_, err := s.saveGrant(ctx, g.Grant)
		return nil, err
	}
	_, usable, err := s.refreshGrant(ctx, g.Grant, false)
	if !usable {
		return nil, err // now suspended, or a new sign-in is required
	}
	return &s.result.Refreshed, err
}

// isIdle reports whether a grant is close to Google's six-month limit.
func (gs *Grants) isIdle(g vault.Grant) bool {
	return gs.isUsable(g) && !gs.now().Before(g.RefreshDay.Add(maxIdle))
}

// retrySuspended asks Google again about a suspended grant. If Google accepts its token, the grant and its
// approvals are restored. After the last attempt the grant is erased.
func (s *sweeper) retrySuspended(ctx context.Context, g vault.Grant) (*int, error) {
	t, err := s.deps.Google.Refresh(ctx, g.RefreshToken)
	switch {
	case err == nil:
		g.Status, g.NeedsNotice, g.SuspendedAt, g.Retries = vault.Connected, false, time.Time{}, 0
		saved, err := s.saveGrant(ctx, s.withTokens(ctx, g, t, false))
		if err != nil {
			return nil, err
		}
		s.cacheGrant(g.Person, saved, s.now())
		s.audit(ctx, "restore", g.Person, "Google accepts the refresh token again")
		s.alarmOnce(ctx, "Google accepts suspended grants again", g.Person, errors.New("suspended before"))
		return &s.result.Restored, nil
	case errors.Is(err, googleauth.ErrReauth): // the token is valid; a session policy requires a sign-in
		g.Status, g.NeedsNotice, g.NeedsSignIn, g.SuspendedAt, g.Retries = vault.Connected, false, true, time.Time{}, 0
		_, err := s.saveGrant(ctx, g)
		return &s.result.Restored, err
	case !errors.Is(err, googleauth.ErrInvalidGrant):
		return nil, err
	case s.now().Before(g.SuspendedAt.Add(suspendedRetries[g.Retries])): // a security event made it due early
	case g.Retries+1 >= len(suspendedRetries):
		s.audit(ctx, "erase", g.Person, "Google rejected the refresh token for seven days")
		return &s.result.Erased, s.vault.DeleteGrant(ctx, g)
	default:
		g.Retries++
	}
	_, err = s.saveGrant(ctx, g)
	return nil, err
}

// eraseTombstone erases a grant that a security event ended and the person's activity, after tombstoneLife.
func (s *sweeper) eraseTombstone(ctx context.Context, g vault.Grant) (*int, error) {
	if s.now().Before(s.nextSweep(g)) { // another event made it due early
		_, err := s.saveGrant(ctx, g)
		return nil, err
	}
	err := s.vault.EraseActivity(ctx, g.Person)
	if err == nil {
		err = s.vault.DeleteGrant(ctx, g)
	}
	return &s.result.Erased, err
}

// eraseRevoked erases the content of a grant that a security event ended, and the person's activity. An empty
// tombstone stays, so that the person can be notified.
func (s *sweeper) eraseRevoked(ctx context.Context, person resource.Person) (*int, error) {
	_, ended, err := s.change(ctx, person, func(g *vault.Grant) bool {
		if g.Status != vault.Connected || !isRevoked(*g) {
			return false
		}
		notify, client := g.NoticeID == "", g.ClientID
		*g = g.WithoutContent()
		g.Status, g.ClientID, g.NeedsNotice = vault.Revoked, client, notify
		g.Generation = s.nextGeneration(g.Generation)
		return true
	})
	if err == nil && ended {
		s.audit(ctx, "erase", person, "a security event")
		err = s.vault.EraseActivity(ctx, person)
	}
	return &s.result.Ended, err
}

// disconnectAbandoned ends the grant of a person who removed the app, unless they have returned since.
func (s *sweeper) disconnectAbandoned(ctx context.Context, person resource.Person) (*int, error) {
	g, err := s.beginDisconnect(ctx, person, s.isAbandoned)
	if err != nil || g.Person == "" {
		return nil, err
	}
	if _, err = s.finishDisconnect(ctx, g); err != nil {
		return nil, err
	}
	s.audit(ctx, "disconnect", person, "the app was removed a week ago")
	return &s.result.Ended, nil
}

// resumeDisconnect completes an interrupted disconnect, unless the person has reconnected.
func (s *sweeper) resumeDisconnect(ctx context.Context, person resource.Person) (*int, error) {
	g, _, err := s.loadGrant(ctx, person)
	if err != nil || g.Status != vault.Disconnecting {
		return nil, err
	}
	_, err = s.finishDisconnect(ctx, g)
	return &s.result.Ended, err
}

func (s *sweeper) sweepRevocations(ctx context.Context, after string) (last string, err error) {
	page, err := s.vault.Revocations(ctx, after, pageSize)
	if err != nil {
		return after, err
	}
	for i, r := range page {
		if i > 0 && s.isTimeUp() {
			return last, nil
		}
		last = r.ID
		counter, err := s.retryRevocation(ctx, r)
		s.record(ctx, r.Person, counter, err)
	}
	if len(page) < pageSize {
		last = ""
	}
	return last, nil
}

// retryRevocation revokes a token whose revocation failed before. Revoking it would also end a newer grant of
// the same person. If there is one, the token is only deleted.
func (s *sweeper) retryRevocation(ctx context.Context, r vault.Revocation) (*int, error) {
	if r.Err != nil {
		if s.now().Before(r.Expires) {
			return &s.result.Unopened, nil //nolint:nilerr // counted, and no reason to stop
		}
		s.alarm(ctx, "gave up revoking a token after a week", r.Person, r.Err)
		return &s.result.Expired, s.vault.DeleteRevocation(ctx, r)
	}
	g, usable, err := s.loadGrant(ctx, r.Person)
	switch {
	case err != nil:
		return nil, err
	case (usable || g.Status == vault.Suspended) && g.Generation > r.Generation: // a suspended one may be restored
		return nil, s.vault.DeleteRevocation(ctx, r)
	case !s.now().Before(r.Expires):
		s.alarm(ctx, "gave up revoking a token after a week", r.Person, errors.New("expired"))
		return &s.result.Expired, s.vault.DeleteRevocation(ctx, r)
	}
	if err := s.deps.Google.Revoke(ctx, r.Token); err != nil {
		return nil, err
	}
	// If the person connected during this call, Google has revoked the new grant too: ask before its next use.
	if _, err := s.vault.MarkGrant(ctx, r.Person, vault.RecheckAt, s.now()); err != nil {
		return nil, err
	}
	return &s.result.Revoked, s.vault.DeleteRevocation(ctx, r)
}

// audit writes the audit line for a change that Deputy itself made to a person's grant.
func (gs *Grants) audit(ctx context.Context, act string, person resource.Person, why string) {
	gs.log.InfoContext(ctx, "audit",
		slog.String("action", act), slog.String("person", string(person)), slog.String("reason", why))
}
