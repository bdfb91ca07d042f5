package createspace

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"example.com/deputy/shared/api"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/fault"
)

// sweepTime is after what a sweep begins nothing more: what it has begun then
// still fits into the request's deadline.
const sweepTime = 30 * time.Second

// sweepPause is between two walks over what expires: the scheduler calls more
// often, for the grants that are due and for revocations.
const sweepPause = 20 * time.Hour

// Sweep keeps stored grants in order (userauth.Sweep), for as long as one
// request allows; the next goes on where it stopped. The scheduler calls it.
func (f function) Sweep(ctx context.Context, _ api.SweepRequestObject) (api.SweepResponseObject, error) {
	if err := of(ctx).caller.AllowAction(callers.Sweep); err != nil {
		return nil, err
	}
	done, err := f.Auth.Sweep(ctx, f.Auth.Now().Add(sweepTime), sweepPause)
	if err != nil {
		return nil, err
	}
	f.Log.InfoContext(ctx, "swept", slog.Any("done", done))
	text, err := json.Marshal(done)
	var out api.Sweep200JSONResponse
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	return out, fault.Wrap("createspace.Sweep", err)
}
