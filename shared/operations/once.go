package operations

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

// lease is how long one instance owns an operation. It exceeds the API's
// 55-second deadline, so an expired lease means that the instance died.
const lease = time.Minute

// Running is the error of a request whose like is in progress: ask again later.
type Running struct{ For time.Duration }

// Error says for how long at most, for the log.
func (r *Running) Error() string {
	return fmt.Sprintf("in progress, lease expires in %v", r.For)
}

// ErrReused says that a key came with another request before.
var ErrReused = errors.New("idempotency key reused with a different request")

// Runner does something once for its key, however often the request for it comes,
// and keeps the result. It does not know what is done, nor who may ask for it. It
// is safe for concurrent use.
type Runner struct {
	vault *vault.Vault
	log   *slog.Logger
	now   func() time.Time
}

// NewRunner keeps operations in v.
func NewRunner(v *vault.Vault, log *slog.Logger, now func() time.Time) *Runner {
	return &Runner{v, log, vault.Clock(now)}
}

// Request is what is to be done once.
type Request struct {
	ID     string          // of the operation: Digest of who asks, and their key
	Caller string          // who asks
	Person resource.Person // users/{sub} as whom; empty for one who never connected
	Hash   string          // of what is asked for: the same key may not ask for something else
}

// Digest is one name for several.
func Digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		_, _ = fmt.Fprintf(h, "%d:%s", len(p), p) // hash.Hash.Write never returns an error
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Try is one try of an operation.
type Try struct {
	Act     string    // names what is done: the same in all tries, another when the key is used anew
	Began   time.Time // its first try
	Again   bool      // it was tried before
	Journal []byte    // what a try before kept; nil for nothing
	keep    func(context.Context, []byte) error
}

// Kept is what a try before kept; nil for nothing.
func (t Try) Kept() []byte { return t.Journal }

// Keep stores, before something is done, what a later try has to know.
//
// Without a record, which a person in Chat does not need, nothing is stored.
func (t Try) Keep(ctx context.Context, journal []byte) error {
	if t.keep == nil {
		return nil
	}
	return t.keep(ctx, journal)
}

// Once does something as a person, and keeps the result for seven days: the same
// request gets it again, however often it comes. While an instance is doing it,
// also another one, the error is Running; when that has died, the next takes
// over. do says whether its result is final. What is not, and what fails in a way
// that may have been done, leaves the key to the same request; what was refused
// without a trace leaves it free.
func (r *Runner) Once(ctx context.Context, q Request, do func(Try) (result []byte, final bool, err error)) (result []byte, repeated bool, err error) {
	o, again, err := r.claim(ctx, q)
	if err != nil || !o.Result.Empty() {
		return []byte(o.Result.Reveal()), true, fault.Wrap("operations.Once", err)
	}
	t := Try{Act: actOf(o), Began: o.Expires.Add(-vault.OperationLife), Again: again, keep: func(ctx context.Context, journal []byte) error {
		o.Journal = config.NewSecret(journal)
		kept, err := r.vault.SaveOperation(ctx, o)
		if err == nil {
			o = kept
		}
		return fault.Wrap("operations.Keep", err)
	}}
	if !o.Journal.Empty() {
		t.Journal = []byte(o.Journal.Reveal())
	}
	result, final, failed := do(t)
	// From here on, failures to store the result are harmless: a retry with the
	// same key finds what was done.
	ctx = context.WithoutCancel(ctx)
	o.Lease = time.Time{}
	if failed != nil && HadNoEffect(failed) && !again {
		r.note(ctx, r.vault.DeleteOperation(ctx, o))
		return nil, false, failed
	}
	if failed == nil && final {
		o.Result, o.Journal = config.NewSecret(result), config.Secret{}
	}
	_, err = r.vault.SaveOperation(ctx, o)
	r.note(ctx, err)
	return result, false, failed
}

// note logs that the store did not take what came of an operation.
func (r *Runner) note(ctx context.Context, err error) {
	if err != nil {
		r.log.ErrorContext(ctx, "the result of an operation is not stored; a repetition finds what was done", slog.String("error", err.Error()))
	}
}

