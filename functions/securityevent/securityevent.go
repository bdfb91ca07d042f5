// Package securityevent is the function that Google tells when an account is
// in danger or a consent has ended elsewhere (Cross-Account Protection, RISC).
// It checks that Google speaks, and moves the marks of the grants that an event
// is about. It has no key: it can read nothing, and only take something away.
//
// What Google requires for each event:
// https://developers.google.com/identity/protocols/risc
package securityevent

import (
	"encoding/json"
	"errors"
	"io"
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

// Deps are what the function works with; all are required.
type Deps struct {
	Vault  *vault.Vault // without keys
	Tokens *googleauth.EventVerifier
	Log    *slog.Logger
}

type function struct{ Deps }

// New is the function's handler.
func New(d Deps) http.Handler {
	f := function{d}
	door := serve.Endpoint{Name: "securityevent", MaxBody: maxToken, Log: d.Log, Deadline: deadline, Fail: f.fail, Limiter: serve.NewLimiter(serve.MaxInFlight)}
	mux := http.NewServeMux()
	mux.Handle("POST /{$}", door.Handler(f.receive))
	mux.Handle("/", door.Handler(func(http.ResponseWriter, *http.Request) error {
		return fault.New(fault.NotFound, i18n.English("Google posts its security events here; there is nothing to see."))
	}))
	return mux
}

// receive takes one delivery: 202 when it is dealt with, so that Google does
// not send it again.
func (f function) receive(w http.ResponseWriter, r *http.Request) error {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxToken+1))
	if err != nil || len(body) > maxToken {
		return &fault.Error{Op: "securityevent.receive", Kind: fault.Invalid, Err: errors.New("the body broke off, or is larger than 64 KiB")}
	}
	token, err := f.Tokens.Verify(r.Context(), config.NewSecret(body))
	if errors.Is(err, googleauth.ErrAudience) {
		// No alarm: anybody can have Google send events about their own client here.
		f.Log.WarnContext(r.Context(), "a security event is for an OAuth client that OAUTH_CLIENT_ID does not name", slog.String("error", err.Error()))
	}
	if err != nil {
		return fault.Wrap("securityevent.receive", err)
	}
	// An event may come late, twice, and out of order: marks only move forward.
	for kind, event := range token.Events {
		if err := f.apply(r.Context(), kind, event, token.At); err != nil {
			return fault.Wrap("securityevent.receive", err)
		}
	}
	w.WriteHeader(http.StatusAccepted)
	return nil
}

// refusal is the body of a 400 (RFC 8935, section 2.3).
type refusal struct {
	Err         string `json:"err"`
	Description string `json:"description"`
}

// codes are RFC 8935's names (section 2.4) for what is wrong with a token.
var codes = map[error]string{
	googleauth.ErrUnknownKey: "invalid_key",
	googleauth.ErrIssuer:     "invalid_issuer",
	googleauth.ErrAudience:   "invalid_audience",
	googleauth.ErrSignature:  "authentication_failed",
}

// fail answers every error: 400 for what will never be right, 5xx for what
// Google shall send again.
func (f function) fail(w http.ResponseWriter, _ *http.Request, err error) {
	switch fault.KindOf(err) {
	case fault.Unauthenticated, fault.Invalid:
		out := refusal{"invalid_request", "not a security event token of Google's"}
		for cause, code := range codes {
			if errors.Is(err, cause) {
				out = refusal{code, cause.Error()}
			}
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(out) // into a buffer
	case fault.NotFound:
		http.Error(w, fault.Public(i18n.In("en"), err, ""), http.StatusNotFound)
	case fault.Internal:
		w.WriteHeader(http.StatusInternalServerError)
	default:
		w.Header().Set("Retry-After", "30")
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}
