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

// eventIssuer signs security events: unlike that of ID tokens it ends in a
// slash (oauth-admin.md 3.2).
const eventIssuer = "https://accounts.google.com/"

// riscConfiguration is where a receiver learns who signs, and with which keys.
func (s *Server) riscConfiguration(w http.ResponseWriter, _ *http.Request) (int, string) {
	w.Header().Set("Cache-Control", "public, max-age=3600")
	return answer(w, http.StatusOK, map[string]any{
		"issuer": eventIssuer, "jwks_uri": s.CertsAddress,
		"delivery_methods_supported": []string{"https://schemas.openid.net/secevent/risc/delivery-method/push"},
	}), ""
}

// SecurityEvent is a signed security event token of this type about a person
// (oauth-admin.md 3.3), with more claims of the event itself.
func (s *Server) SecurityEvent(kind string, p Person, more map[string]any) string {
	event := map[string]any{"subject": map[string]any{"subject_type": "iss-sub", "iss": eventIssuer, "sub": p.Sub}}
	for name, value := range more {
		event[name] = value
	}
	return s.SignEvent(map[string]any{"events": map[string]any{kind: event}})
}

// Event types that Google sends (oauth-admin.md 3.3).
const (
	riscPrefix  = "https://schemas.openid.net/secevent/risc/event-type/"
	oauthPrefix = "https://schemas.openid.net/secevent/oauth/event-type/"
)

// SecurityEvents are the types that can be sent, without what they begin with.
func SecurityEvents() []string {
	return []string{"tokens-revoked", "token-revoked", "account-disabled", "account-enabled", "account-purged", "account-credential-change-required", "sessions-revoked"}
}

// Send lets a thing happen to a person's account: what it ends is ended, and the
// app gets the event where it takes them. It gives the app's status.
// token-revoked is about the person's last refresh token.
func (s *Server) Send(ctx context.Context, address, kind string, p Person) (int, error) {
	if !slices.Contains(SecurityEvents(), kind) {
		return 0, fmt.Errorf("there is no security event %q", kind)
	}
	var token string
	switch kind {
	case "token-revoked":
		sum := sha512.Sum512([]byte(s.RefreshToken(p)))
		twice := sha512.Sum512(sum[:])
		token = s.SignEvent(map[string]any{"events": map[string]any{oauthPrefix + kind: map[string]any{"subject": map[string]any{ //nolint:gosec // a hash
			"subject_type": "oauth_token", "token_type": "refresh_token", "token_identifier_alg": "hash_base64_sha512_sha512",
			"token": base64.StdEncoding.EncodeToString(twice[:]),
		}}}})
	case "tokens-revoked":
		token = s.SecurityEvent(oauthPrefix+kind, p, nil)
	default:
		token = s.SecurityEvent(riscPrefix+kind, p, nil)
	}
	if kind != "account-enabled" && kind != "sessions-revoked" && kind != "account-credential-change-required" {
		s.Revoke(p)
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

// SignEvent signs a security event token; the claims given replace the right
// ones, and those that are nil are left out.
func (s *Server) SignEvent(change map[string]any) string {
	claims := map[string]any{"iss": eventIssuer, "aud": s.ClientID, "iat": s.Now().Unix(), "jti": rand.Text()}
	for name, value := range change {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	return s.SignGoogle(claims)
}
