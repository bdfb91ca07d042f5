package grants

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

const (
	// Many suspensions: when Google answers invalid_grant for more than this many
	// people within this time, the cause is more likely ours, or an outage, than
	// theirs.
	manySuspensions = 20
	suspensionsTime = 5 * time.Minute
	// manyRemovals is how many people may remove the app in one day before
	// somebody has to look.
	manyRemovals = 20
	// quiet is how long an alarm that was raised is not raised again.
	quiet = time.Hour
)

// alarms raises each alarm once in a while, and counts suspensions, on one
// instance. Its zero value is ready; it is safe for concurrent use.
type alarms struct {
	mu        sync.Mutex
	raised    map[string]time.Time
	suspended map[resource.Person]time.Time // by person; manySuspensions + 1 at most
}

// alarm is a line that an operator is woken by.
func (gs *Grants) alarm(ctx context.Context, what string, person resource.Person, err error) {
	gs.log.ErrorContext(ctx, "alarm", slog.String("alarm", what), slog.String("person", string(person)), slog.String("error", err.Error()))
}

// alarmOnce is alarm for what happens to many people at once: one line an hour.
func (gs *Grants) alarmOnce(ctx context.Context, what string, person resource.Person, err error) {
	if gs.alarms.loud(what, gs.now()) {
		gs.alarm(ctx, what, person, err)
	}
}

// loud reports whether an alarm is to be raised now, and notes that it was.
func (s *alarms) loud(what string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	last, before := s.raised[what]
	if before && now.Sub(last) <= quiet {
		return false
	}
	if s.raised == nil {
		s.raised = map[string]time.Time{}
	}
	s.raised[what] = now
	return true
}

// unopened is told of records that do not open. Those of people alarm with their
// names, where they are read.
func (gs *Grants) unopened(collection vault.Collection, err error) {
	if collection == "grants" || collection == "pendingConsents" {
		return
	}
	if gs.alarms.loud(string(collection)+" does not open", gs.now()) {
		gs.log.Error("alarm", slog.String("alarm", "a stored record does not open"), slog.String("collection", string(collection)), slog.String("error", err.Error()))
	}
}

// manySuspended notes one more suspension and reports whether there were too
// many lately.
func (s *alarms) manySuspended(person resource.Person, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.suspended == nil {
		s.suspended = map[resource.Person]time.Time{}
	}
	for who, at := range s.suspended {
		if now.Sub(at) > suspensionsTime {
			delete(s.suspended, who)
		}
	}
	if len(s.suspended) <= manySuspensions {
		s.suspended[person] = now
	}
	return len(s.suspended) > manySuspensions
}
