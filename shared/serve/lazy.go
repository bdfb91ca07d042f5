package serve

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"example.com/deputy/shared/fault"
)

// buildTimeout limits one attempt to build a function, and one check of the store.
const buildTimeout = 20 * time.Second

// Lazy returns a handler that calls build at the first request; concurrent requests wait for the same attempt. If build
// fails, they get 503 and the next request tries again, which a sync.Once would not do.
//
// Lazy itself serves /health (the process runs), /startup (build succeeds), /favicon.ico
// and /robots.txt, because the framework passes them on to functions.
func Lazy(build func(context.Context) (http.Handler, error)) http.Handler {
	l := &lazy{build: build}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", text(http.StatusOK, "ok"))
	mux.HandleFunc("GET /favicon.ico", http.NotFound)
	mux.HandleFunc("GET /robots.txt", text(http.StatusOK, "User-agent: *\nDisallow: /"))
	mux.HandleFunc("GET /startup", func(w http.ResponseWriter, r *http.Request) {
		if l.handler(w, r) != nil {
			text(http.StatusOK, "started")(w, r)
		}
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if h := l.handler(w, r); h != nil {
			h.ServeHTTP(w, r)
		}
	})
	return mux
}

// WithReadyCheck adds GET /ready to a function, which tells whether this instance can work: 200 if
// check reaches the store. /startup does not check it, so an instance survives a short
// outage of the store. The endpoint is public, so results are cached for seconds.
func WithReadyCheck(check func(context.Context) error, now func() time.Time, next http.Handler) http.Handler {
	c := &cachedCheck{check: check, now: now}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/ready" || r.Method != http.MethodGet {
			next.ServeHTTP(w, r)
			return
		}
		if err := c.result(r.Context()); err != nil {
			slog.ErrorContext(r.Context(), "store unreachable", slog.String("error", err.Error()))
			w.Header().Set("Retry-After", "10")
			text(http.StatusServiceUnavailable,
				"Deputy can't reach its database. Your administrator can find the reason in the logs.")(w, r)
			return
		}
		text(http.StatusOK, "ready")(w, r)
	})
}

// checkMaxAge is how long the result of a check is cached.
const checkMaxAge = 3 * time.Second

type cachedCheck struct {
	check   func(context.Context) error
	now     func() time.Time
	flight  fault.Flight[struct{}]
	mu      sync.Mutex
	checked time.Time
	err     error
}

func (c *cachedCheck) result(ctx context.Context) error {
	if recent, err := c.cached(); recent {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	_, err := c.flight.Do(ctx, "", buildTimeout, fault.NoText, func(ctx context.Context) (struct{}, error) {
		if recent, err := c.cached(); recent { // by the previous flight
			return struct{}{}, err
		}
		err := fault.Catch(func() error { return c.check(ctx) })
		c.mu.Lock()
		defer c.mu.Unlock()
		c.checked, c.err = c.now(), err
		return struct{}{}, err
	})
	return err
}

// cached returns whether the last result is recent, and the result.
func (c *cachedCheck) cached() (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.checked.IsZero() && c.now().Sub(c.checked) < checkMaxAge, c.err
}

type lazy struct {
	build  func(context.Context) (http.Handler, error)
	flight fault.Flight[http.Handler]
	built  atomic.Pointer[http.Handler]
}

// handler returns the built handler. If there is none, it responds with 503 and returns nil.
func (l *lazy) handler(w http.ResponseWriter, r *http.Request) http.Handler {
	if h := l.built.Load(); h != nil {
		return *h
	}
	ctx := r.Context()
	h, err := l.flight.Do(ctx, "", buildTimeout, fault.NoText, func(ctx context.Context) (http.Handler, error) {
		if h := l.built.Load(); h != nil {
			return *h, nil // built by the previous flight
		}
		h, err := l.build(ctx)
		if err == nil {
			l.built.Store(&h)
		}
		return h, err
	})
	if err == nil {
		return h
	}
	if ctx.Err() == nil {
		slog.ErrorContext(ctx, "start failed", slog.String("error", err.Error()))
	}
	w.Header().Set("Retry-After", "10")
	text(http.StatusServiceUnavailable,
		"Deputy isn't ready. Your administrator can find the reason in the logs.")(w, r)
	return nil
}

func text(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body + "\n"))
	}
}
