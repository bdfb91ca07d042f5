package serve

import (
	"errors"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/words"
)

// Places are how many requests one instance works on at once. Cloud Run sends 40;
// elsewhere nobody counts. Each holds some 100 KB while it waits for Google.
const Places = 200

// ErrFull says that there was no place, and that nothing was done. The fault's
// kind is RateLimited.
var ErrFull = errors.New("no place is free")

// Room bounds how many requests are worked on at once, so that what is too much
// is told at once, and does not make the others late. It is safe for concurrent
// use.
type Room struct{ taken chan struct{} }

// NewRoom has so many places.
func NewRoom(places int) *Room { return &Room{make(chan struct{}, places)} }

// Enter takes a place, until leave is called, or says at once that none is free.
func (r *Room) Enter() (leave func(), err error) {
	select {
	case r.taken <- struct{}{}:
		return func() { <-r.taken }, nil
	default:
		return nil, &fault.Error{Op: "serve.Enter", Kind: fault.RateLimited, Public: words.Busy, Err: ErrFull}
	}
}
