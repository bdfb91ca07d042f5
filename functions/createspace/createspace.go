// Package createspace is the function that other systems call over HTTP: it
// checks who calls and for whom they may act, does one thing as that person,
// and answers in JSON.
//
// The API is what shared/api/openapi.yaml says; each operation is a method in the
// file of its noun, which decodes, calls shared/operations once, and encodes.
package createspace

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"example.com/deputy/shared/api"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/logging"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/serve"
)

const (
	deadline = 55 * time.Second // of a request
	actTime  = 50 * time.Second // of the act in it
)

// Deps are what the function works with; all are required.
type Deps struct {
	Callers    *callers.Callers
	Operations *operations.Operations
	Log        *slog.Logger
}

// function implements the operations of the document.
type function struct{ Deps }

var _ api.StrictServerInterface = function{}

// New is the function's handler.
func New(d Deps) http.Handler {
	f := function{d}
	door := serve.Endpoint{Name: "createspace", Log: d.Log, Deadline: deadline, Fail: f.fail, Limiter: serve.NewLimiter(serve.MaxInFlight)}
	operations := http.NewServeMux()
	// What fails inside comes back out to the endpoint, which alone renders it.
	asked := func(_ http.ResponseWriter, r *http.Request, err error) { of(r.Context()).err = misread(err) }
	failed := func(_ http.ResponseWriter, r *http.Request, err error) { of(r.Context()).err = err }
	strict := api.NewStrictHandlerWithOptions(f, nil, api.StrictHTTPServerOptions{RequestErrorHandlerFunc: asked, ResponseErrorHandlerFunc: failed})
	api.HandlerWithOptions(strict, api.StdHTTPServerOptions{BaseRouter: operations, ErrorHandlerFunc: asked})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /openapi.yaml", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/yaml; charset=utf-8")
		_, _ = w.Write(api.Document) // whoever has gone does not read it
	})
	mux.HandleFunc("GET /{$}", readable)
	mux.Handle("/", door.Handler(func(w http.ResponseWriter, r *http.Request) error { return f.serve(operations, w, r) }))
	return mux
}

// pagePolicy lets the page have its own style, and nothing from outside.
var pagePolicy = func() string {
	_, rest, _ := strings.Cut(string(api.Page), "<style>")
	style, _, _ := strings.Cut(rest, "</style>")
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}()

// readable is the document as a page.
func readable(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(api.Page) // whoever has gone does not read it
}

// turn is one request: who calls, for what, and what went wrong.
type turn struct {
	caller callers.Caller
	err    error
}

type turnKey struct{}

func of(ctx context.Context) *turn {
	t, _ := ctx.Value(turnKey{}).(*turn)
	return t
}

// serve finds the operation, checks who calls, then what they sent, and does
// it.
func (f function) serve(operations *http.ServeMux, w http.ResponseWriter, r *http.Request) error {
	_, pattern := operations.Handler(r)
	if pattern == "" {
		r.Pattern = r.Method + " /{unknown}" // for the log: the path may name people
		return unknown(operations, r)
	}
	r.Pattern = pattern // for the log: paths may name people
	caller, err := f.Callers.Verify(r)
	logging.Note(r.Context(), slog.String("caller", caller.ID))
	if err != nil {
		if fault.KindOf(err) == fault.Denied {
			f.Log.InfoContext(r.Context(), "audit", slog.String("act", pattern), slog.String("caller_id", caller.ID), slog.String("account", caller.UniqueID), slog.String("outcome", fault.Denied.String()))
		}
		return err
	}
	body, err := serve.Body(r)
	if err == nil {
		err = api.Check(r, pattern, body)
	}
	if err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	ctx, cancel := context.WithTimeout(r.Context(), actTime)
	defer cancel()
	t := &turn{caller: caller}
	operations.ServeHTTP(w, r.WithContext(context.WithValue(ctx, turnKey{}, t)))
	return t.err
}

// unknown is the error for what the document does not have: another method of
// a path that it has, or nothing at all.
func unknown(operations *http.ServeMux, r *http.Request) error {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := operations.Handler(other); pattern != "" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) > 0 {
		return &fault.Error{
			Op: "createspace", Kind: fault.Invalid, Err: &notAllowed{strings.Join(allowed, ", ")},
			Public: i18n.English("This path takes %s."), Args: []any{strings.Join(allowed, ", ")},
		}
	}
	return fault.New(fault.NotFound, i18n.English("There is nothing here; /openapi.yaml has all operations."))
}

// notAllowed is a method that a path does not have.
type notAllowed struct{ allow string }

func (n *notAllowed) Error() string { return "method not allowed" }

func invalid(text i18n.Text, args ...any) error {
	return &fault.Error{Op: "createspace", Kind: fault.Invalid, Public: text, Args: args, Err: errors.New("not as the document has it")}
}

// misread is a request that the generated server could not read.
func misread(err error) error {
	return &fault.Error{Op: "createspace", Kind: fault.Invalid, Public: i18n.English("The request is not as /openapi.yaml has it: %v"), Args: []any{err}, Err: errors.New("a parameter that cannot be read")}
}
