package userauth

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/vault"
)

const (
	sweepPage   = 200 // records in memory at once
	sweepAtOnce = 8   // grants in work at once
	sweepOne    = renewTime
)

// Swept counts what a sweep did.
type Swept struct {
	Seen      int  `json:"seen"`      // grants looked at
	Refreshed int  `json:"refreshed"` // that were near Google's limit of six months
	Resealed  int  `json:"resealed"`  // sealed or coded anew with the keys in use
	Ended     int  `json:"ended"`     // disconnects finished; people who removed the app
	Forgotten int  `json:"forgotten"` // that were dead for half a year
	Revoked   int  `json:"revoked"`   // tokens whose revocation had failed before
	Expired   int  `json:"expired"`   // records removed at their end
	Unopened  int  `json:"unopened"`  // that do not open with the keys there are
	Failed    int  `json:"failed"`    // that the next sweep has to try again
	Finished  bool `json:"finished"`  // false: the next call goes on from the cursor
}

// stages are what a sweep goes through, in this order; the cursor names them.
const (
	sweepGrants      = "grants"
	sweepRevocations = "revocations"
)

func stages() []string { return append([]string{sweepGrants, sweepRevocations}, vault.Expiring...) }

// Sweep keeps in order what nobody uses: refreshes grants before Google's limit
// of six months, seals anew what old keys sealed, finishes disconnects and
// revocations, ends the grants of those who removed the app, and removes what
// has expired.
//
// It begins nothing more after until, and the next sweep goes on there. When
// the last one came to its end less than pause ago, only revocations are tried
// again. It may run twice, or in two places at once.
func (a *Auth) Sweep(ctx context.Context, until time.Time, pause time.Duration) (Swept, error) {
	s := &sweeper{Auth: a, until: until}
	cursor, err := a.Vault.Cursor(ctx)
	if err != nil {
		return Swept{}, fault.Wrap("userauth.Sweep", err)
	}
	if !slices.Contains(stages(), cursor.Stage) { // none, or another version's
		if a.Now().Sub(cursor.Finished) < pause {
			_, err := s.revocations(ctx, "")
			s.done.Finished = true
			return s.done, fault.Wrap("userauth.Sweep", err)
		}
		cursor.Stage, cursor.After = sweepGrants, ""
	}
	for !s.done.Finished {
		last, err := s.page(ctx, cursor.Stage, cursor.After)
		if err != nil {
			return s.done, fault.Wrap("userauth.Sweep", err)
		}
		if cursor.After = last; last == "" {
			cursor.Stage = following(cursor.Stage)
		}
		if s.done.Finished = cursor.Stage == ""; s.done.Finished {
			cursor.Finished = a.Now()
		}
		saved, err := a.Vault.SaveCursor(ctx, cursor)
		switch {
		case err == nil:
			cursor = saved
		case fault.KindOf(err) == fault.Conflict:
			s.done.Finished = false
			return s.done, nil //nolint:nilerr // another sweep is at it, and goes on
		default:
			return s.done, fault.Wrap("userauth.Sweep", err)
		}
		if s.late() {
			break
		}
	}
	return s.done, nil
}

// following is the stage after one; empty after the last.
func following(stage string) string {
	all := append(stages(), "")
	return all[slices.Index(all, stage)+1]
}

// sweeper is one sweep under way.
type sweeper struct {
	*Auth
	until time.Time
	mu    sync.Mutex
	done  Swept
}

func (s *sweeper) late() bool { return !s.Now().Before(s.until) }

// page sweeps one page of a stage and says where to go on, "" at its end.
func (s *sweeper) page(ctx context.Context, stage, after string) (last string, err error) {
	switch stage {
	case sweepGrants:
		return s.grants(ctx, after)
	case sweepRevocations:
		return s.revocations(ctx, after)
	default:
		removed, last, err := s.Vault.RemoveExpired(ctx, stage, after, sweepPage, s.late)
		s.done.Expired += removed
		return last, err
	}
}

func (s *sweeper) grants(ctx context.Context, after string) (last string, err error) {
	page, err := s.Vault.Grants(ctx, after, sweepPage)
	if err != nil {
		return after, err
	}
	group, inGroup := errgroup.WithContext(ctx)
	slots := make(chan struct{}, sweepAtOnce)
	more := len(page) == sweepPage
	for i, g := range page {
		slots <- struct{}{} // before the time is looked at: waiting for a slot may take long
		if i > 0 && s.late() {
			more = true
			break
		}
		last = strings.TrimPrefix(g.Person, "users/")
		group.Go(func() error {
			defer func() { <-slots }()
			ctx, cancel := context.WithTimeout(inGroup, sweepOne)
			defer cancel()
			count, err := s.grant(ctx, g)
			s.count(ctx, g.Person, count, err)
			if errors.Is(err, googleauth.ErrClient) {
				return err // it would be the same for everybody
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return after, err
	}
	if !more {
		last = ""
	}
	return last, nil
}

// count notes what came of one record. A conflict is somebody else's work on
// it, and as good.
func (s *sweeper) count(ctx context.Context, person string, count *int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case fault.KindOf(err) == fault.Conflict && err != nil:
	case err != nil:
		s.done.Failed++
		s.Log.ErrorContext(ctx, "the sweep passes over a record", slog.String("person", person), slog.String("error", err.Error()))
	case count != nil:
		*count++
	}
}
