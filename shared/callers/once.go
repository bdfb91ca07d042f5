package callers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
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

// Try is one try of a request under its key.
type Try struct {
	Act     string    // names what is done: the same in all tries, another when the key is used anew
	Began   time.Time // its first try
	Again   bool      // it was tried before
	Journal []byte    // what a try before kept; nil for nothing
	keep    func(context.Context, []byte) error
}

// Keep stores, before something is done, what a later try has to know.
func (t Try) Keep(ctx context.Context, journal []byte) error { return t.keep(ctx, journal) }

// Once does something for a caller's request as a person, and keeps the answer
// for seven days: the same request gets it again, however often it comes. id is
// of the caller, its key and the operation, request of what it asks for. While
// somebody is at it, also in another instance, the error is Running; when they
// have died, the next takes over. do says whether its answer is final. What is
// not, and what fails in a way that may have been done, leaves the key to the
// same request; what was refused without a trace leaves it free.
func (c *Callers) Once(ctx context.Context, id, person, request string, do func(Try) (answer []byte, final bool, err error)) (answer []byte, repeated bool, err error) {
	mine, again, err := c.take(ctx, id, person, request)
	if err != nil || mine.Answer != "" {
		return []byte(mine.Answer.Reveal()), true, fault.Wrap("callers.Once", err)
	}
	t := Try{Act: actOf(mine), Began: mine.Expires.Add(-vault.ReplyLife), Again: again, keep: func(ctx context.Context, journal []byte) error {
		mine.Journal = config.Secret(journal)
		kept, err := c.vault.SaveReply(ctx, mine)
		if err == nil {
			mine = kept
		}
		return fault.Wrap("callers.Keep", err)
	}}
	if mine.Journal != "" {
		t.Journal = []byte(mine.Journal.Reveal())
	}
	answer, final, failed := do(t)
	// The act stands whatever comes of what follows: repeated, it finds itself.
	ctx = context.WithoutCancel(ctx)
	mine.Lease = time.Time{}
	if failed != nil && Untouched(failed) && !again {
		_ = c.vault.DeleteReply(ctx, mine)
		return nil, false, failed
	}
	if failed == nil && final {
		mine.Answer, mine.Journal = config.Secret(answer), ""
	}
	_, _ = c.vault.SaveReply(ctx, mine)
	return answer, false, failed
}

// actOf is one name for all tries of an act. A key can be used anew when its
// record has expired; then it is another act.
func actOf(r vault.Reply) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %d", r.ID, r.Request, r.Expires.Unix()))
	return hex.EncodeToString(sum[:])
}

// Kept is the answer that an act under this id was given; nil for none.
func (c *Callers) Kept(ctx context.Context, id string) ([]byte, error) {
	r, err := c.vault.Reply(ctx, id)
	if err != nil && fault.KindOf(err) == fault.NotFound {
		err = nil
	}
	if err != nil || r.Answer == "" || !c.now().Before(r.Expires) {
		return nil, fault.Wrap("callers.Kept", err)
	}
	return []byte(r.Answer.Reveal()), nil
}

// Untouched tells that an act was refused before it did anything.
func Untouched(err error) bool {
	_, partly := errors.AsType[*fault.Partly](err)
	return !partly && !fault.Passes(err)
}

// take is the record of a request, with its answer, or with the lease on us;
// again when it was tried before.
func (c *Callers) take(ctx context.Context, id, person, request string) (r vault.Reply, again bool, err error) {
	now := c.now()
	fresh := vault.Reply{ID: id, Person: person, Request: request, Lease: now.Add(lease)}
	mine, err := c.vault.CreateReply(ctx, fresh)
	if err == nil || fault.KindOf(err) != fault.Conflict {
		return mine, false, err
	}
	there, err := c.vault.Reply(ctx, id)
	again = true
	switch {
	case fault.KindOf(err) == fault.NotFound && err != nil: // it has just gone
		return there, false, running(time.Second)
	case err != nil:
		return there, false, err
	case !now.Before(there.Expires): // the key may be used anew
		again = false
		there.Person, there.Request, there.Answer, there.Journal, there.Expires = person, request, "", "", now.Add(vault.ReplyLife)
	case there.Request != request:
		return there, false, &fault.Error{
			Op: "callers.take", Kind: fault.Invalid, Err: ErrReused,
			Public: words.English("This Idempotency-Key came with another request before. Send a new key for a new act."),
		}
	case there.Answer != "":
		return there, true, nil
	case now.Before(there.Lease):
		return there, false, running(there.Lease.Sub(now))
	}
	there.Lease = now.Add(lease)
	there, err = c.vault.SaveReply(ctx, there)
	if err != nil && fault.KindOf(err) == fault.Conflict { // somebody was faster
		return there, false, running(lease)
	}
	return there, again, err
}

func running(left time.Duration) error {
	return &fault.Error{
		Op: "callers.take", Kind: fault.Conflict, Err: &Running{left},
		Public: words.English("A request with this Idempotency-Key is being done. Send it again in a moment."),
	}
}
