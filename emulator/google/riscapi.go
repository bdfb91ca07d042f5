package google

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// riscAudience is what a service account's own token has to be for.
const riscAudience = "https://risc.googleapis.com/google.identity.risc.v1beta.RiscManagementService"

// riscStream is what the RISC API keeps for the project (oauth-admin.md 3.1).
type riscStream struct {
	Delivery struct {
		Method string `json:"delivery_method"`
		URL    string `json:"url"`
	} `json:"delivery"`
	Events []string `json:"events_requested"`
}

// Authorize lists the domains of the consent screen, under one of which the
// receiver of security events has to be.
func (s *Server) Authorize(domains ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.domains = domains
}

// riscAPI is the RISC API's management of one project's stream, for the service
// account that Delegate names.
func (s *Server) riscAPI(w http.ResponseWriter, r *http.Request) (int, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fail := func(code int, message string) (int, string) {
		return answer(w, code, map[string]any{"error": map[string]any{"code": code, "message": message}}), ""
	}
	if !s.ownToken(r) {
		return fail(http.StatusUnauthorized, "Request had invalid authentication credentials.")
	}
	switch what := r.Method + " " + strings.TrimPrefix(r.URL.Path, "/v1beta/"); what {
	case "POST stream:update":
		var in riscStream
		decoder := json.NewDecoder(r.Body)
		decoder.DisallowUnknownFields()
		err := decoder.Decode(&in)
		at, broken := url.Parse(in.Delivery.URL)
		switch {
		case err != nil || len(in.Events) == 0 || in.Delivery.Method != "https://schemas.openid.net/secevent/risc/delivery-method/push":
			return fail(http.StatusBadRequest, "Missing or malformed field.")
		case broken != nil || at.Scheme != "https":
			return fail(http.StatusForbidden, "The delivery endpoint must be a HTTPS URL.")
		case !slices.ContainsFunc(s.domains, func(d string) bool { return at.Hostname() == d || strings.HasSuffix(at.Hostname(), "."+d) }):
			return fail(http.StatusForbidden, "The delivery endpoint does not belong to any of your project's domains.")
		}
		s.stream, s.streamStatus = &in, "enabled"
	case "POST stream/status:update":
		var in struct{ Status string }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.Status != "enabled" && in.Status != "disabled" {
			return fail(http.StatusForbidden, "Invalid status.")
		}
		if s.stream == nil {
			return fail(http.StatusNotFound, "No configuration.")
		}
		s.streamStatus = in.Status
	case "GET stream", "GET stream/status", "POST stream:verify":
		if s.stream == nil {
			return fail(http.StatusNotFound, "No configuration.")
		}
		switch {
		case strings.HasSuffix(what, "stream"):
			return answer(w, http.StatusOK, s.stream), ""
		case strings.HasSuffix(what, "status"):
			return answer(w, http.StatusOK, map[string]any{"status": s.streamStatus}), ""
		}
	default:
		return fail(http.StatusNotFound, "Not found.")
	}
	return answer(w, http.StatusOK, map[string]any{}), ""
}

// ownToken tells whether a request comes with a JWT that the service account
// signed for this API; the lock is held.
func (s *Server) ownToken(r *http.Request) bool {
	signed, err := jose.ParseSignedCompact(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return false
	}
	payload, err := signed.Verify(s.keys.Load().account.Public())
	var claims assertion
	if err == nil {
		err = json.Unmarshal(payload, &claims)
	}
	now := s.Now().Unix()
	return err == nil && claims.Iss == s.delegate.account && claims.Sub == claims.Iss && claims.Aud == riscAudience && claims.Exp <= claims.Iat+3600 && now < claims.Exp
}
