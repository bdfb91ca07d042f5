package googleauth

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/strictjson"
)

// EventToken is a verified security event token (RFC 8417).
type EventToken struct {
	Issuer   string
	ID       string // jti, unique for the issuer
	IssuedAt time.Time
	Events   map[string]json.RawMessage // by event type, a URI
}

// Errors for an event token with a valid signature, for errors.Is. The fault is Unauthenticated.
var (
	ErrIssuer    = errors.New("wrong issuer")
	ErrAudience  = errors.New("wrong audience")
	ErrMalformed = errors.New("not a security event token")
)

// EventVerifier verifies the tokens of Google's Cross-Account Protection. Unlike ID tokens, they have
// an issuer with a trailing slash and no expiry (identity/protocols/risc). It is safe for concurrent use.
type EventVerifier struct {
	clients []string
	config  *remote[eventConfig]
	base    http.RoundTripper
	now     func() time.Time

	mu      sync.Mutex
	keysURL string // of keys
	keys    *KeySet
}

// eventConfig is the RISC configuration.
type eventConfig struct {
	Issuer string `json:"issuer"`
	Keys   string `json:"jwks_uri"`
}

// NewEventVerifier returns an EventVerifier for the clients of one project. The issuer
// and the URL of its keys are in the document at url (Endpoints.Events).
func NewEventVerifier(url string, clientIDs []string, base http.RoundTripper, now func() time.Time) *EventVerifier {
	if len(clientIDs) == 0 || slices.Contains(clientIDs, "") {
		panic("googleauth.NewEventVerifier: empty client id")
	}
	config := newRemote(url, base, now, parseEventConfig)
	return &EventVerifier{clients: clientIDs, config: config, base: base, now: now}
}

func parseEventConfig(body []byte) (c eventConfig, err error) {
	if err := strictjson.Decode(body, &c); err != nil || c.Issuer == "" || c.Keys == "" {
		return c, errors.New("no issuer or jwks_uri in the security event configuration")
	}
	return c, nil
}

// Verify verifies an event token. An invalid one is Unauthenticated and wraps ErrInvalidJWT, ErrUnknownKey,
// ErrSignature, ErrIssuer, ErrAudience or ErrMalformed. The error is Unavailable if Google's keys cannot be fetched.
func (v *EventVerifier) Verify(ctx context.Context, token config.Secret) (EventToken, error) {
	jws, err := parseJWT(token.Reveal())
	if err != nil {
		return EventToken{}, fault.Wrap("googleauth.EventVerifier", err)
	}
	cfg, err := v.config.get(ctx, func(eventConfig) bool { return true })
	if err != nil {
		return EventToken{}, fault.Wrap("googleauth.EventVerifier", err)
	}
	payload, err := v.keySet(cfg.Keys).verify(ctx, jws)
	if err != nil {
		return EventToken{}, fault.Wrap("googleauth.EventVerifier", err)
	}
	var claims struct {
		Issuer   string                     `json:"iss"`
		Audience audience                   `json:"aud"`
		IssuedAt float64                    `json:"iat"`
		ID       string                     `json:"jti"`
		Events   map[string]json.RawMessage `json:"events"`
	}
	err = strictjson.Decode(payload, &claims)
	switch {
	case err != nil:
		return EventToken{}, invalid(ErrMalformed)
	case claims.Issuer != cfg.Issuer:
		return EventToken{}, invalid(ErrIssuer)
	case !slices.ContainsFunc(claims.Audience, func(a string) bool { return slices.Contains(v.clients, a) }):
		return EventToken{}, invalid(ErrAudience)
	case claims.ID == "" || claims.IssuedAt <= 0 || len(claims.Events) == 0:
		return EventToken{}, invalid(ErrMalformed)
	}
	return EventToken{claims.Issuer, claims.ID, time.UnixMilli(int64(claims.IssuedAt * 1000)), claims.Events}, nil
}

func (v *EventVerifier) keySet(url string) *KeySet {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.keysURL != url {
		v.keysURL, v.keys = url, NewKeySet(url, v.base, v.now)
	}
	return v.keys
}

// audience is a string or a list of strings (RFC 7519, 4.1.3).
type audience []string

// UnmarshalJSON implements json.Unmarshaler.
func (a *audience) UnmarshalJSON(b []byte) error {
	var single string
	if json.Unmarshal(b, &single) == nil {
		*a = audience{single}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(a))
}
