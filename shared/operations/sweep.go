package operations

import (
	"context"
	"log/slog"
	"time"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/grants"
)

// sweepTime is after what a sweep begins nothing more: what it has begun then
// still fits into the request's deadline.
const sweepTime = 30 * time.Second

// sweepPause is between two walks over what expires: the scheduler calls more
// often, for the grants that are due and for revocations.
const sweepPause = 20 * time.Hour

// Sweep keeps stored grants in order (grants.Sweep), for as long as one
// request allows; the next goes on where it stopped. The scheduler calls it.
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
