package operations

import (
	"context"
	"log/slog"
	"time"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/grants"
)

// sweepTime is after how long a sweep starts nothing more. What is in progress
// then still ends before the request's deadline.
const sweepTime = 30 * time.Second

// sweepPause separates two passes over what expires. The scheduler calls more often, for due grants and revocations.
const sweepPause = 20 * time.Hour

// Sweep maintains the stored grants (grants.Sweep) for as long as one request
// allows; the next call continues where it stopped. The scheduler calls it.
func (o *Operations) Sweep(ctx context.Context, caller callers.Caller) (grants.SweepResult, error) {
	if err := caller.AllowAction(callers.Sweep); err != nil {
		return grants.SweepResult{}, err
	}
	done, err := o.deps.Grants.Sweep(ctx, o.deps.Now().Add(sweepTime), sweepPause)
	if err == nil {
		o.deps.Log.InfoContext(ctx, "swept", slog.Any("done", done))
	}
	return done, err
}
