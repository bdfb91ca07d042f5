package serve

import (
	"context"
	"net/http"
	"os"
	"sync"
	"time"
)

// DrainTime is how long requests in flight may take to end after SIGTERM: the
// platform kills the process 10 s after the signal.
const DrainTime = 9 * time.Second

// Drain counts the requests in flight, so that a process that was told to stop
// can finish them first. Its zero value is ready; it is safe for concurrent use.
type Drain struct {
	mu     sync.Mutex
	flying int
	idle   chan struct{} // closed at the moment nothing flies; nil until asked for
}

// Track counts the requests that pass through next.
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
	d.flying += n
	if d.flying == 0 && d.idle != nil {
		close(d.idle)
		d.idle = nil
	}
}

// Wait returns when nothing flies, or with ctx's error.
func (d *Drain) Wait(ctx context.Context) error {
	d.mu.Lock()
	if d.flying == 0 {
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

// OnSignal waits for one signal, then for the requests in flight, then calls
// exit with 0, or with 1 when DrainTime was not enough.
func (d *Drain) OnSignal(signals <-chan os.Signal, exit func(int)) {
	<-signals
	ctx, cancel := context.WithTimeout(context.Background(), DrainTime)
	defer cancel()
	if d.Wait(ctx) != nil {
		exit(1)
		return
	}
	exit(0)
}
