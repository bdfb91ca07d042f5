package grants_test

import (
	"context"
	"errors"
	"regexp"
	"testing"
	"time"

	"example.com/deputy/internal/consenttest"
	"example.com/deputy/internal/vaulttest"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/vault"
)

// storeFailures are operations that need the store, with what they need before.
var storeFailures = map[string]struct {
	prepare func(w *world)
	do      func(ctx context.Context, a *consenttest.Instance) error
	calls   int // of the store, at least
}{
	"token": {signInAda, func(ctx context.Context, a *consenttest.Instance) error {
		_, err := a.TokenSource(ctx, adaID, create)
		return err
	}, 1},
	"replace token": {signInAda, func(ctx context.Context, a *consenttest.Instance) error {
		source, err := a.TokenSource(ctx, adaID, create)
		if err == nil {
			_, err = a.ReplaceToken(ctx, adaID, source, create)
		}
		return err
	}, 4},
	"connection": {signInAda, func(ctx context.Context, a *consenttest.Instance) error {
		_, err := a.Email(ctx, adaID)
		return err
	}, 1},
	"find by address": {signInAda, func(ctx context.Context, a *consenttest.Instance) error {
		_, err := a.FindByEmail(ctx, ada.Email)
		return err
	}, 1},
	"connect": {signInAda, func(ctx context.Context, a *consenttest.Instance) error {
		_, err := a.Connect(ctx, newConsent("1//0new", create))
		return err
	}, 2},
	"approve": {signInAda, func(ctx context.Context, a *consenttest.Instance) error {
		c, err := a.Connection(ctx, adaID)
		if err == nil {
			_, err = a.Approve(ctx, adaID, grants.Approval{Caller: "c", ConnectedAt: c.Since, AskedAt: a.Deps.Now()})
		}
		return err
	}, 3},
	"withdraw": {
		func(w *world) { signInAda(w); w.storeApprovals(ada, "tickets") },
		func(ctx context.Context, a *consenttest.Instance) error {
			_, err := a.Withdraw(ctx, adaID, "tickets", "user")
			return err
		}, 2,
	},
	"app removed": {signInAda, func(ctx context.Context, a *consenttest.Instance) error {
		return a.RecordAppRemoved(ctx, adaID, a.Deps.Now())
	}, 3},
	"app returned": {
		func(w *world) { signInAda(w); check(w.t, w.RecordAppRemoved(w.t.Context(), adaID, w.Now())) },
		func(ctx context.Context, a *consenttest.Instance) error { return a.RecordAppReturned(ctx, adaID) }, 2,
	},
	"disconnect": {signInAda, disconnectAda, 3},
	"disconnect, Google unavailable": {
		func(w *world) { signInAda(w); w.Google.Fail("revoke", 503) }, disconnectAda, 4,
	},
	"erase": {signInAda, func(ctx context.Context, a *consenttest.Instance) error {
		_, err := a.Erase(ctx, adaID)
		return err
	}, 5},
	"export": {signInAda, func(ctx context.Context, a *consenttest.Instance) error {
		_, err := a.ExportPerson(ctx, adaID)
		return err
	}, 3},
	"reseal": {
		func(w *world) { signInAda(w); w.Instance = w.rotateKeys() },
		func(ctx context.Context, a *consenttest.Instance) error {
			_, err := a.Reseal(ctx)
			return err
		}, 6,
	},
	"sweep": {
		func(w *world) { w.storeSweepWork(); w.Instance = w.rotateKeys() },
		func(ctx context.Context, a *consenttest.Instance) error {
			done, err := a.Sweep(ctx, a.Deps.Now().Add(time.Hour), 0)
			if err == nil && done.Failed > 0 {
				err = errSkipped
			}
			return err
		}, 35,
	},
}

var errSkipped = errors.New("the sweep skipped a record")

func signInAda(w *world) { w.SignIn(ada, create) }

func disconnectAda(ctx context.Context, a *consenttest.Instance) error {
	_, err := a.Disconnect(ctx, adaID)
	return err
}

// harmless are the log lines of failures that do not fail the operation: a refreshed token works without being stored,
// and the sweep erases what a disconnect could not.
var harmless = regexp.MustCompile("storing a new access token failed|erasing a disconnected grant failed")

// An operation reports each failure of the store, and succeeds when it is repeated.
func TestStoreFailure_AtEachCall(t *testing.T) {
	for name, c := range storeFailures {
		t.Run(name, func(t *testing.T) {
			for at := 1; ; at++ {
				w := newWorld(t)
				c.prepare(w)
				deps := w.Instance.Deps
				docs := w.faulty(func(c vaulttest.Call) bool { return c.N == at }, fault.Unavailable)
				deps.Vault = vault.New(docs, deps.Keys, deps.Now)
				err := c.do(t.Context(), consenttest.NewInstance(deps))
				if docs.Calls() < at {
					if err != nil || at <= c.calls {
						t.Errorf("%d calls, want at least %d: %v", docs.Calls(), c.calls, err)
					}
					return
				}
				if err == nil && !harmless.MatchString(w.Log.String()) {
					t.Errorf("call %d fails unnoticed", at)
				}
				w.Advance(time.Hour)
				if err := c.do(t.Context(), consenttest.NewInstance(w.Instance.Deps)); err != nil {
					t.Errorf("repeated after call %d: %v", at, err)
				}
			}
		})
	}
}

// A change is saved over two changes of other instances, but not over a third.
func TestSave_Conflicts(t *testing.T) {
	for name, do := range map[string]func(ctx context.Context, a *consenttest.Instance) error{
		"connect": storeFailures["connect"].do, "app removed": storeFailures["app removed"].do,
		"disconnect": storeFailures["disconnect"].do,
		"refresh": func(ctx context.Context, a *consenttest.Instance) error {
			_, err := a.TokenSource(ctx, adaID, create)
			return err
		},
	} {
		for conflicts, kind := range map[int]fault.Kind{2: 0, 3: fault.Conflict} {
			w := newWorld(t)
			w.SignIn(ada, create)
			if name == "refresh" {
				w.Advance(2 * time.Hour)
				kind = map[int]fault.Kind{2: 0, 3: fault.Unavailable}[conflicts]
			}
			left := conflicts
			other := w.InstanceOn(w.faulty(func(c vaulttest.Call) bool {
				if c.Write {
					left--
				}
				return c.Write && left >= 0
			}, fault.Conflict))
			if err := do(t.Context(), other); (err != nil) != (conflicts == 3) || fault.KindOf(err) != kind {
				t.Errorf("%s, %d conflicts: %v", name, conflicts, err)
			}
		}
	}
}
