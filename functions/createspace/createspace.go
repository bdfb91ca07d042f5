// Package createspace is the HTTP API, the function that other systems call. Its deployed name is that of its first
// operation. It authenticates the caller, checks for whom it may act, does one operation as that person, and answers in
// JSON.
//
// shared/api/openapi.yaml describes the API. Each operation is a method in the file of its noun. It decodes, calls
// shared/operations once, and encodes.
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
	requestTime   = 55 * time.Second // deadline of a request
	operationTime = 48 * time.Second // deadline of its operation, whose outcome takes up to 6 s to store
)

// Deps are the dependencies of the function; all are required.
type Deps struct {
	Callers    *callers.Authenticator
	Operations *operations.Operations
	Log        *slog.Logger
}

// server implements the operations as the document describes them.
type server struct{ Deps }

var _ api.StrictServerInterface = server{}

// New returns the function's handler.
func New(d Deps) http.Handler {
	s := server{d}
	routes := http.NewServeMux()
	endpoint := serve.Endpoint{
		Name: "createspace", Log: d.Log, Deadline: requestTime, WriteError: s.fail,
		Verify:  func(r *http.Request) (context.Context, error) { return s.verify(routes, r) },
		Limiter: serve.NewLimiter(serve.MaxInFlight),
		MaxBody: func(r *http.Request) int64 { return api.MaxBody(r.Pattern) },
	}
	// Errors inside the generated server go back to the endpoint, which renders every error.
	onResponse := func(_ http.ResponseWriter, r *http.Request, err error) { stateFrom(r.Context()).err = err }
	onRequest := func(w http.ResponseWriter, r *http.Request, err error) { onResponse(w, r, requestError(err)) }
	options := api.StrictHTTPServerOptions{RequestErrorHandlerFunc: onRequest, ResponseErrorHandlerFunc: onResponse}
	strict := api.NewStrictHandlerWithOptions(s, nil, options)
	api.HandlerWithOptions(strict, api.StdHTTPServerOptions{BaseRouter: routes, ErrorHandlerFunc: onRequest})
	mux := http.NewServeMux()
	document, page := api.ForAudiences(d.Callers.Audiences)
	mux.HandleFunc("GET /openapi.yaml", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/yaml; charset=utf-8")
		_, _ = w.Write(document) // the client may have disconnected
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { servePage(w, page) })
	handle := func(w http.ResponseWriter, r *http.Request) error { return s.serve(routes, w, r) }
	operation := endpoint.Handler(handle)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store, no-transform") // a proxy that compresses would change the ETag
		operation.ServeHTTP(w, r)
	})
	return mux
}

// pagePolicy is the Content-Security-Policy of the page: its own style and script, and nothing from another origin.
var pagePolicy = func() string {
	hash := func(tag string) string {
		_, rest, _ := strings.Cut(string(api.Page), "<"+tag+">")
		content, _, _ := strings.Cut(rest, "</"+tag+">")
		sum := sha256.Sum256([]byte(content))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; connect-src 'self'; " +
		"style-src " + hash("style") + "; script-src " + hash("script")
}()

// servePage serves the document as an HTML page.
func servePage(w http.ResponseWriter, page []byte) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(page) // the client may have disconnected
}

// state is the state of one request.
type state struct {
	caller callers.Caller
	header http.Header // of the response
	err    error
}

type stateKey struct{}

func stateFrom(ctx context.Context) *state {
	st, _ := ctx.Value(stateKey{}).(*state)
	return st
}

// verify finds the operation and authenticates the caller. It returns a context with the state of the request.
func (s server) verify(routes *http.ServeMux, r *http.Request) (context.Context, error) {
	_, pattern := routes.Handler(r)
	if pattern == "" {
		r.Pattern = r.Method + " /{unknown}" // for the log: the path may name people
		return nil, unknownRoute(routes, r)
	}
	r.Pattern = pattern // for the log: the path may name people
	caller, err := s.Callers.Verify(r)
	logging.AddAttrs(r.Context(), slog.String("caller", caller.ID))
	if err != nil {
		if fault.KindOf(err) == fault.Denied {
			s.Log.InfoContext(r.Context(), "audit", slog.String("action", pattern), slog.String("caller_id", caller.ID),
				slog.String("account", caller.UniqueID), slog.String("outcome", fault.Denied.String()))
		}
		return nil, err
	}
	return context.WithValue(r.Context(), stateKey{}, &state{caller: caller}), nil
}

// serve validates a request and runs its operation.
func (s server) serve(routes *http.ServeMux, w http.ResponseWriter, r *http.Request) error {
	body, err := serve.ReadBody(r)
	body = bytes.TrimPrefix(body, []byte("\ufeff")) // Windows tools write a byte order mark
	if err == nil {
		err = api.Check(r, r.Pattern, body)
	}
	if err == nil && isPlaceholder(r.Header.Get("Idempotency-Key")) {
		err = invalid(i18n.English("Idempotency-Key is a placeholder. Send a new UUID for each operation."))
	}
	if err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	ctx, cancel := context.WithTimeout(r.Context(), operationTime)
	defer cancel()
	st := stateFrom(ctx)
	st.header = w.Header()
	setQuota(st.header, s.Callers.Quota(st.caller))
	st.header.Set("Request-Id", logging.Reference(ctx))
	routes.ServeHTTP(w, r.WithContext(ctx))
	return st.err
}

// isPlaceholder reports whether a key is what a tool writes for a value that is missing, such as <string> or {{key}}:
// every operation would have the same key.
func isPlaceholder(key string) bool {
	return strings.HasPrefix(key, "<") && strings.HasSuffix(key, ">") ||
		strings.HasPrefix(key, "{{") && strings.HasSuffix(key, "}}")
}

var methods = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

// unknownRoute returns the error for a path, or a method of a path, that openapi.yaml does not have.
func unknownRoute(routes *http.ServeMux, r *http.Request) error {
	var allowed []string
	for _, method := range methods {
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := routes.Handler(other); pattern != "" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) > 0 {
		list := strings.Join(allowed, ", ")
		return &fault.Error{
			Op: "createspace", Kind: fault.Invalid, Err: &methodError{list},
			Public: i18n.English("This path supports only %s."), Args: []any{list},
		}
	}
	return fault.New(fault.NotFound, i18n.English("This path doesn't exist. See /openapi.yaml for all operations."))
}

// methodError is the error for a method that a path does not have.
type methodError struct{ allowed string }

func (m *methodError) Error() string { return "method not allowed" }

func invalid(text i18n.Text, args ...any) error {
	err := errors.New("request doesn't match openapi.yaml")
	return &fault.Error{Op: "createspace", Kind: fault.Invalid, Public: text, Args: args, Err: err}
}

// requestError returns the error for a request that the generated server could not decode.
func requestError(err error) error {
	return &fault.Error{
		Op: "createspace", Kind: fault.Invalid, Err: errors.New("invalid parameter"),
		Public: i18n.English("The request doesn't match /openapi.yaml: %v"), Args: []any{err},
	}
}
