package googlecall

import (
	"context"
	"errors"
	"time"

	"github.com/googleapis/gax-go/v2"
)

// Policy repeats a call that may pass: a bounded number of times, with back-off
// and jitter, within its context's time. Only reads, and writes that are safe to
// repeat, may come here.
type Policy struct {
	Tries int           // at most
	Each  time.Duration // of one try
}

// Do calls try until it succeeds, fails for good, or the tries or the
// context's time are used up. It gives the last error. later tells whether an error
// may pass, and how long the server asks to wait (0: not said).
func (p Policy) Do(ctx context.Context, later func(error) (wait time.Duration, again bool), try func(context.Context) error) error {
	pause := gax.Backoff{Initial: 250 * time.Millisecond, Max: 4 * time.Second, Multiplier: 2}
	for n := 1; ; n++ {
		once, cancel := context.WithTimeout(ctx, p.Each)
		err := try(once)
		cancel()
		if err == nil || n == p.Tries || errors.Is(err, context.Canceled) {
			return err
		}
		wait, again := later(err)
		if !again {
			return err
		}
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < wait {
			return err
		}
		if gax.Sleep(ctx, max(wait, pause.Pause())) != nil {
			return err
		}
	}
}
