// Package serve wraps each function's HTTP handler. It adds a trace and a deadline, limits the request body, recovers
// from panics, and logs one line per request. Responses are buffered, so an error never follows a partial body. It also
// serves /health, /startup and /ready, starts functions lazily with retries, and drains on SIGTERM.
package serve

import (
	"bytes"
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

// MaxBody is the default limit of a request body in bytes. Events, forms and API bodies
// are much smaller; the platform itself would allow 32 MiB.
const MaxBody = 1 << 20

// ErrTooLarge means that a request's body is larger than its limit. The fault is Invalid.
var ErrTooLarge = errors.New("the body is too large")

// HandlerFunc responds to a request, or returns an error.
type HandlerFunc func(http.ResponseWriter, *http.Request) error

// Endpoint wraps the handlers of one function. All fields but Verify, Limiter and MaxBody are required.
type Endpoint struct {
	Name     string // the function's name in the log
	Log      *slog.Logger
	Deadline time.Duration // of one request, shorter than the platform's
	// WriteError writes the response for an error.
	WriteError func(http.ResponseWriter, *http.Request, error)
	// Verify, if not nil, checks who sent a request before its body is read, and returns a context for the handler.
	Verify  func(*http.Request) (context.Context, error)
	Limiter *Limiter // shared by all handlers; nil for no limit
	// MaxBody, if not nil, returns the limit of a request's body in bytes, after Verify.
	MaxBody func(*http.Request) int64
}

// bodyTimeout limits how long a client takes to send its body. A slot of the Limiter
// is acquired only after that, so slow clients do not block others.
const bodyTimeout = 5 * time.Second

// Handler wraps next. The client receives nothing until next or WriteError has returned.
func (e Endpoint) Handler(next HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		trace, span := traceContext(r.Header)
		ctx, cancel := context.WithTimeout(logging.NewContext(r.Context(), logging.TraceID(trace), span), e.Deadline)
		defer cancel()
		ctx = fault.WithBeside(ctx)
		r = r.WithContext(ctx)

		response := newBuffer()
		err := fault.Catch(func() error { //nolint:contextcheck // Verify's context is a child of the request's
			if e.Verify != nil {
				verified, err := e.Verify(r)
				if err != nil && r.ContentLength != 0 {
					w.Header().Set("Connection", "close") // without reading the body
				}
				if err != nil {
					return err
				}
				r = r.WithContext(verified)
			}
			if err := e.readBody(w, r); err != nil {
				return err
			}
			if e.Limiter != nil {
				release, err := e.Limiter.Acquire()
				if err != nil {
					return err
				}
				defer release()
			}
			return next(response, r)
		})
		if err != nil && fault.KindOf(err) == fault.Unavailable && fault.HasEnded(ctx) {
			err = &fault.Error{Op: "serve", Kind: fault.Unavailable, Public: words.ErrorEnding, Err: err}
		}
		if err != nil {
			response = newBuffer()
			if failErr := fault.Catch(func() error { e.WriteError(response, r, err); return nil }); failErr != nil {
				err = errors.Join(err, failErr)
				response = newBuffer()
				response.WriteHeader(http.StatusInternalServerError)
			}
		}
		// Wait and log first: after the response, the platform may withdraw the CPU.
		fault.WaitBeside(ctx)
		e.logRequest(r, response.status, err, time.Since(start))
		response.sendTo(w, r.Method)
	})
}

func (e Endpoint) readBody(w http.ResponseWriter, r *http.Request) error {
	if r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	limit := int64(MaxBody)
	if e.MaxBody != nil {
		limit = e.MaxBody(r)
	}
	client := http.NewResponseController(w)
	_ = client.SetReadDeadline(time.Now().Add(bodyTimeout)) // not supported by test recorders
	err := ErrTooLarge
	var body []byte
	if r.ContentLength <= limit { // otherwise, the body isn't read
		body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	}
	if err != nil {
		w.Header().Set("Connection", "close")
		f := &fault.Error{Op: "serve.readBody", Kind: fault.Invalid, Public: words.ErrorRequestIncomplete, Err: err}
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok || errors.Is(err, ErrTooLarge) {
			f.Public, f.Err = words.ErrorRequestTooLarge, ErrTooLarge
		}
		return f
	}
	_ = client.SetReadDeadline(time.Time{})
	r.Body = io.NopCloser(bytes.NewReader(body))
	return nil
}

// logRequest logs one line at INFO, or at ERROR for Internal and Unavailable.
func (e Endpoint) logRequest(r *http.Request, status int, err error, took time.Duration) {
	ctx := r.Context()
	logging.AddAttrs(ctx, slog.String("function", e.Name), slog.String("method", r.Method),
		slog.String("path", loggedPath(r)), slog.Int("status", status), slog.Int64("ms", took.Milliseconds()))
	if err == nil {
		e.Log.InfoContext(ctx, "request", slog.String("outcome", "ok"))
		return
	}
	level, kind := slog.LevelInfo, fault.KindOf(err)
	if kind == fault.Internal || kind == fault.Unavailable {
		level = slog.LevelError
	}
	attrs := []slog.Attr{slog.String("outcome", kind.String()), slog.String("error", err.Error())}
	if p, ok := errors.AsType[*fault.PanicError](err); ok {
		attrs = append(attrs, slog.String("stack_trace", p.Error()+"\n\n"+p.Stack))
	}
	e.Log.LogAttrs(ctx, level, "request", attrs...)
}

// loggedPath returns the pattern that matched the request. The path itself is never
// logged: even without a match it may contain a link, a code or a person.
func loggedPath(r *http.Request) string {
	if r.URL.Path == "/" || r.URL.Path == "" {
		return "/"
	}
	_, path, ok := strings.Cut(r.Pattern, " ")
	if !ok {
		path = r.Pattern
	}
	if path == "" || path == "/" {
		return "/{unknown}"
	}
	return path
}

// ReadBody returns the whole body of a request that passed through an Endpoint.
func ReadBody(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	return body, fault.Wrap("serve.ReadBody", err)
}
