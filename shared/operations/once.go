package operations

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

// lease is how long one instance owns an operation. It exceeds the API's
// 55-second deadline, so an expired lease means that the instance died.
const lease = time.Minute

// maxRetry is how long the parts of an operation that failed with a transient error are tried again.
const maxRetry = 24 * time.Hour

// RunningError is the error of a request that is already in progress. LeaseLeft is the time until its lease expires.
type RunningError struct{ LeaseLeft time.Duration }

// RetryAfter returns when to ask again: after as long as the request has been running, at least a second and at most
// until its lease expires. Most operations end within a second.
func (r *RunningError) RetryAfter() time.Duration {
	return min(max(lease-r.LeaseLeft, time.Second), max(r.LeaseLeft, time.Second))
}

// Error says when the lease expires, for the log.
func (r *RunningError) Error() string {
	return fmt.Sprintf("in progress, lease expires in %v", r.LeaseLeft)
}

// ErrKeyReused says that the key belongs to a different request.
var ErrKeyReused = errors.New("idempotency key reused with a different request")

// Runner does an operation once for its key and stores the result. It does not
// know what is done, nor who may ask for it. It is safe for concurrent use.
type Runner struct {
	vault *vault.Vault
	log   *slog.Logger
	now   func() time.Time
	// left holds leases that this instance took and no longer uses: the answer of the store was lost, so the
	// record may still have them. The next request need not wait until they expire.
	left *lru.Cache[held, struct{}]
}

// held is a lease of an operation.
type held struct {
	id    string
	until int64 // µs since 1970
}

// maxLeft limits Runner.left; each entry has about 200 bytes.
const maxLeft = 10_000

// NewRunner returns a Runner that keeps its records in v.
func NewRunner(v *vault.Vault, log *slog.Logger, now func() time.Time) *Runner {
	left, err := lru.New[held, struct{}](maxLeft)
	if err != nil {
		panic(err) // only for a size below one
	}
	return &Runner{v, log, vault.MicrosecondClock(now), left}
}

// Request identifies an operation that is to be done once.
type Request struct {
	ID     string          // Digest of the caller and its key
	Caller string          // id of the caller
	Person resource.Person // users/{sub} to act as; empty if it is not known
	Hash   string          // of the request; the same key with another hash is ErrKeyReused
}

// Digest returns the SHA-256 of the parts in hex; each part is prefixed with its length.
func Digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		_, _ = fmt.Fprintf(h, "%d:%s", len(p), p) // hash.Hash.Write never returns an error
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Attempt is one attempt at an operation.
type Attempt struct {
	RunID      string    // id of the operation: the same in all attempts, another when an expired key is reused
	FirstTried time.Time // when it was first attempted
	Retry      bool      // it was attempted before
	Late       bool      // it was first attempted more than maxRetry ago: what fails now is final
	Journal    []byte    // saved by an earlier attempt; nil for none
	save       func(context.Context, []byte) error
	person     *resource.Person // of the record
	nothing    *bool            // was done
}

// NothingDone says that the attempt ended before it did anything, whatever its error is.
func (t Attempt) NothingDone() { *t.nothing = true }

// SetPerson sets whose record it is (Request.Person), if the person was not known when the key was claimed.
func (t Attempt) SetPerson(p resource.Person) { *t.person = p }

// LoadJournal returns the journal of an earlier attempt; nil for none.
func (t Attempt) LoadJournal() []byte { return t.Journal }

// SaveJournal saves the journal that a later attempt needs; call it before the step
// that must not be repeated. It does nothing if the operation has no record.
func (t Attempt) SaveJournal(ctx context.Context, journal []byte) error {
	if t.save == nil {
		return nil
	}
	return t.save(ctx, journal)
}

// Do calls do and stores its result for seven days. A repetition of the request gets the stored
// result. While an instance holds the lease, it fails with a *RunningError; when the lease expires, the
// next request takes over. do reports whether its result is final. If it is not, or an error left
// the outcome unknown, the key stays with this request. An error without effect frees the key.
func (r *Runner) Do(
	ctx context.Context, q Request, do func(Attempt) (result []byte, final bool, err error),
) (result []byte, repeated bool, err error) {
	o, retry, err := r.claim(ctx, q)
	if err != nil || !o.Result.Empty() {
		return []byte(o.Result.Reveal()), true, fault.Wrap("operations.Do", err)
	}
	save := func(ctx context.Context, journal []byte) error {
		o.Journal = config.NewSecret(journal)
		saved, err := r.vault.SaveOperation(ctx, o)
		if err == nil {
			o = saved
		}
		return fault.Wrap("operations.Do", err)
	}
	t := Attempt{RunID: runID(o), FirstTried: o.Expires.Add(-vault.OperationTTL), Retry: retry}
	nothing := false
	t.save, t.person, t.nothing = save, &o.Person, &nothing
	t.Late = r.now().Sub(t.FirstTried) > maxRetry
	if !o.Journal.Empty() {
		t.Journal = []byte(o.Journal.Reveal())
	}
	result, final, failed := do(t)
	// From here on, failures to store the result are harmless: a retry with the same key finds what was done.
	ctx = context.WithoutCancel(ctx)
	if failed != nil && (nothing || HadNoEffect(failed)) && !retry {
		r.ended(ctx, o, r.vault.DeleteOperation(ctx, o))
		return nil, false, failed
	}
	if failed == nil && final {
		o.Result, o.Journal = config.NewSecret(result), config.Secret{}
	}
	free := o
	free.Lease = time.Time{}
	_, err = r.vault.SaveOperation(ctx, free)
	r.ended(ctx, o, err)
	return result, false, failed
}

