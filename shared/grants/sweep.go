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
	sweepPage   = 200 // records in memory at once
	sweepAtOnce = 8   // grants in work at once
	sweepOne    = renewTime
)

// Swept counts what a sweep did.
type Swept struct {
	Seen      int  `json:"seen"`      // grants that were due
	Refreshed int  `json:"refreshed"` // that were near Google's limit of six months
	Restored  int  `json:"restored"`  // that Google accepts again
	Resealed  int  `json:"resealed"`  // records sealed or coded with the keys in use
	Ended     int  `json:"ended"`     // disconnects finished; people who removed the app; security events
	Forgotten int  `json:"forgotten"` // that Google refused for seven days, or revoked a week ago
	Revoked   int  `json:"revoked"`   // tokens whose revocation had failed before
	Expired   int  `json:"expired"`   // records removed at their end
	Unopened  int  `json:"unopened"`  // that do not open with the keys there are
	Failed    int  `json:"failed"`    // that the next sweep has to try again
	Finished  bool `json:"finished"`  // false: the next call goes on from the cursor
}

// Sweep keeps in order what nobody uses. It deals with the grants that are due:
// refreshes them before Google's limit of six months, asks Google again about
// those that it refused, finishes disconnects, and ends those of people who
// removed the app. It tries revocations again. Then, a page at a time, it
// removes what has expired, and seals what old keys sealed.
//
// It begins nothing more after until, and the next sweep goes on there. When
// the last one came to its end less than pause ago, it does not begin again with
// the pages. It may run twice, or in two places at once.
func (gs *Grants) Sweep(ctx context.Context, until time.Time, pause time.Duration) (Swept, error) {
	s := &sweeper{Grants: gs, until: until}
	err := s.dueGrants(ctx)
	for after, first := "", true; err == nil && (first || after != "") && !s.late(); first = false {
		after, err = s.revocations(ctx, after)
	}
	if err == nil && !s.late() {
		err = s.pages(ctx, pause)
	}
	return s.done, fault.Wrap("grants.Sweep", err)
}

// sweeper is one sweep under way.
type sweeper struct {
	*Grants
	until time.Time
	mu    sync.Mutex
	done  Swept
}

func (s *sweeper) late() bool { return !s.now().Before(s.until) }

// dueGrants deals with all grants that are due, each once.
func (s *sweeper) dueGrants(ctx context.Context) error {
	seen := map[string]bool{}
	for !s.late() {
		page, err := s.vault.DueGrants(ctx, sweepPage)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			return nil
		}
		// What was dealt with, and is still due, such as a grant that waits for a
		// sign-in, is looked at a day later: it must not stand before the others.
		moves := false
		for _, g := range page {
			if !seen[string(g.Person)] {
				moves = true
				continue
			}
			err := s.vault.Postpone(ctx, g.Person, s.now().Add(24*later))
			if err != nil && fault.KindOf(err) != fault.Conflict {
				return err
			}
			moves = moves || err == nil
		}
		if !moves {
			return nil
		}
		page = slices.DeleteFunc(page, func(g vault.ListedGrant) bool { return seen[string(g.Person)] })
		group, inGroup := errgroup.WithContext(ctx)
		group.SetLimit(sweepAtOnce)
		for _, g := range page {
			seen[string(g.Person)] = true
			group.Go(func() error {
				if s.late() {
					return nil
				}
				ctx, cancel := context.WithTimeout(inGroup, sweepOne)
				defer cancel()
				count, err := s.grant(ctx, g)
				if s.count(ctx, g.Person, count, err) {
					return nil
				}
				// Another may have changed it first: then it is their turn.
				if err := s.vault.Postpone(context.WithoutCancel(ctx), g.Person, s.now().Add(later)); err != nil && fault.KindOf(err) != fault.Conflict {
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

// stages are the collections that are walked, in this order; the cursor names
// them. Those behind the expiring ones are resealed.
func stages() []string { return append(slices.Clone(vault.Expiring), resealing()...) }

// pages walks the stages, from where the cursor is.
func (s *sweeper) pages(ctx context.Context, pause time.Duration) error {
	cursor, err := s.vault.Cursor(ctx)
	if err != nil {
		return err
	}
	if !slices.Contains(stages(), cursor.Stage) { // none, or another version's
		if s.now().Sub(cursor.Finished) < pause && cursor.Keys == s.vault.KeysInUse() {
			s.done.Finished = true
			return nil
		}
		cursor.Stage, cursor.After = stages()[0], ""
	}
	for !s.done.Finished && !s.late() {
		last, err := s.page(ctx, cursor)
		if err != nil {
			return err
		}
		if cursor.After = last; last == "" {
			cursor.Stage = s.following(cursor)
		}
		if s.done.Finished = cursor.Stage == ""; s.done.Finished {
			cursor.Finished, cursor.Keys = s.now(), s.vault.KeysInUse()
		}
		saved, err := s.vault.SaveCursor(ctx, cursor)
		if err != nil && fault.KindOf(err) == fault.Conflict {
			s.done.Finished = false
			return nil // another sweep is under way, and goes on
		}
		if err != nil {
			return err
		}
		cursor = saved
	}
	return nil
}

// following is the stage after one; empty after the last, and after the expiring
// ones when nothing is sealed with other keys.
func (s *sweeper) following(c vault.Cursor) string {
	all := append(stages(), "")
	next := all[slices.Index(all, c.Stage)+1]
	if c.Keys == s.vault.KeysInUse() && !slices.Contains(vault.Expiring, next) {
		return ""
	}
	return next
}

// page walks one page of a stage and says where to go on, "" at its end.
func (s *sweeper) page(ctx context.Context, c vault.Cursor) (last string, err error) {
	if slices.Contains(vault.Expiring, c.Stage) {
		removed, last, err := s.vault.RemoveExpired(ctx, vault.Collection(c.Stage), c.After, sweepPage)
		s.done.Expired += removed
		return last, err
	}
	done, last, err := s.resealPage(ctx, c.Stage, c.After)
	s.done.Resealed += done.Resealed
	s.done.Unopened += done.Unopened
	return last, err
}

// count notes what became of one record, and reports whether it is dealt with. A
// conflict is another sweep's work on it, and as good.
func (s *sweeper) count(ctx context.Context, person resource.Person, count *int, err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err != nil && fault.KindOf(err) == fault.Conflict:
	case err != nil:
		s.done.Failed++
		s.log.ErrorContext(ctx, "the sweep passes over a record", slog.String("person", string(person)), slog.String("error", err.Error()))
		return false
	case count != nil:
		*count++
	}
	return true
}
