package googlecall_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"example.com/deputy/shared/googlecall"
)

var errTransient = errors.New("transient")

// always retries every error, after the wait that the server asked for.
func always(wait time.Duration) func(error) (time.Duration, bool) {
	return func(error) (time.Duration, bool) { return wait, true }
}

// fail runs Do on a call that always fails, and counts its attempts.
func fail(
	ctx context.Context, p googlecall.Policy, later func(error) (time.Duration, bool),
) (calls int, took time.Duration, err error) {
	start := time.Now()
	err = p.Do(ctx, later, func(context.Context) error { calls++; return errTransient })
	return calls, time.Since(start), err
}

func TestPolicy_RetriesUntilSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls, p := 0, googlecall.Policy{Attempts: 4, AttemptTimeout: time.Second}
		err := p.Do(t.Context(), always(0), func(context.Context) error {
			if calls++; calls < 3 {
				return errTransient
			}
			return nil
		})
		if err != nil || calls != 3 {
			t.Errorf("%d calls, %v", calls, err)
		}
	})
}

func TestPolicy_Limits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		twice, four := googlecall.Policy{Attempts: 2, AttemptTimeout: time.Second}, googlecall.Policy{
			Attempts:       4,
			AttemptTimeout: time.Second,
		}
		calls, _, err := fail(t.Context(), four, always(0))
		if calls != 4 || !errors.Is(err, errTransient) {
			t.Errorf("%d calls, %v", calls, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if calls, took, _ := fail(ctx, four, always(11*time.Second)); calls != 1 || took != 0 {
			t.Errorf("a wait past the deadline: %d calls, %v", calls, took)
		}
		if calls, took, _ := fail(ctx, twice, always(3*time.Second)); calls != 2 || took < 3*time.Second {
			t.Errorf("the server's wait is ignored: %d calls, %v", calls, took)
		}
	})
}

func TestPolicy_AttemptTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, calls, p := time.Now(), 0, googlecall.Policy{Attempts: 2, AttemptTimeout: time.Second}
		err := p.Do(t.Context(), always(0), func(ctx context.Context) error {
			calls++
			<-ctx.Done()
			return ctx.Err()
		})
		if took := time.Since(start); calls != 2 || !errors.Is(err, context.DeadlineExceeded) || took > 3*time.Second {
			t.Errorf("%d calls in %v, %v", calls, took, err)
		}
	})
}

func TestPolicy_NoRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := googlecall.Policy{Attempts: 4, AttemptTimeout: time.Second}
		never := func(error) (time.Duration, bool) { return 0, false }
		if calls, _, _ := fail(t.Context(), p, never); calls != 1 {
			t.Errorf("permanent: %d calls", calls)
		}
		calls := 0
		_ = p.Do(t.Context(), always(0), func(context.Context) error { calls++; return context.Canceled })
		if calls != 1 {
			t.Errorf("canceled: %d calls", calls)
		}
	})
}

// The waits are random, so each bound is checked many times.
func TestPolicy_Backoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const ms = time.Millisecond
		for attempts, limits := range map[int][2]time.Duration{ // of all waits together
			2: {0, 250 * ms}, 3: {0, 750 * ms}, 12: {1500 * ms, 31750 * ms},
		} {
			p := googlecall.Policy{Attempts: attempts, AttemptTimeout: time.Second}
			for range 200 {
				if _, took, _ := fail(t.Context(), p, always(0)); took < limits[0] || took > limits[1] {
					t.Fatalf("%d attempts: waited %v, want %v", attempts, took, limits)
				}
			}
		}
	})
}

func TestPolicy_CanceledWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		p := googlecall.Policy{Attempts: 2, AttemptTimeout: time.Second}
		calls, took, err := fail(ctx, p, always(time.Hour))
		if calls != 1 || took != time.Second || !errors.Is(err, errTransient) {
			t.Errorf("%d calls in %v, %v", calls, took, err)
		}
	})
}

func TestPolicy_ReleasesAttempt(t *testing.T) {
	var attempt context.Context
	p := googlecall.Policy{Attempts: 1, AttemptTimeout: time.Hour}
	err := p.Do(t.Context(), always(0), func(ctx context.Context) error { attempt = ctx; return nil })
	if err != nil || !errors.Is(attempt.Err(), context.Canceled) {
		t.Errorf("%v; the attempt's context: %v", err, attempt.Err())
	}
}
