package googlecall

import (
	"context"
	"errors"
	"time"

	"github.com/googleapis/gax-go/v2"
)

// Policy limits the retries of a call. The call must be safe to repeat.
type Policy struct {
	Attempts       int           // maximum number of attempts
	AttemptTimeout time.Duration // timeout of one attempt
}

// Do calls try until it succeeds, fails permanently, or is canceled, or until the attempts or ctx's time run out. It
// waits between attempts with exponential backoff and jitter, and returns the last error. later reports whether an
// error is transient, and how long the server asks to wait (0 if it doesn't say).
func (p Policy) Do(
	ctx context.Context, later func(error) (wait time.Duration, retry bool), try func(context.Context) error,
) error {
	backoff := gax.Backoff{Initial: 250 * time.Millisecond, Max: 4 * time.Second, Multiplier: 2}
	for n := 1; ; n++ {
		attempt, cancel := context.WithTimeout(ctx, p.AttemptTimeout)
		err := try(attempt)
		cancel()
		if err == nil || n == p.Attempts || errors.Is(err, context.Canceled) {
			return err
		}
		wait, retry := later(err)
		if !retry {
			return err
		}
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < wait {
			return err
		}
		if gax.Sleep(ctx, max(wait, backoff.Pause())) != nil {
			return err
		}
	}
}
