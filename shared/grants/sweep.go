package grants

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

const (
	pageSize         = 200 // records in memory at once
	sweepConcurrency = 8   // grants processed at once
	grantTimeout     = refreshTimeout
)

// SweepResult counts what a sweep did.
type SweepResult struct {
	Seen      int  `json:"seen"`      // grants that were due
	Refreshed int  `json:"refreshed"` // grants close to Google's six-month limit
	Restored  int  `json:"restored"`  // suspended grants that Google accepts again
	Resealed  int  `json:"resealed"`  // records resealed with the current keys
	Ended     int  `json:"ended"`     // completed disconnects, removed apps, security events
	Erased    int  `json:"erased"`    // grants erased seven days after Google rejected or revoked them
	Revoked   int  `json:"revoked"`   // tokens whose revocation had failed before
	Expired   int  `json:"expired"`   // expired records that were deleted
	Unopened  int  `json:"unopened"`  // records that do not open with the current keys
	Failed    int  `json:"failed"`    // records that the next sweep has to retry
	Finished  bool `json:"finished"`  // false if the next call has to continue from the cursor
}

// Sweep maintains unused records. It refreshes grants before Google's six-month limit, asks Google again about
// suspended ones, completes disconnects, and ends the grants of people who removed the app. It retries
// revocations. Then, page by page, it deletes expired records and reseals those sealed with old keys.
//
// It starts nothing new after until; the next sweep continues there. The paged work starts again only if pause
// has passed since it last finished, or the keys have changed. Sweeps may overlap.
func (gs *Grants) Sweep(ctx context.Context, until time.Time, pause time.Duration) (SweepResult, error) {
	s := &sweeper{Grants: gs, until: until}
	err := s.sweepDueGrants(ctx)
	for after, first := "", true; err == nil && (first || after != "") && !s.isTimeUp(); first = false {
		after, err = s.sweepRevocations(ctx, after)
	}
	if err == nil && !s.isTimeUp() {
		err = s.sweepStages(ctx, pause)
	}
	return s.result, fault.Wrap("grants.Sweep", err)
}

type sweeper struct {
	*Grants
	until  time.Time
	mu     sync.Mutex
	result SweepResult
}

func (s *sweeper) isTimeUp() bool { return !s.now().Before(s.until) }

func (s *sweeper) sweepDueGrants(ctx context.Context) error {
	seen := map[string]bool{}
	for !s.isTimeUp() {
		page, err := s.vault.DueGrants(ctx, pageSize)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			return nil
		}
		// A grant can still be due after it was processed, for example while it waits for a sign-in. It is
		// postponed by a day, so that it does not block the others.
		progress := false
		for _, g := range page {
			if !seen[string(g.Person)] {
				progress = true
				continue
			}
			err := s.vault.PostponeSweep(ctx, g.Person, s.now().Add(24*retryDelay))
			if err != nil && fault.KindOf(err) != fault.Conflict {
				return err
			}
			progress = progress || err == nil
		}
		if !progress {
			return nil
		}
		page = slices.DeleteFunc(page, func(g vault.ListedGrant) bool { return seen[string(g.Person)] })
		group, groupCtx := errgroup.WithContext(ctx)
		group.SetLimit(sweepConcurrency)
		for _, g := range page {
			seen[string(g.Person)] = true
			group.Go(func() error {
				if s.isTimeUp() {
					return nil
				}
				ctx, cancel := context.WithTimeout(groupCtx, grantTimeout)
				defer cancel()
				counter, err := s.sweepGrant(ctx, g)
				if s.record(ctx, g.Person, counter, err) {
					return nil
				}
				err = s.vault.PostponeSweep(context.WithoutCancel(ctx), g.Person, s.now().Add(retryDelay))
				if err != nil && fault.KindOf(err) != fault.Conflict { // after a conflict the other change counts
					return err
				}
				return nil
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// stages returns the collections that the sweep pages through, in order. The stored cursor refers to them by
// name. The expiring collections come first, then those to reseal.
func stages() []string {
	return append(slices.Clone(vault.ExpiringCollections), resealedCollections()...)
}

func (s *sweeper) sweepStages(ctx context.Context, pause time.Duration) error {
	cursor, err := s.vault.Cursor(ctx)
	if err != nil {
		return err
	}
	if !slices.Contains(stages(), cursor.Stage) { // empty, or from another version of Deputy
		if s.now().Sub(cursor.Finished) < pause && cursor.Keys == s.vault.KeysInUse() {
			s.result.Finished = true
			return nil
		}
		cursor.Stage, cursor.After = stages()[0], ""
	}
	for !s.result.Finished && !s.isTimeUp() {
		last, err := s.sweepPage(ctx, cursor)
		if err != nil {
			return err
		}
		if cursor.After = last; last == "" {
			cursor.Stage = s.nextStage(cursor)
		}
		if s.result.Finished = cursor.Stage == ""; s.result.Finished {
			cursor.Finished, cursor.Keys = s.now(), s.vault.KeysInUse()
		}
		saved, err := s.vault.SaveCursor(ctx, cursor)
		if err != nil && fault.KindOf(err) == fault.Conflict {
			s.result.Finished = false
			return nil // another sweep is running and continues
		}
		if err != nil {
			return err
		}
		cursor = saved
	}
	return nil
}

// nextStage returns the stage after the cursor's, or "" after the last one. If the keys have not changed, there
// is nothing to reseal, and the last expiring collection is the last stage.
func (s *sweeper) nextStage(c vault.Cursor) string {
	all := append(stages(), "")
	next := all[slices.Index(all, c.Stage)+1]
	if c.Keys == s.vault.KeysInUse() && !slices.Contains(vault.ExpiringCollections, next) {
		return ""
	}
	return next
}

// sweepPage processes one page of a stage and returns the ID to continue after, "" at the end.
func (s *sweeper) sweepPage(ctx context.Context, c vault.Cursor) (last string, err error) {
	if slices.Contains(vault.ExpiringCollections, c.Stage) {
		removed, last, err := s.vault.RemoveExpired(ctx, vault.Collection(c.Stage), c.After, pageSize)
		s.result.Expired += removed
		return last, err
	}
	resealed, last, err := s.resealPage(ctx, c.Stage, c.After)
	s.result.Resealed += resealed.Resealed
	s.result.Unopened += resealed.Unopened
	return last, err
}

// record counts the result for one record and reports whether it is processed. A conflict counts as processed,
// because another sweep has changed the record.
func (s *sweeper) record(ctx context.Context, person resource.Person, counter *int, err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err != nil && fault.KindOf(err) == fault.Conflict:
	case err != nil:
		s.result.Failed++
		s.log.ErrorContext(ctx, "sweep skipped a record",
			slog.String("person", string(person)), slog.String("error", err.Error()))
		return false
	case counter != nil:
		*counter++
	}
	return true
}
