package serve

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"example.com/deputy/shared/fault"
)

// buildTime bounds one attempt to build a function: keys and clients, no more.
const buildTime = 20 * time.Second

// Lazy serves with what build makes at the first request. Requests that come
// meanwhile wait for the same attempt; success is kept, failure is answered
// with 503 and tried again at the next request (a sync.Once would remember the
// failure for the life of the instance).
//
// It answers /health itself (the process lives) and /ready (build works), and
// has no icon and no robots.txt, which the framework passes on to functions.
func Lazy(build func(context.Context) (http.Handler, error)) http.Handler {
	l := &lazy{build: build}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", say(http.StatusOK, "ok"))
	mux.HandleFunc("GET /favicon.ico", http.NotFound)
	mux.HandleFunc("GET /robots.txt", say(http.StatusOK, "User-agent: *\nDisallow: /"))
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, r *http.Request) {
		if l.ready(w, r) != nil {
			say(http.StatusOK, "ready")(w, r)
		}
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if h := l.ready(w, r); h != nil {
			h.ServeHTTP(w, r)
		}
	})
	return mux
}

// Stored puts GET /ready/store in front of a function: 200 when check reaches
// what it stores its records in, as a smoke test of a deployment asks it. /ready
// does not: an instance that lost its store for a moment need not end. Whoever
// asks often gets one result for some seconds: anybody may ask.
func Stored(check func(context.Context) error, now func() time.Time, next http.Handler) http.Handler {
	s := &stored{check: check, now: now}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/ready/store" || r.Method != http.MethodGet {
			next.ServeHTTP(w, r)
			return
		}
		if err := s.result(r.Context()); err != nil {
			slog.ErrorContext(r.Context(), "the store is not reached", slog.String("error", err.Error()))
			w.Header().Set("Retry-After", "10")
			say(http.StatusServiceUnavailable, "Deputy does not reach its store. Its administrator finds the reason in the log.")(w, r)
			return
		}
		say(http.StatusOK, "ready")(w, r)
	})
}

// storedFor is how long one result of a check is given.
const storedFor = 3 * time.Second

// stored is a check whose result is kept.
type stored struct {
	check  func(context.Context) error
	now    func() time.Time
	flight singleflight.Group
	mu     sync.Mutex
	at     time.Time
	err    error
}

func (s *stored) result(ctx context.Context) error {
	s.mu.Lock()
	at, err := s.at, s.err
	s.mu.Unlock()
	if !at.IsZero() && s.now().Sub(at) < storedFor {
		return err
	}
	shared := context.WithoutCancel(ctx)
	r := <-s.flight.DoChan("", func() (any, error) {
		ctx, cancel := context.WithTimeout(shared, buildTime)
		defer cancel()
		err := fault.Catch(func() error { return s.check(ctx) })
		s.mu.Lock()
		defer s.mu.Unlock()
		s.at, s.err = s.now(), err
		return nil, err
	})
	return r.Err
}

type lazy struct {
	build  func(context.Context) (http.Handler, error)
	flight singleflight.Group
	built  atomic.Pointer[http.Handler]
}

// ready is the built handler, or nil after having answered 503.
func (l *lazy) ready(w http.ResponseWriter, r *http.Request) http.Handler {
	if h := l.built.Load(); h != nil {
		return *h
	}
	// The first request's end must not end the attempt the others wait for.
	ctx := context.WithoutCancel(r.Context())
	attempt := l.flight.DoChan("", func() (any, error) {
		ctx, cancel := context.WithTimeout(ctx, buildTime)
		defer cancel()
		return nil, fault.Catch(func() error {
			if l.built.Load() != nil {
				return nil // by the flight before this one
			}
			h, err := l.build(ctx)
			if err == nil {
				l.built.Store(&h)
			}
			return err
		})
	})
	select {
	case result := <-attempt:
		if result.Err == nil {
			return *l.built.Load()
		}
		slog.ErrorContext(ctx, "start failed", slog.String("error", result.Err.Error()))
	case <-r.Context().Done():
	}
	w.Header().Set("Retry-After", "10")
	say(http.StatusServiceUnavailable, "Deputy is not ready. Its administrator finds the reason in the log.")(w, r)
	return nil
}

func say(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(text + "\n"))
	}
}