// ended logs err, if the end of operation o was not stored, and remembers that o's lease is not used any more.
func (r *Runner) ended(ctx context.Context, o vault.Operation, err error) {
	if err != nil {
		r.left.Add(held{o.ID, o.Lease.UnixMicro()}, struct{}{})
		r.log.ErrorContext(ctx, "operation result not stored; a retry finds the finished operation",
			slog.String("error", err.Error()))
	}
}

// runID returns the same id for all attempts at an operation. The expiry is
// in it: a key that is reused after its record expired is another operation.
func runID(o vault.Operation) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %d", o.ID, o.RequestHash, o.Expires.Unix()))
	return hex.EncodeToString(sum[:])
}

// HadNoEffect reports whether an operation was refused before it did anything.
func HadNoEffect(err error) bool {
	return !isPartial(err) && !fault.IsTransient(err)
}

// WithLock calls do while this instance holds the lock of a name. It fails with Conflict if another call holds it.
func (r *Runner) WithLock(ctx context.Context, name string, do func() error) error {
	o, _, err := r.claim(ctx, Request{ID: Digest("hold", "", name), Hash: "hold"})
	if running, ok := errors.AsType[*RunningError](err); ok {
		return &fault.Error{
			Op: "operations.WithLock", Kind: fault.Conflict, Err: running,
			Public: i18n.English("Another change of this space is in progress. Send your request again in a moment."),
		}
	}
	if err != nil {
		return fault.Wrap("operations.WithLock", err)
	}
	failed := do()
	ctx = context.WithoutCancel(ctx)
	r.ended(ctx, o, r.vault.DeleteOperation(ctx, o))
	return failed
}

// claim returns the record of an operation: with its result, or leased to this
// instance. retry reports whether it was attempted before.
func (r *Runner) claim(ctx context.Context, q Request) (o vault.Operation, retry bool, err error) {
	now := r.now()
	mine := held{q.ID, now.Add(lease).UnixMicro()}
	o, err = r.vault.CreateOperation(ctx, vault.Operation{
		ID: q.ID, Person: q.Person, Caller: q.Caller, RequestHash: q.Hash, Lease: now.Add(lease),
	})
	if err == nil || fault.KindOf(err) != fault.Conflict {
		r.noteClaim(mine, err)
		return o, false, err
	}
	found, err := r.vault.Operation(ctx, q.ID)
	retry = true
	switch {
	case err != nil && fault.KindOf(err) == fault.NotFound: // deleted since
		return found, false, runningError(time.Second)
	case err != nil:
		return found, false, err
	case !now.Before(found.Expires): // an expired key is free
		retry = false
		found.Person, found.Caller, found.RequestHash = q.Person, q.Caller, q.Hash
		found.Expires = now.Add(vault.OperationTTL)
		found.Result, found.Journal = config.Secret{}, config.Secret{}
	case found.RequestHash != q.Hash:
		return found, false, reusedError()
	case !found.Result.Empty():
		return found, true, nil
	case now.Before(found.Lease) && !r.left.Contains(held{q.ID, found.Lease.UnixMicro()}):
		return found, false, runningError(found.Lease.Sub(now))
	}
	found.Lease = now.Add(lease)
	found, err = r.vault.SaveOperation(ctx, found)
	if err != nil && fault.KindOf(err) == fault.Conflict { // another instance claimed it first
		return found, false, runningError(lease)
	}
	r.noteClaim(mine, err)
	return found, retry, err
}

// noteClaim remembers a lease that may have been taken, although its request failed. A lease in use is not left.
func (r *Runner) noteClaim(mine held, err error) {
	if err != nil {
		r.left.Add(mine, struct{}{})
	} else {
		r.left.Remove(mine)
	}
}

func reusedError() error {
	return &fault.Error{
		Op: "operations.claim", Kind: fault.Invalid, Err: ErrKeyReused,
		Public: i18n.English("This Idempotency-Key belongs to a different request. Send a new key for a new request."),
	}
}

func runningError(left time.Duration) error {
	return &fault.Error{
		Op: "operations.claim", Kind: fault.Conflict, Err: &RunningError{left},
		Public: i18n.English("A request with this Idempotency-Key is in progress. Send it again in a moment."),
	}
}
