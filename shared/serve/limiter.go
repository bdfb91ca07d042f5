package serve

import (
	"errors"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/words"
)

// MaxInFlight is how many requests one instance works on at once. Cloud Run sends 40;
// elsewhere nobody counts. Each holds some 100 KB while it waits for Google.
const MaxInFlight = 200

// ErrFull says that there was no place, and that nothing was done. The fault's
// kind is RateLimited.
var ErrFull = errors.New("no place is free")

// Limiter bounds how many requests an instance works on at once. It refuses one more
// at once, so that the others are not late. It is safe for concurrent
// use.
type Limiter struct{ taken chan struct{} }

// NewLimiter lets max requests in at once.
func NewLimiter(max int) *Limiter { return &Limiter{make(chan struct{}, max)} }

// Enter takes a place, until leave is called, or says at once that none is free.
func (r *Limiter) Enter() (leave func(), err error) {
	select {
	case r.taken <- struct{}{}:
		return func() { <-r.taken }, nil
	default:
		return nil, &fault.Error{Op: "serve.Enter", Kind: fault.RateLimited, Public: words.ErrorBusy, Err: ErrFull}
	}
}
