package grants_test

import (
	"strings"
	"testing"
	"time"

	"example.com/deputy/internal/consenttest"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/vault"
)

func TestAlarm_TamperedRecord(t *testing.T) {
	w := newWorld(t)
	fields := vault.Fields{"sealed": []byte("x"), "person": ada.User()}
	_, err := w.Docs.Create(t.Context(), "operations", "planted", fields)
	check(t, err)
	for range 3 {
		if _, err := w.Deps.Vault.Operation(t.Context(), "planted"); err == nil {
			t.Error("the planted record opened")
		}
	}
	if got := strings.Count(w.Log.String(), "a stored record does not open"); got != 1 {
		t.Errorf("alarms: got %d, want 1: %s", got, w.Log)
	}
}

// countAlarms returns how many alarms of this name were logged.
func (w *world) countAlarms(name string) int {
	return strings.Count(w.Log.String(), `alarm="`+name)
}

func TestAlarm_OncePerHour(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	for i, wait := range []time.Duration{0, time.Hour, time.Microsecond} {
		w.Advance(wait)
		_, _, err := actFor(t, w, adaID, googlecall.ErrToken, googlecall.ErrToken)
		if fault.KindOf(err) != fault.Unavailable {
			t.Fatal(err)
		}
		want := 1 + i/2
		if got := w.countAlarms("a Google API rejects tokens"); got != want {
			t.Errorf("after %v: got %d, want %d", wait, got, want)
		}
	}
}

func TestAlarm_ManySuspensions(t *testing.T) {
	for name, c := range map[string]struct {
		people int
		wait   time.Duration // after the first ten
		alarms int
	}{
		"twenty people":                        {20, 0, 0},
		"more than twenty people":              {21, 0, 1},
		"many more people":                     {30, 0, 1},
		"more than twenty within five minutes": {21, 5 * time.Minute, 1},
		"more than twenty in a longer time":    {21, 5*time.Minute + time.Microsecond, 0},
	} {
		w := newWorld(t)
		people := w.storePeople(c.people)
		w.Advance(2 * time.Hour)
		check(t, w.Google.SetSwitch("invalid-grant", true))
		for i, p := range people {
			if i == 10 {
				w.Advance(c.wait)
			}
			if _, ok := capability.AsConsentError(w.Token(p, create)); !ok {
				t.Fatal("the grant is used")
			}
		}
		if got := w.countAlarms("Google rejects many refresh tokens"); got != c.alarms {
			t.Errorf("%s: got %d alarms, want %d", name, got, c.alarms)
		}
	}
}

// The consent that reads a pending record reports it.
func TestAlarm_TamperedPendingConsent(t *testing.T) {
	w := newWorld(t)
	callback := w.GiveConsent(w.InvitePerson(ada, consenttest.Completion, create), ada)
	docs, err := w.Docs.List(t.Context(), "pendingConsents", "", 1)
	check(t, err)
	docs[0].Fields["sealed"] = []byte("x")
	_, err = w.Docs.Replace(t.Context(), "pendingConsents", docs[0].ID, docs[0].Fields, docs[0].Version)
	check(t, err)
	if _, err := w.Finish(t.Context(), callback); err == nil || w.countAlarms("") != 1 {
		t.Errorf("%v; log %s", err, w.Log)
	}
}
