package fault

import (
	"context"
	"sync"
	"time"
)

// endKey is the key of a context's context.Context that ends when work must stop.
type endKey struct{}

// WithEnd returns a copy of ctx that ends with end. So do the contexts that Detach makes of it.
func WithEnd(ctx, end context.Context) (context.Context, context.CancelFunc) {
	return withEnd(context.WithValue(ctx, endKey{}, end), end)
}

// Detach returns a context for work that a request began and that must not end with it. It ends after limit, or when
// the process must end (WithEnd).
func Detach(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	out, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	end, ok := ctx.Value(endKey{}).(context.Context)
	if !ok {
		return out, cancel
	}
	out, stop := withEnd(out, end)
	return out, func() { stop(); cancel() }
}

// HasEnded reports whether the end of WithEnd has come.
func HasEnded(ctx context.Context) bool {
	end, ok := ctx.Value(endKey{}).(context.Context)
	return ok && end.Err() != nil
}

func withEnd(ctx, end context.Context) (context.Context, context.CancelFunc) {
	out, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(end, cancel)
	return out, func() { stop(); cancel() }
}

// besideKey is the key of a context's *beside.
type besideKey struct{}

// beside is what runs beside a request. A sync.WaitGroup must not grow while it is waited for, and a call that several
// requests share can outlive the one that began it.
type beside struct {
	mu      sync.Mutex
	running []chan struct{}
}

// WithBeside returns a copy of ctx for a request, in which Beside works.
func WithBeside(ctx context.Context) context.Context {
	return context.WithValue(ctx, besideKey{}, &beside{})
}

// Beside runs f beside the rest of the request of ctx, for at most limit. Outside a request, it returns false and does
// nothing.
func Beside(ctx context.Context, limit time.Duration, f func(context.Context) error) bool {
	b, ok := ctx.Value(besideKey{}).(*beside)
	if !ok {
		return false
	}
	done := make(chan struct{})
	b.mu.Lock()
	b.running = append(b.running, done)
	b.mu.Unlock()
	go func() {
		defer close(done)
		ctx, cancel := Detach(ctx, limit)
		defer cancel()
		_ = Catch(func() error { return f(ctx) }) // f reports its errors; a panic must not end the process
	}()
	return true
}

// WaitBeside waits for what Beside has started for the request of ctx.
func WaitBeside(ctx context.Context) {
	b, ok := ctx.Value(besideKey{}).(*beside)
	if !ok {
		return
	}
	b.mu.Lock()
	running := b.running
	b.mu.Unlock()
	for _, done := range running {
		<-done
	}
}
