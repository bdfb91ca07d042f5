package userauth

import (
	"context"
	"log/slog"
	"sync"
	"time"
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
	suspended map[string]time.Time // by person; manySuspensions + 1 at most
}

// alarm is a line that an operator is woken by.
func (a *Auth) alarm(ctx context.Context, what, person string, err error) {
	a.Log.ErrorContext(ctx, "alarm", slog.String("alarm", what), slog.String("person", person), slog.String("error", err.Error()))
}

// alarmOnce is alarm for what happens to many people at once: one line an hour.
func (a *Auth) alarmOnce(ctx context.Context, what, person string, err error) {
	a.alarms.mu.Lock()
	now := a.Now()
	last, before := a.alarms.raised[what]
	loud := !before || now.Sub(last) > quiet
	if loud {
		if a.alarms.raised == nil {
			a.alarms.raised = map[string]time.Time{}
		}
		a.alarms.raised[what] = now
	}
	a.alarms.mu.Unlock()
	if loud {
		a.alarm(ctx, what, person, err)
	}
}

// manySuspended notes one more suspension and reports whether there were too
// many lately.
func (s *alarms) manySuspended(person string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.suspended == nil {
		s.suspended = map[string]time.Time{}
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
