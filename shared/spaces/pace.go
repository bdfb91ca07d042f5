package spaces

import (
	"context"
	"time"

	"golang.org/x/time/rate"
)

// Google's quotas that one act alone can use up (chat-protocol.md 7): writes to
// one space, and memberships of the whole project, of which we take half in
// each instance.
const (
	spaceWrites  = rate.Limit(1)
	memberWrites = rate.Limit(300 / 60 / 2.0)
)

// finishing is what is left of an act's time when nothing more is begun: one
// try of a call, and a look at who is in.
const finishing = 16 * time.Second

// pace lets an act's writes to one space through one by one, a second apart.
func (s *Spaces) pace() func(context.Context) error {
	if s.planning {
		return func(context.Context) error { return nil }
	}
	return rate.NewLimiter(spaceWrites, 1).Wait
}

// mayAdd waits until another member may be added; false when the act's time
// would be over.
func (s *Spaces) mayAdd(ctx context.Context) bool {
	if s.planning {
		return true
	}
	if deadline, ok := ctx.Deadline(); ok {
		var stop context.CancelFunc
		ctx, stop = context.WithDeadline(ctx, deadline.Add(-finishing))
		defer stop()
	}
	return s.members.Wait(ctx) == nil
}
