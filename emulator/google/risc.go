package google

import (
	"context"
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// eventIssuer is the issuer of security events. Unlike that of ID tokens, it ends with a slash
// (identity/protocols/risc).
const eventIssuer = "https://accounts.google.com/"

const pushDelivery = "https://schemas.openid.net/secevent/risc/delivery-method/push"

// riscConfiguration serves the issuer and the key set's address to receivers.
func (s *Server) riscConfiguration(w http.ResponseWriter, _ *http.Request) (int, string) {
	w.Header().Set("Cache-Control", "public, max-age=3600")
	return answer(w, http.StatusOK, map[string]any{
		"issuer": eventIssuer, "jwks_uri": s.CertsAddress,
		"delivery_methods_supported": []string{pushDelivery},
	}), ""
}

// SignSecurityEvent returns a signed token of an event about a person, with these claims added
// (identity/protocols/risc).
func (s *Server) SignSecurityEvent(eventType string, p Person, claims map[string]any) string {
	event := map[string]any{"subject": map[string]any{"subject_type": "iss-sub", "iss": eventIssuer, "sub": p.Sub}}
	for name, value := range claims {
		event[name] = value
	}
	return s.SignEvent(map[string]any{"events": map[string]any{eventType: event}})
}

// Prefixes of Google's event types (identity/protocols/risc).
const (
	riscPrefix  = "https://schemas.openid.net/secevent/risc/event-type/"
	oauthPrefix = "https://schemas.openid.net/secevent/oauth/event-type/"
)

// SecurityEventTypes returns the types that SendSecurityEvent supports, without their prefixes.
func SecurityEventTypes() []string {
	return []string{
		"tokens-revoked", "token-revoked", "account-disabled", "account-enabled", "account-purged",
		"account-credential-change-required", "sessions-revoked",
	}
}

// SendSecurityEvent changes a person's account as a security event describes, sends the event to the app's address and
// returns the app's status. The event token-revoked is about the person's newest refresh token.
func (s *Server) SendSecurityEvent(ctx context.Context, address, eventType string, p Person) (int, error) {
	if !slices.Contains(SecurityEventTypes(), eventType) {
		return 0, fmt.Errorf("unknown security event %q", eventType)
	}
	var token string
	switch eventType {
	case "token-revoked":
		sum := sha512.Sum512([]byte(s.RefreshToken(p)))
		sum = sha512.Sum512(sum[:])
		event := map[string]any{"subject": map[string]any{ //nolint:gosec // a hash
			"subject_type": "oauth_token", "token_type": "refresh_token",
			"token_identifier_alg": "hash_base64_sha512_sha512", "token": base64.StdEncoding.EncodeToString(sum[:]),
		}}
		token = s.SignEvent(map[string]any{"events": map[string]any{oauthPrefix + eventType: event}})
	case "tokens-revoked":
		token = s.SignSecurityEvent(oauthPrefix+eventType, p, nil)
	default:
		token = s.SignSecurityEvent(riscPrefix+eventType, p, nil)
	}
	switch eventType {
	case "account-enabled", "sessions-revoked", "account-credential-change-required": // the grant stays
	default:
		s.RevokeGrant(p)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(token))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/secevent+jwt")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	return res.StatusCode, res.Body.Close()
}

// SignEvent returns a signed security event token. changes replaces claims, or removes those that are nil.
func (s *Server) SignEvent(changes map[string]any) string {
	claims := map[string]any{"iss": eventIssuer, "aud": s.ClientID, "iat": s.Now().Unix(), "jti": rand.Text()}
	for name, value := range changes {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	return s.SignGoogle(claims)
}
