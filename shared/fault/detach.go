package fault

import (
	"context"
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
