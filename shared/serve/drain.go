package serve

import (
	"context"
	"net/http"
	"os"
	"sync"
	"time"
)

// DrainTime is how long requests in flight have to finish after SIGTERM. The platform
// kills the process 10 s after the signal.
const DrainTime = 9 * time.Second

// Drain counts the requests in flight, so that a process can finish them before it
// exits. The zero value is ready to use. It is safe for concurrent use.
type Drain struct {
	mu       sync.Mutex
	inFlight int
	idle     chan struct{} // closed when inFlight reaches 0; nil if nothing waits
}

// Track returns a handler that counts the requests in next.
func (d *Drain) Track(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.add(1)
		defer d.add(-1)
		next.ServeHTTP(w, r)
	})
}

func (d *Drain) add(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inFlight += n
	if d.inFlight == 0 && d.idle != nil {
		close(d.idle)
		d.idle = nil
	}
}

// Wait waits until no request is in flight, or returns ctx's error.
func (d *Drain) Wait(ctx context.Context) error {
	d.mu.Lock()
	if d.inFlight == 0 {
		d.mu.Unlock()
		return nil
	}
	if d.idle == nil {
		d.idle = make(chan struct{})
	}
	idle := d.idle
	d.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ExitOnSignal waits for a signal and then for the requests in flight. It calls exit with
// 0, or with 1 if they take longer than DrainTime.
func (d *Drain) ExitOnSignal(signals <-chan os.Signal, exit func(int)) {
	<-signals
	ctx, cancel := context.WithTimeout(context.Background(), DrainTime)
	defer cancel()
	if d.Wait(ctx) != nil {
		exit(1)
		return
	}
	exit(0)
}
