package google

import (
	"crypto/rand"
	"net/http"
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
