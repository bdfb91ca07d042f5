package spaces

import (
	"context"
	"time"

	"golang.org/x/time/rate"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/words"
)

// Google's quotas that one operation can use up (workspace/chat/limits): writes to one
// space, and memberships of the whole project. Each instance uses half of the latter.
const (
	spaceWrites  = rate.Limit(1)
	memberWrites = rate.Limit(300 / 60 / 2.0) // per second: half of 300 a minute
)

// finishTime is reserved at the end of an operation for the call in progress.
const finishTime = 9 * time.Second

// memberBurst is how many members may be added without a pause.
const memberBurst = MaxMembers

// pace returns a function that waits until the next write to a space may start, one per second. It fails with
// Unavailable if the deadline is too close.
func (s *Spaces) pace() func(context.Context) error {
	limiter := rate.NewLimiter(spaceWrites, 1)
	return func(ctx context.Context) error {
		if s.planning {
			return nil
		}
		if err := limiter.Wait(ctx); err != nil {
			return &fault.Error{Op: "spaces.pace", Kind: fault.Unavailable, Public: words.ErrorChatSilent, Err: err}
		}
		return nil
	}
}

// waitToAdd waits until another member may be added; false if the operation's time does not suffice.
func (s *Spaces) waitToAdd(ctx context.Context) bool {
	if s.planning {
		return true
	}
	ctx, cancel := beforeDeadline(ctx, finishTime)
	defer cancel()
	return s.addLimiter.Wait(ctx) == nil
}
