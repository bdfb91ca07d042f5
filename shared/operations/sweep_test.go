package operations_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"example.com/deputy/internal/vaulttest"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/resource"
)

func TestSweep(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		scheduler := callers.Caller{ID: "scheduler", Actions: []string{callers.Sweep}}
		_, err := w.Sweep(t.Context(), callers.Caller{Actions: without(callers.Actions(), callers.Sweep)})
		wantKind(t, "another caller", err, fault.Denied)
		_, err = w.CreateMessage(t.Context(), call("a-key"), hello)
		check(t, err)
		time.Sleep(8 * 24 * time.Hour)
		done, err := w.Sweep(t.Context(), scheduler)
		if err != nil || !done.Finished || done.Expired != 1 {
			t.Errorf("%+v, %v", done, err)
		}
		if lines := w.Lines("swept"); len(lines) != 1 || !strings.Contains(lines[0], "Finished:true") {
			t.Errorf("%q", lines)
		}
		failReads(w)
		_, err = w.Sweep(t.Context(), scheduler)
		wantKind(t, "the store is down", err, fault.Unavailable)
		if lines := w.Lines("swept"); len(lines) != 1 {
			t.Errorf("%q", lines)
		}
	})
}

// Records that expired are looked for again twenty hours after the last time.
func TestSweep_Pause(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		scheduler := callers.Caller{ID: "scheduler", Actions: []string{callers.Sweep}}
		expired := func() int {
			t.Helper()
			done, err := w.Sweep(t.Context(), scheduler)
			check(t, err)
			return done.Expired
		}
		self := operations.Self(resource.Person(ada.User()), "m1")
		_, err := w.CreateMeeting(t.Context(), self, hello, i18n.In("en"))
		check(t, err)
		time.Sleep(7*24*time.Hour - time.Minute)
		before := expired()
		time.Sleep(20*time.Hour - time.Second)
		early := expired()
		time.Sleep(time.Second)
		if late := expired(); before != 0 || early != 0 || late != 1 {
			t.Errorf("deleted %d, %d, %d", before, early, late)
		}
	})
}

// A sweep starts nothing more after half a minute.
func TestSweep_Time(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		slow time.Duration
		want bool
	}{"29 seconds": {29 * time.Second, true}, "31 seconds": {31 * time.Second, false}} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				first := true
				w.Docs.Inject = func(context.Context, vaulttest.Call) error {
					if first {
						first = false
						time.Sleep(c.slow)
					}
					return nil
				}
				done, err := w.Sweep(t.Context(), callers.Caller{Actions: []string{callers.Sweep}})
				if err != nil || done.Finished != c.want {
					t.Errorf("%+v, %v", done, err)
				}
			})
		})
	}
}
