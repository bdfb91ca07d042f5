package serve

import (
	"errors"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/words"
)

// MaxInFlight is the maximum number of concurrent requests of one instance. Cloud Run
// sends at most 40; other platforms have no limit. Each request needs about 100 KB.
const MaxInFlight = 200

// ErrFull means that the limit is reached and the request had no effect. The fault is RateLimited.
var ErrFull = errors.New("concurrency limit reached")

// Limiter limits the number of concurrent requests. It rejects excess requests
// instead of queueing them. It is safe for concurrent use.
type Limiter struct{ slots chan struct{} }

// NewLimiter returns a Limiter for max concurrent requests.
func NewLimiter(max int) *Limiter { return &Limiter{make(chan struct{}, max)} }

// Acquire acquires a slot, which release frees. It fails at once with ErrFull if there is none.
func (l *Limiter) Acquire() (release func(), err error) {
	select {
	case l.slots <- struct{}{}:
		return func() { <-l.slots }, nil
	default:
		return nil, &fault.Error{Op: "serve.Acquire", Kind: fault.RateLimited, Public: words.ErrorBusy, Err: ErrFull}
	}
}
