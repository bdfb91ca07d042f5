package google

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// The methods of IAM and of Cloud Identity that are played, and the grant that
// trades an assertion (oauth-admin.md 5.1).
const (
	iamSign      = "iamcredentials.projects.serviceAccounts.signJwt"
	groupsLookup = "cloudidentity.groups.lookup"
	jwtBearer    = "urn:ietf:params:oauth:grant-type:jwt-bearer" //nolint:gosec // a name, no credential
)

// delegate is what the Admin console of example.com lists under domain-wide
// delegation.
type delegate struct {
	account   string
	scopes    []string
	noCreator bool // the runtime's account may not sign as this one
}

// Delegate lists scopes for a service account in the Admin console, in place of
// what was listed.
func (s *Server) Delegate(account string, scopes ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delegate.account, s.delegate.scopes = account, scopes
}

// NoTokenCreator takes roles/iam.serviceAccountTokenCreator from who runs the
// functions.
func (s *Server) NoTokenCreator() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delegate.noCreator = true
}

// assertion is what a service account claims (RFC 7523).
type assertion struct {
	Iss, Sub, Scope, Aud string
	Iat, Exp             int64
}

// signJWT is projects.serviceAccounts.signJwt.
func (s *Server) signJWT(path string, body []byte) (any, *apiError) {
	var in struct{ Payload string }
	var claims map[string]any
	if json.Unmarshal(body, &in) != nil || json.Unmarshal([]byte(in.Payload), &claims) != nil {
		return nil, invalid("The payload is not a JSON object.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	account := strings.TrimSuffix(strings.TrimPrefix(path, "/v1/projects/-/serviceAccounts/"), ":signJwt")
	if account != s.delegate.account || s.delegate.noCreator {
		return nil, &apiError{code: http.StatusForbidden, status: "PERMISSION_DENIED", message: "Permission 'iam.serviceAccounts.signJwt' denied on resource (or it may not exist).", reason: "IAM_PERMISSION_DENIED"}
	}
	signed := sign(s.keys.Load().account, "account", claims)
	s.secrets = append(s.secrets, signed)
	return map[string]any{"keyId": "account", "signedJwt": signed}, nil
}

// delegated is the token endpoint's answer to an assertion: an access token
// without a refresh token, if every scope is listed; the lock is held.
func (s *Server) delegated(w http.ResponseWriter, r *http.Request, refuse func(int, string, string) (int, string)) (int, string) {
	signed, err := jose.ParseSignedCompact(r.PostFormValue("assertion"), []jose.SignatureAlgorithm{jose.RS256})
	var payload []byte
	if err == nil {
		payload, err = signed.Verify(s.keys.Load().account.Public())
	}
	var claims assertion
	if err == nil {
		err = json.Unmarshal(payload, &claims)
	}
	now := s.Now()
	scopes := strings.Fields(claims.Scope)
	person, known := Find(claims.Sub)
	absent := func(scope string) bool { return !slices.Contains(s.delegate.scopes, scope) }
	switch {
	case err != nil || claims.Iss != s.delegate.account:
		return refuse(http.StatusBadRequest, "invalid_grant", "Invalid JWT Signature.")
	case claims.Aud != "https://oauth2.googleapis.com/token":
		return refuse(http.StatusBadRequest, "invalid_grant", "Invalid JWT: Failed audience check.")
	case claims.Exp > claims.Iat+3600 || now.Unix() >= claims.Exp || claims.Iat > now.Add(5*time.Minute).Unix():
		return refuse(http.StatusBadRequest, "invalid_grant", "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.")
	case len(scopes) == 0:
		return refuse(http.StatusBadRequest, "invalid_scope", "Empty or missing scope not allowed.")
	case slices.ContainsFunc(scopes, absent):
		return refuse(http.StatusUnauthorized, "unauthorized_client", "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested.")
	case !known || person.Domain != "example.com" || claims.Sub != person.Email:
		return refuse(http.StatusBadRequest, "invalid_grant", "Invalid email or User ID")
	}
	return answer(w, http.StatusOK, s.give(person, scopes)), jwtBearer
}

// lookupGroup is cloudidentity.groups.lookup, for people of the group's
// organization.
func (s *Server) lookupGroup(p Person, email string) (any, *apiError) {
	for _, g := range Groups() {
		if g.Email == email && strings.HasSuffix(email, "@"+p.Domain) {
			return map[string]any{"name": g.Name}, nil
		}
	}
	// Also for one that is not there: nobody learns that.
	return nil, &apiError{code: http.StatusForbidden, status: "PERMISSION_DENIED", message: "Error(2028): Permission denied for resource groups (or it may not exist)."}
}
