package spaces

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"google.golang.org/api/googleapi"

	"example.com/deputy/shared/retry"
)

var policy = retry.Policy{Tries: 4, Each: 8 * time.Second}

// repeat calls do until it succeeds or fails for good. Only what is safe to
// repeat may come here: reads, and writes that carry a requestId.
func repeat(ctx context.Context, do func(context.Context) error) error {
	return policy.Do(ctx, later, do)
}

// later tells whether err may pass, and how long Google asks to wait.
func later(err error) (time.Duration, bool) {
	e, ok := errors.AsType[*googleapi.Error](err)
	if !ok {
		return 0, true // no answer: a time-out, a broken connection
	}
	status, _ := statusOf(e)
	if e.Code != http.StatusTooManyRequests && e.Code < http.StatusInternalServerError && status != "ABORTED" {
		return 0, false
	}
	seconds, _ := strconv.Atoi(e.Header.Get("Retry-After")) // absent, or a date: 0
	return time.Duration(seconds) * time.Second, true
}
