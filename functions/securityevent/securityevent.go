// Package securityevent is the function that receives Google's security events (Cross-Account Protection, RISC), for
// example about a hijacked account or a revoked token. It verifies that an event comes from Google and marks the
// affected grants. It has no keys, so it can't read the sealed part of a grant, and its marks only restrict grants.
//
// What Google requires for each event: https://developers.google.com/identity/protocols/risc
package securityevent

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/serve"
	"example.com/deputy/shared/vault"
)

const (
	deadline = 25 * time.Second
	maxToken = 64 << 10 // bytes
)

// Deps are the function's dependencies; all are required.
type Deps struct {
	Vault  *vault.Vault // without keys
	Tokens *googleauth.EventVerifier
	Log    *slog.Logger
}

type function struct{ Deps }

// New returns the function's handler.
func New(d Deps) http.Handler {
	f := function{d}
	endpoint := serve.Endpoint{
		Name: "securityevent", MaxBody: func(*http.Request) int64 { return maxToken }, Log: d.Log, Deadline: deadline,
		WriteError: f.fail,
	}
	endpoint.Limiter = serve.NewLimiter(serve.MaxInFlight)
	mux := http.NewServeMux()
	mux.Handle("POST /{$}", endpoint.Handler(f.receive))
	mux.Handle("/", endpoint.Handler(func(http.ResponseWriter, *http.Request) error {
		return fault.New(fault.NotFound, i18n.English("This address only receives security events from Google."))
	}))
	return mux
}

// receive handles one token. It replies with 202 when it is done, so that Google doesn't send the token again.
func (f function) receive(w http.ResponseWriter, r *http.Request) error {
	body, err := serve.ReadBody(r)
	if err != nil {
		return fault.Wrap("securityevent.receive", err)
	}
	token, err := f.Tokens.Verify(r.Context(), config.NewSecret(body))
	if errors.Is(err, googleauth.ErrAudience) {
		// No alarm, because anyone can configure Google to send events about their own client here.
		f.Log.WarnContext(r.Context(), "security event for an OAuth client that is not in OAUTH_CLIENT_ID",
			slog.String("error", err.Error()))
	}
	if err != nil {
		return fault.Wrap("securityevent.receive", err)
	}
	// Events can arrive late, twice, and out of order, so marks only move forward.
	for kind, event := range token.Events {
		if err := f.apply(r.Context(), kind, event, token.IssuedAt); err != nil {
			return fault.Wrap("securityevent.receive", err)
		}
	}
	w.WriteHeader(http.StatusAccepted)
	return nil
}

// rejection is the body of a 400 response (RFC 8935, section 2.3).
type rejection struct {
	Err         string `json:"err"`
	Description string `json:"description"`
}

// codes are the error codes for rejected tokens (RFC 8935, section 2.4).
var codes = map[error]string{
	googleauth.ErrUnknownKey: "invalid_key",
	googleauth.ErrIssuer:     "invalid_issuer",
	googleauth.ErrAudience:   "invalid_audience",
	googleauth.ErrSignature:  "authentication_failed",
}

// fail replies to every error: 400 for a token that stays invalid, 5xx so that Google sends the token again.
func (f function) fail(w http.ResponseWriter, _ *http.Request, err error) {
	switch fault.KindOf(err) {
	case fault.Unauthenticated, fault.Invalid:
		out := rejection{"invalid_request", "not a security event token from Google"}
		for cause, code := range codes {
			if errors.Is(err, cause) {
				out = rejection{code, cause.Error()}
			}
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(out) // writes to a buffer
	case fault.NotFound:
		http.Error(w, fault.Public(i18n.In("en"), err, ""), http.StatusNotFound)
	case fault.Internal:
		w.WriteHeader(http.StatusInternalServerError)
	default:
		w.Header().Set("Retry-After", "30")
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}