// actOf is one name for all tries of an operation. A key can be used anew when
// its record has expired; then it is another operation.
func actOf(o vault.Operation) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %d", o.ID, o.Request, o.Expires.Unix()))
	return hex.EncodeToString(sum[:])
}

// Result is the stored result of the operation that a request has started
// before; nil when there is none. ErrReused when the key came with another
// request.
func (r *Runner) Result(ctx context.Context, q Request) ([]byte, error) {
	o, err := r.vault.Operation(ctx, q.ID)
	switch {
	case err != nil && fault.KindOf(err) == fault.NotFound:
		return nil, nil //nolint:nilerr // there is none
	case err != nil:
		return nil, fault.Wrap("operations.Result", err)
	case !r.now().Before(o.Expires):
		return nil, nil
	case o.Request != q.Hash:
		return nil, reused()
	case o.Result.Empty():
		return nil, nil
	}
	return []byte(o.Result.Reveal()), nil
}

// HadNoEffect reports whether an operation was refused before it did anything.
func HadNoEffect(err error) bool {
	_, partly := errors.AsType[*fault.Partly](err)
	return !partly && !fault.Passes(err)
}

// Hold does something while no other instance holds the same name. Running when
// one does.
func (r *Runner) Hold(ctx context.Context, name string, do func() error) error {
	o, _, err := r.claim(ctx, Request{ID: Digest("hold", "", name), Hash: "hold"})
	if busy, running := errors.AsType[*Running](err); running {
		return &fault.Error{
			Op: "operations.Hold", Kind: fault.Conflict, Err: busy,
			Public: i18n.English("Another change of the same thing is in progress. Send this one again in a moment."),
		}
	}
	if err != nil {
		return fault.Wrap("operations.Hold", err)
	}
	failed := do()
	r.note(ctx, r.vault.DeleteOperation(context.WithoutCancel(ctx), o))
	return failed
}

// claim is the record of an operation, with its result, or with the lease on us;
// again when it was tried before.
func (r *Runner) claim(ctx context.Context, q Request) (o vault.Operation, again bool, err error) {
	now := r.now()
	o, err = r.vault.CreateOperation(ctx, vault.Operation{ID: q.ID, Person: q.Person, Caller: q.Caller, Request: q.Hash, Lease: now.Add(lease)})
	if err == nil || fault.KindOf(err) != fault.Conflict {
		return o, false, err
	}
	there, err := r.vault.Operation(ctx, q.ID)
	again = true
	switch {
	case err != nil && fault.KindOf(err) == fault.NotFound: // it has just gone
		return there, false, running(time.Second)
	case err != nil:
		return there, false, err
	case !now.Before(there.Expires): // the key may be used anew
		again = false
		there.Person, there.Caller, there.Request, there.Expires = q.Person, q.Caller, q.Hash, now.Add(vault.OperationLife)
		there.Result, there.Journal = config.Secret{}, config.Secret{}
	case there.Request != q.Hash:
		return there, false, reused()
	case !there.Result.Empty():
		return there, true, nil
	case now.Before(there.Lease):
		return there, false, running(there.Lease.Sub(now))
	}
	there.Lease = now.Add(lease)
	there, err = r.vault.SaveOperation(ctx, there)
	if err != nil && fault.KindOf(err) == fault.Conflict { // another instance was faster
		return there, false, running(lease)
	}
	return there, again, err
}

func reused() error {
	return &fault.Error{
		Op: "operations.claim", Kind: fault.Invalid, Err: ErrReused,
		Public: i18n.English("This Idempotency-Key came with a different request before. Send a new key for a new request."),
	}
}

func running(left time.Duration) error {
	return &fault.Error{
		Op: "operations.claim", Kind: fault.Conflict, Err: &Running{left},
		Public: i18n.English("A request with this Idempotency-Key is in progress. Send it again in a moment."),
	}
}
