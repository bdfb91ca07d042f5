package serve

import (
	"context"
	"net/http"
	"os"
	"sync"
	"time"

	"example.com/deputy/shared/fault"
)

// DrainTime is how long requests in flight have to finish after SIGTERM. The platform kills the process 10 s after the
// signal. After workTime their contexts end, so that each has time left to answer and to log its line.
const (
	DrainTime = 9 * time.Second
	workTime  = 7 * time.Second
)

// Drain counts the requests in flight, so that a process can finish them before it
// exits. The zero value is ready to use. It is safe for concurrent use.
type Drain struct {
	mu       sync.Mutex
	inFlight int
	idle     chan struct{}   // closed when inFlight reaches 0; nil if nothing waits
	end      context.Context // of the work on requests
	stop     context.CancelFunc
}

// Track returns a handler that counts the requests in next.
func (d *Drain) Track(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.add(1)
		defer d.add(-1)
		ctx, cancel := fault.WithEnd(r.Context(), d.working())
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// working returns the context that ends with the work on requests.
func (d *Drain) working() context.Context {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.end == nil {
		d.end, d.stop = context.WithCancel(context.Background()) //nolint:gosec // Begin calls stop
	}
	return d.end
}

// Begin says that the process must end: the work on requests ends after workTime.
func (d *Drain) Begin() {
	d.working()
	time.AfterFunc(workTime, d.stop)
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
	d.Begin()
	ctx, cancel := context.WithTimeout(context.Background(), DrainTime)
	defer cancel()
	if d.Wait(ctx) != nil {
		exit(1)
		return
	}
	exit(0)
}
