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

// EventToken is a security event token of Google's (RFC 8417) whose signature,
// issuer and audience are right.
type EventToken struct {
	Issuer string
	ID     string // jti: unique for the issuer
	At     time.Time
	Events map[string]json.RawMessage // by type, an address
}

// Why an event token is refused besides its signature, for errors.Is. The
// fault's kind is Unauthenticated.
var (
	ErrIssuer    = errors.New("another issuer")
	ErrAudience  = errors.New("not for our client")
	ErrMalformed = errors.New("not a security event token")
)

// EventVerifier checks the tokens that Google's cross-account protection
// pushes. Unlike ID tokens they have an issuer with a slash at its end and no
// expiry (oauth-admin.md 3.2). It is safe for concurrent use.
type EventVerifier struct {
	clients []string
	config  *remote[eventConfig]
	base    http.RoundTripper
	now     func() time.Time

	mu   sync.Mutex
	at   string // where keys come from
	keys *KeySet
}

// eventConfig is who signs, and where the keys are.
type eventConfig struct {
	Issuer string `json:"issuer"`
	Keys   string `json:"jwks_uri"`
}

// NewEventVerifier checks event tokens for the clients of one project; where
// their issuer and keys are stands at configURL (Endpoints.Events).
func NewEventVerifier(configURL string, clientIDs []string, base http.RoundTripper, now func() time.Time) *EventVerifier {
	if len(clientIDs) == 0 || slices.Contains(clientIDs, "") {
		panic("googleauth.NewEventVerifier: empty client id")
	}
	return &EventVerifier{clients: clientIDs, config: newRemote(configURL, base, now, parseEventConfig), base: base, now: now}
}

func parseEventConfig(body []byte) (c eventConfig, err error) {
	if err := json.Unmarshal(body, &c); err != nil || c.Issuer == "" || c.Keys == "" {
		return c, errors.New("no issuer and jwks_uri in the configuration of security events")
	}
	return c, nil
}

// Verify checks an event token. One that fails is Unauthenticated, around one
// of ErrNoToken, ErrUnknownKey, ErrSignature, ErrIssuer, ErrAudience or
// ErrMalformed; when Google's keys cannot be had it is Unavailable.
func (v *EventVerifier) Verify(ctx context.Context, token config.Secret) (EventToken, error) {
	signed, err := parse(token.Reveal())
	if err != nil {
		return EventToken{}, fault.Wrap("googleauth.EventVerifier", err)
	}
	at, err := v.config.get(ctx, func(eventConfig) bool { return true })
	if err != nil {
		return EventToken{}, fault.Wrap("googleauth.EventVerifier", err)
	}
	payload, err := v.keysAt(at.Keys).verify(ctx, signed)
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
		return EventToken{}, refuse(ErrMalformed)
	case claims.Issuer != at.Issuer:
		return EventToken{}, refuse(ErrIssuer)
	case !slices.ContainsFunc(claims.Audience, func(a string) bool { return slices.Contains(v.clients, a) }):
		return EventToken{}, refuse(ErrAudience)
	case claims.ID == "" || claims.IssuedAt <= 0 || len(claims.Events) == 0:
		return EventToken{}, refuse(ErrMalformed)
	}
	return EventToken{claims.Issuer, claims.ID, time.UnixMilli(int64(claims.IssuedAt * 1000)), claims.Events}, nil
}

func (v *EventVerifier) keysAt(url string) *KeySet {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.at != url {
		v.at, v.keys = url, NewKeySet(url, v.base, v.now)
	}
	return v.keys
}

// audience is a string or a list of strings (RFC 7519, 4.1.3).
type audience []string

// UnmarshalJSON implements json.Unmarshaler.
func (a *audience) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(a))
}
