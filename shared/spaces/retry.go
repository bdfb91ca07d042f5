package spaces

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/googleapis/gax-go/v2"
	"google.golang.org/api/googleapi"
)

const (
	tryTime = 8 * time.Second
	tries   = 4
)

// retry calls do until it succeeds, fails for good, or the context's time or
// the tries are used up. Only what is safe to repeat may come here: reads, and
// writes that carry a requestId.
func retry(ctx context.Context, do func(context.Context) error) error {
	pause := gax.Backoff{Initial: 250 * time.Millisecond, Max: 4 * time.Second, Multiplier: 2}
	for try := 1; ; try++ {
		once, cancel := context.WithTimeout(ctx, tryTime)
		err := do(once)
		cancel()
		wait, again := later(err)
		if err == nil || !again || try == tries {
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

// later tells whether err may pass, and how long Google asks to wait.
func later(err error) (time.Duration, bool) {
	e, ok := errors.AsType[*googleapi.Error](err)
	if !ok {
		// No answer: a time-out, a broken connection.
		return 0, err != nil && !errors.Is(err, context.Canceled)
	}
	if e.Code != http.StatusTooManyRequests && e.Code < http.StatusInternalServerError {
		return 0, false
	}
	seconds, _ := strconv.Atoi(e.Header.Get("Retry-After")) // absent, or a date: 0
	return time.Duration(seconds) * time.Second, true
}
