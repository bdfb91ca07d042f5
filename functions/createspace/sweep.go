package createspace

import (
	"log/slog"
	"net/http"
	"time"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/logging"
)

// sweepTime is after what a sweep begins nothing more: what it has begun then
// still fits into the request's deadline.
const sweepTime = 30 * time.Second

// sweepPause is between two sweeps of everything, each of which reads every
// grant: the scheduler calls more often, for what is left and for revocations.
const sweepPause = 20 * time.Hour

// sweep keeps stored grants in order (userauth.Sweep), for as long as one
// request allows; the next goes on where it stopped. The scheduler calls it.
func (f function) sweep(w http.ResponseWriter, r *http.Request) error {
	caller, err := f.Callers.Verify(r)
	if err != nil {
		return err
	}
	logging.Note(r.Context(), slog.String("caller", caller.Email))
	if err := callers.AllowOperation(caller, callers.Sweep); err != nil {
		return err
	}
	done, err := f.Auth.Sweep(r.Context(), f.Auth.Now().Add(sweepTime), sweepPause)
	if err != nil {
		return err
	}
	f.Log.InfoContext(r.Context(), "swept", slog.Any("done", done))
	return write(w, http.StatusOK, done)
}
