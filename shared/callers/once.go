package callers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/words"
)

// lease is how long a request is left to whoever is at it. Its act has ended
// by then: the API answers within 55 seconds.
const lease = time.Minute

// Running is the error of a request whose like is being done: ask again later.
type Running struct{ For time.Duration }

// Error says for how long, for the log.
func (r *Running) Error() string { return fmt.Sprintf("somebody is at it for %v", r.For) }

// ErrReused says that a key came with another request before.
var ErrReused = errors.New("the key came with another request")

// Once does something for a caller's request, and keeps the answer for seven
// days: the same request gets it again, however often it comes. id is of the
// caller and its key, request of what it asks for. While somebody is at it,
// also in another instance, the error is Running; when they have died, the next
// takes over. A failure is not kept, so do has to be safe to repeat.
func (c *Callers) Once(ctx context.Context, id, request string, do func() ([]byte, error)) ([]byte, error) {
	mine, err := c.take(ctx, id, request)
	if err != nil || mine.Answer != "" {
		return []byte(mine.Answer.Reveal()), fault.Wrap("callers.Once", err)
	}
	answer, failed := do()
	// The act stands whatever comes of what follows: repeated, it finds itself.
	ctx = context.WithoutCancel(ctx)
	switch kind := fault.KindOf(failed); {
	case failed != nil && (kind == fault.Unavailable || kind == fault.RateLimited || kind == fault.Internal):
		mine.Lease = time.Time{} // perhaps it was done: only the same may go on
		_, _ = c.vault.SaveReply(ctx, mine)
	case failed != nil: // nothing was done: the key is free
		_ = c.vault.DeleteReply(ctx, mine)
	default:
		mine.Lease, mine.Answer = time.Time{}, config.Secret(answer)
		_, _ = c.vault.SaveReply(ctx, mine)
	}
	return answer, failed
}

// take is the record of a request, with its answer, or with the lease on us.
func (c *Callers) take(ctx context.Context, id, request string) (vault.Reply, error) {
	now := c.now()
	fresh := vault.Reply{ID: id, Request: request, Lease: now.Add(lease)}
	mine, err := c.vault.CreateReply(ctx, fresh)
	if err == nil || fault.KindOf(err) != fault.Conflict {
		return mine, err
	}
	there, err := c.vault.Reply(ctx, id)
	switch {
	case fault.KindOf(err) == fault.NotFound && err != nil: // it has just gone
		return there, running(time.Second)
	case err != nil:
		return there, err
	case !now.Before(there.Expires): // the key may be used anew
		there.Request, there.Answer, there.Expires = request, "", now.Add(vault.ReplyLife)
	case there.Request != request:
		return there, &fault.Error{
			Op: "callers.take", Kind: fault.Invalid, Err: ErrReused,
			Public: words.English("This Idempotency-Key came with another request before. Send a new key for a new act."),
		}
	case there.Answer != "":
		return there, nil
	case now.Before(there.Lease):
		return there, running(there.Lease.Sub(now))
	}
	there.Lease = now.Add(lease)
	there, err = c.vault.SaveReply(ctx, there)
	if err != nil && fault.KindOf(err) == fault.Conflict { // somebody was faster
		return there, running(lease)
	}
	return there, err
}

func running(left time.Duration) error {
	return &fault.Error{
		Op: "callers.take", Kind: fault.Conflict, Err: &Running{left},
		Public: words.English("A request with this Idempotency-Key is being done. Send it again in a moment."),
	}
}
