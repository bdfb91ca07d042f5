// Package serve is what every function of Deputy needs around its handler and
// the functions framework does not give: a trace, a deadline, a cap on the
// body, recovery that never mixes an error into a begun answer, one log line a
// request, /health and /ready, a lazy start that may fail and be tried again,
// and draining on SIGTERM.
//
// Start reading at Endpoint.Handler; it shows the order.
package serve

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/logging"
	"example.com/deputy/shared/words"
)

// MaxBody is the most an endpoint reads of one request: Chat's events, forms and
// API bodies are far below, and the platform alone would allow 32 MiB.
const MaxBody = 1 << 20

// HandlerFunc answers a request or returns why it could not.
type HandlerFunc func(http.ResponseWriter, *http.Request) error

// Endpoint wraps the handlers of one function. All fields but Limiter are required.
type Endpoint struct {
	Name     string // the function's name in the log
	Log      *slog.Logger
	Deadline time.Duration // of one request, shorter than the platform's own
	// Fail renders an error. It is the only place of the function that does.
	Fail    func(http.ResponseWriter, *http.Request, error)
	Limiter *Limiter // for all its handlers together; nil for one that bounds its work itself
	MaxBody int64    // in bytes; 0 is MaxBody
}

// bodyTime is how long a client may take to send its body. It waits without a
// place of the Limiter: who sends slowly keeps nobody else out.
const bodyTime = 5 * time.Second

// Handler puts the middleware around next: trace, deadline, body cap, recovery
// into a buffer, the one log line. Nothing reaches the client before next or
// Fail has finished.
func (d Endpoint) Handler(next HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		trace, span := traceOf(r.Header)
		ctx, cancel := context.WithTimeout(logging.Begin(r.Context(), logging.Trace(trace), span), d.Deadline)
		defer cancel()
		r = r.WithContext(ctx)

		answer := newBuffer()
		err := fault.Catch(func() error {
			if err := d.receive(w, r); err != nil {
				return err
			}
			return d.within(next)(answer, r)
		})
		if err != nil {
			answer = newBuffer()
			if again := fault.Catch(func() error { d.Fail(answer, r, err); return nil }); again != nil {
				err = errors.Join(err, again)
				answer = newBuffer()
				answer.WriteHeader(http.StatusInternalServerError)
			}
		}
		// The line first: after the answer the platform takes the CPU away.
		d.line(r, answer.status, err, time.Since(start))
		answer.sendTo(w, r.Method)
	})
}

// receive reads the whole body, within its time and size.
func (d Endpoint) receive(w http.ResponseWriter, r *http.Request) error {
	if r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	client := http.NewResponseController(w)
	_ = client.SetReadDeadline(time.Now().Add(bodyTime)) // not in tests without a network
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, cmp.Or(d.MaxBody, MaxBody)))
	if err != nil {
		w.Header().Set("Connection", "close")
		f := &fault.Error{Op: "serve.receive", Kind: fault.Invalid, Public: words.ErrorRequestIncomplete, Err: err}
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			f.Public = words.ErrorRequestTooLarge
		}
		return f
	}
	_ = client.SetReadDeadline(time.Time{})
	r.Body = io.NopCloser(bytes.NewReader(body))
	return nil
}

// within is next, if there is room for it.
func (d Endpoint) within(next HandlerFunc) HandlerFunc {
	if d.Limiter == nil {
		return next
	}
	return func(w http.ResponseWriter, r *http.Request) error {
		leave, err := d.Limiter.Enter()
		if err != nil {
			return err
		}
		defer leave()
		return next(w, r)
	}
}

// line writes the request's one line: ours to mend at ERROR, theirs at INFO.
func (d Endpoint) line(r *http.Request, status int, err error, took time.Duration) {
	ctx := r.Context()
	logging.Note(ctx, slog.String("function", d.Name), slog.String("method", r.Method),
		slog.String("path", pathOf(r)), slog.Int("status", status), slog.Int64("ms", took.Milliseconds()))
	if err == nil {
		d.Log.InfoContext(ctx, "request", slog.String("outcome", "ok"))
		return
	}
	level, kind := slog.LevelInfo, fault.KindOf(err)
	if kind == fault.Internal || kind == fault.Unavailable {
		level = slog.LevelError
	}
	attrs := []slog.Attr{slog.String("outcome", kind.String()), slog.String("error", err.Error())}
	if p, ok := errors.AsType[*fault.Panicked](err); ok {
		attrs = append(attrs, slog.String("stack_trace", p.Error()+"\n\n"+p.Stack))
	}
	d.Log.LogAttrs(ctx, level, "request", attrs...)
}

// pathOf is what the log may say of a request's path: the pattern that it
// matched. The path itself may hold a link, a code, or a person, also where it
// matches nothing.
func pathOf(r *http.Request) string {
	if r.URL.Path == "/" || r.URL.Path == "" {
		return "/"
	}
	_, path, found := strings.Cut(r.Pattern, " ")
	if !found {
		path = r.Pattern
	}
	if path == "" || path == "/" {
		return "/{unknown}"
	}
	return path
}

// Body is the whole body of a request that went through a Endpoint.
func Body(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	return body, fault.Wrap("serve.Body", err)
}
