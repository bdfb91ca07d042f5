package googlecall_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"example.com/deputy/shared/googlecall"
)

var errPassing = errors.New("may pass")

// always tries again, after what the server asked for.
func always(wait time.Duration) func(error) (time.Duration, bool) {
	return func(error) (time.Duration, bool) { return wait, true }
}

// fails runs Do over a call that always fails and counts.
func fails(ctx context.Context, p googlecall.Policy, later func(error) (time.Duration, bool)) (calls int, took time.Duration, err error) {
	began := time.Now()
	err = p.Do(ctx, later, func(context.Context) error { calls++; return errPassing })
	return calls, time.Since(began), err
}

func TestACallIsRepeatedUntilItSucceeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		err := googlecall.Policy{Tries: 4, Each: time.Second}.Do(t.Context(), always(0), func(context.Context) error {
			if calls++; calls < 3 {
				return errPassing
			}
			return nil
		})
		if err != nil || calls != 3 {
			t.Errorf("%d calls, %v", calls, err)
		}
	})
}

func TestTriesAndTimeAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls, _, err := fails(t.Context(), googlecall.Policy{Tries: 4, Each: time.Second}, always(0))
		if calls != 4 || !errors.Is(err, errPassing) {
			t.Errorf("%d calls, %v", calls, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if calls, took, _ := fails(ctx, googlecall.Policy{Tries: 4, Each: time.Second}, always(11*time.Second)); calls != 1 || took != 0 {
			t.Errorf("a wait beyond the time that is left: %d calls, %v", calls, took)
		}
		if calls, took, _ := fails(ctx, googlecall.Policy{Tries: 2, Each: time.Second}, always(3*time.Second)); calls != 2 || took < 3*time.Second {
			t.Errorf("the server's wait is not honoured: %d calls, %v", calls, took)
		}
	})
}

func TestASilentServerCostsOneTrysTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, calls := time.Now(), 0
		err := googlecall.Policy{Tries: 2, Each: time.Second}.Do(t.Context(), always(0), func(ctx context.Context) error {
			calls++
			<-ctx.Done()
			return ctx.Err()
		})
		if took := time.Since(began); calls != 2 || !errors.Is(err, context.DeadlineExceeded) || took > 3*time.Second {
			t.Errorf("%d calls in %v, %v", calls, took, err)
		}
	})
}

func TestWhatFailsForGoodOrWasCancelledIsNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if calls, _, _ := fails(t.Context(), googlecall.Policy{Tries: 4, Each: time.Second}, func(error) (time.Duration, bool) { return 0, false }); calls != 1 {
			t.Errorf("for good: %d calls", calls)
		}
		calls := 0
		_ = googlecall.Policy{Tries: 4, Each: time.Second}.Do(t.Context(), always(0), func(context.Context) error { calls++; return context.Canceled })
		if calls != 1 {
			t.Errorf("cancelled: %d calls", calls)
		}
	})
}
