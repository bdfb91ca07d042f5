package google

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// The supported methods of IAM and Cloud Identity, and the grant type for an assertion
// (identity/protocols/oauth2/service-account).
const (
	iamSign      = "iamcredentials.projects.serviceAccounts.signJwt"
	groupsLookup = "cloudidentity.groups.lookup"
	jwtBearer    = "urn:ietf:params:oauth:grant-type:jwt-bearer" //nolint:gosec // a name, not a credential
)

// delegation is the entry for domain-wide delegation in the Admin console of example.com.
type delegation struct {
	account        string
	scopes         []string
	noTokenCreator bool // signJwt for this account is denied
}

// SetDelegation sets the service account with domain-wide delegation and its scopes.
func (s *Server) SetDelegation(account string, scopes ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delegation.account, s.delegation.scopes = account, scopes
}

// RevokeTokenCreator revokes roles/iam.serviceAccountTokenCreator from the functions' service account.
func (s *Server) RevokeTokenCreator() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delegation.noTokenCreator = true
}

// assertion has the claims of a service account's JWT (RFC 7523).
type assertion struct {
	Iss, Sub, Scope, Aud string
	Iat, Exp             int64
}

func (s *Server) signJWT(path string, body []byte) (any, *apiError) {
	var in struct{ Payload string }
	var claims map[string]any
	if json.Unmarshal(body, &in) != nil || json.Unmarshal([]byte(in.Payload), &claims) != nil {
		return nil, invalid("The payload is not a JSON object.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	account := strings.TrimSuffix(strings.TrimPrefix(path, "/v1/projects/-/serviceAccounts/"), ":signJwt")
	if account != s.delegation.account || s.delegation.noTokenCreator {
		e := newError(http.StatusForbidden,
			"Permission 'iam.serviceAccounts.signJwt' denied on resource (or it may not exist).")
		e.reason = "IAM_PERMISSION_DENIED"
		return nil, e
	}
	signed := sign(s.keys.Load().account, "account", claims)
	s.secrets = append(s.secrets, signed)
	return map[string]any{"keyId": "account", "signedJwt": signed}, nil
}

// exchangeAssertion returns an access token if every scope is delegated. The caller holds the lock.
func (s *Server) exchangeAssertion(
	w http.ResponseWriter, r *http.Request, refuse func(status int, code, description string) (int, string),
) (int, string) {
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
	person, known := FindPerson(claims.Sub)
	undelegated := func(scope string) bool { return !slices.Contains(s.delegation.scopes, scope) }
	switch {
	case err != nil || claims.Iss != s.delegation.account:
		return refuse(http.StatusBadRequest, "invalid_grant", "Invalid JWT Signature.")
	case claims.Aud != "https://oauth2.googleapis.com/token":
		return refuse(http.StatusBadRequest, "invalid_grant", "Invalid JWT: Failed audience check.")
	case claims.Exp > claims.Iat+3600 || now.Unix() >= claims.Exp || claims.Iat > now.Add(5*time.Minute).Unix():
		return refuse(http.StatusBadRequest, "invalid_grant", "Invalid JWT: Token must be a short-lived token "+
			"(60 minutes) and in a reasonable timeframe.")
	case len(scopes) == 0:
		return refuse(http.StatusBadRequest, "invalid_scope", "Empty or missing scope not allowed.")
	case slices.ContainsFunc(scopes, undelegated):
		return refuse(http.StatusUnauthorized, "unauthorized_client", "Client is unauthorized to retrieve access "+
			"tokens using this method, or client not authorized for any of the scopes requested.")
	case !known || person.Domain != "example.com" || claims.Sub != person.Email:
		return refuse(http.StatusBadRequest, "invalid_grant", "Invalid email or User ID")
	}
	return answer(w, http.StatusOK, s.issueAccessToken(person, scopes)), jwtBearer
}

// lookupGroup is cloudidentity.groups.lookup, for people of the group's organization.
func (s *Server) lookupGroup(p Person, email string) (any, *apiError) {
	for _, g := range Groups() {
		if g.Email == email && strings.HasSuffix(email, "@"+p.Domain) {
			return map[string]any{"name": g.Name}, nil
		}
	}
	// Google returns the same error for a group that does not exist.
	return nil, newError(http.StatusForbidden,
		"Error(2028): Permission denied for resource groups (or it may not exist).")
}
