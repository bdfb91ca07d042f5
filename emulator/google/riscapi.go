package google

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// riscAudience is the required audience of a service account's self-signed JWT.
const riscAudience = "https://risc.googleapis.com/google.identity.risc.v1beta.RiscManagementService"

// riscStream is the project's stream configuration in the RISC API (identity/protocols/risc).
type riscStream struct {
	Delivery struct {
		Method string `json:"delivery_method"`
		URL    string `json:"url"`
	} `json:"delivery"`
	Events []string `json:"events_requested"`
}

// SetAuthorizedDomains sets the authorized domains of the consent screen. The receiver of security events must be in
// one of them.
func (s *Server) SetAuthorizedDomains(domains ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.domains = domains
}

// riscAPI serves the RISC API's stream methods for the service account of SetDelegation.
func (s *Server) riscAPI(w http.ResponseWriter, r *http.Request) (int, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fail := func(code int, message string) (int, string) {
		return answer(w, code, map[string]any{"error": map[string]any{"code": code, "message": message}}), ""
	}
	if !s.hasServiceAccountToken(r) {
		return fail(http.StatusUnauthorized, "Request had invalid authentication credentials.")
	}
	switch method := r.Method + " " + strings.TrimPrefix(r.URL.Path, "/v1beta/"); method {
	case "POST stream:update":
		var in riscStream
		decoder := json.NewDecoder(r.Body)
		decoder.DisallowUnknownFields()
		err := decoder.Decode(&in)
		receiver, urlErr := url.Parse(in.Delivery.URL)
		inDomain := func(d string) bool {
			return receiver.Hostname() == d || strings.HasSuffix(receiver.Hostname(), "."+d)
		}
		switch {
		case err != nil || len(in.Events) == 0 || in.Delivery.Method != pushDelivery:
			return fail(http.StatusBadRequest, "Missing or malformed field.")
		case urlErr != nil || receiver.Scheme != "https":
			return fail(http.StatusForbidden, "The delivery endpoint must be a HTTPS URL.")
		case !slices.ContainsFunc(s.domains, inDomain):
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
		case strings.HasSuffix(method, "stream"):
			return answer(w, http.StatusOK, s.stream), ""
		case strings.HasSuffix(method, "status"):
			return answer(w, http.StatusOK, map[string]any{"status": s.streamStatus}), ""
		}
	default:
		return fail(http.StatusNotFound, "Not found.")
	}
	return answer(w, http.StatusOK, map[string]any{}), ""
}

// hasServiceAccountToken reports whether r has a JWT that the service account signed. The caller holds the lock.
func (s *Server) hasServiceAccountToken(r *http.Request) bool {
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return false
	}
	payload, err := signed.Verify(s.keys.Load().account.Public())
	var claims assertion
	if err == nil {
		err = json.Unmarshal(payload, &claims)
	}
	now := s.Now().Unix()
	return err == nil && claims.Iss == s.delegation.account && claims.Sub == claims.Iss &&
		claims.Aud == riscAudience && claims.Exp <= claims.Iat+3600 && now < claims.Exp
}
