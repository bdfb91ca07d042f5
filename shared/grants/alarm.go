package grants

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"

	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

const (
	// If Google rejects the grants of more people within the window, an outage or our configuration is to blame.
	maxSuspensions   = 20
	suspensionWindow = 5 * time.Minute
	// maxDailyRemovals is how many people may remove the app in one day without an alarm.
	maxDailyRemovals = 20
	// alarmInterval is the shortest time between two alarms of the same name.
	alarmInterval = time.Hour
)

// alarms limits how often each alarm is raised, and counts suspensions, on one instance. It is safe for
// concurrent use.
type alarms struct {
	mu        sync.Mutex
	raised    map[string]time.Time
	suspended map[resource.Person]time.Time // maxSuspensions + 1 entries at most
}

// alarm writes a log line that alerts an operator.
func (gs *Grants) alarm(ctx context.Context, name string, person resource.Person, err error) {
	gs.log.ErrorContext(ctx, "alarm",
		slog.String("alarm", name), slog.String("person", string(person)), slog.String("error", err.Error()))
}

// alarmOnce is alarm for events that affect many people at once: one line per alarmInterval.
func (gs *Grants) alarmOnce(ctx context.Context, name string, person resource.Person, err error) {
	if gs.alarms.shouldRaise(name, gs.now()) {
		gs.alarm(ctx, name, person, err)
	}
}

// shouldRaise reports whether an alarm is due, and if so records that it is raised now.
func (a *alarms) shouldRaise(name string, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	last, found := a.raised[name]
	if found && now.Sub(last) <= alarmInterval {
		return false
	}
	a.raised[name] = now
	return true
}

// reportUnopened raises an alarm for a record that does not open. For grants and pending consents the code that
// reads them does this, with the person's name.
func (gs *Grants) reportUnopened(collection vault.Collection, err error) {
	if collection == "grants" || collection == "pendingConsents" {
		return
	}
	if gs.alarms.shouldRaise(string(collection)+" does not open", gs.now()) {
		gs.log.Error("alarm", slog.String("alarm", "a stored record does not open"),
			slog.String("collection", string(collection)), slog.String("error", err.Error()))
	}
}

// addSuspension records a suspension and reports whether there were more than maxSuspensions lately.
func (a *alarms) addSuspension(person resource.Person, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	maps.DeleteFunc(a.suspended, func(_ resource.Person, at time.Time) bool { return now.Sub(at) > suspensionWindow })
	if len(a.suspended) <= maxSuspensions {
		a.suspended[person] = now
	}
	return len(a.suspended) > maxSuspensions
}
