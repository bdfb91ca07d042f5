package google

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"time"
)

const accessTokenLifetime = time.Hour

type accessToken struct {
	person  Person
	scopes  []string
	expires time.Time
}

type refreshToken struct {
	person Person
	scopes []string
}

// token exchanges an authorization code, a refresh token or an assertion (identity/protocols/oauth2/web-server).
func (s *Server) token(w http.ResponseWriter, r *http.Request) (int, string) {
	grantType := r.PostFormValue("grant_type")
	s.mu.Lock()
	defer s.mu.Unlock()
	refuse := func(status int, code, description string) (int, string) {
		return answer(w, status, map[string]string{"error": code, "error_description": description}), grantType
	}
	if r.URL.RawQuery != "" {
		return refuse(http.StatusBadRequest, "invalid_request", "Parameters must be in the body.")
	}
	if grantType == jwtBearer { // the assertion names the account: there is no client
		return s.exchangeAssertion(w, r, refuse)
	}
	if r.PostFormValue("client_secret") == "" {
		return refuse(http.StatusBadRequest, "invalid_request", "client_secret is missing.")
	}
	if r.PostFormValue("client_id") != s.ClientID || r.PostFormValue("client_secret") != s.ClientSecret {
		return refuse(http.StatusUnauthorized, "invalid_client", "The OAuth client was not found.")
	}
	switch grantType {
	case "authorization_code":
		id := r.PostFormValue("code")
		code, ok := s.codes[id]
		delete(s.codes, id)
		verifier := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
		switch {
		case !ok:
			return refuse(http.StatusBadRequest, "invalid_grant", "Malformed auth code.")
		case r.PostFormValue("redirect_uri") != code.redirect:
			return refuse(http.StatusBadRequest, "redirect_uri_mismatch", "Bad Request")
		case code.challenge == "": // a code of IssueAuthCode
		case r.PostFormValue("code_verifier") == "":
			return refuse(http.StatusBadRequest, "invalid_grant", "Missing code verifier.")
		case base64.RawURLEncoding.EncodeToString(verifier[:]) != code.challenge:
			return refuse(http.StatusBadRequest, "invalid_grant", "Invalid code verifier.")
		}
		if verifier := r.PostFormValue("code_verifier"); verifier != "" {
			s.secrets = append(s.secrets, verifier)
		}
		body := s.issueAccessToken(code.person, code.scopes)
		id = s.idToken(code.person, code.nonce, code.scopes)
		s.secrets = append(s.secrets, id)
		body["id_token"] = id
		if code.offline {
			refresh := s.newSecret("1//0", rand.Text())
			s.refresh[refresh] = refreshToken{code.person, code.scopes}
			body["refresh_token"] = refresh
			if s.grantLifetime > 0 {
				body["refresh_token_expires_in"] = int(s.grantLifetime.Seconds())
			}
		}
		return answer(w, http.StatusOK, body), grantType
	case "refresh_token":
		t, ok := s.refresh[r.PostFormValue("refresh_token")]
		if ok && (s.needsReauth[t.person.Sub] || s.switches["reauth"]) {
			return answer(w, http.StatusBadRequest, map[string]string{
				"error":             "invalid_grant",
				"error_description": "reauth related error (invalid_rapt)", "error_subtype": "invalid_rapt",
			}), grantType
		}
		if !ok || s.switches["invalid-grant"] {
			return refuse(http.StatusBadRequest, "invalid_grant", "Token has been expired or revoked.")
		}
		if s.refreshFails[t.person.Sub] {
			return refuse(http.StatusInternalServerError, "internal_failure", "An injected fault for this person.")
		}
		body := s.issueAccessToken(t.person, t.scopes)
		id := s.idToken(t.person, "", t.scopes)
		s.secrets = append(s.secrets, id)
		body["id_token"] = id // as Google does with the scope openid
		return answer(w, http.StatusOK, body), grantType
	default:
		return refuse(http.StatusBadRequest, "unsupported_grant_type", "Invalid grant_type: "+grantType)
	}
}

// IssueAuthCode returns a server auth code, as an app of the project receives it for p's consent. redirect is "" on
// phones and "postmessage" in a browser.
func (s *Server) IssueAuthCode(p Person, redirect string, offline bool, scopes ...string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	code := s.newSecret("4/0", rand.Text())
	req := authRequest{redirect: redirect, offline: offline}
	s.codes[code] = grantedCode{req, p, append([]string{"openid", emailScope}, scopes...)}
	return code
}

// issueAccessToken returns a token response with a new access token. The caller holds the lock.
func (s *Server) issueAccessToken(p Person, scopes []string) map[string]any {
	token := s.newSecret("ya29.", rand.Text())
	s.access[token] = accessToken{p, scopes, s.Now().Add(accessTokenLifetime)}
	reported := cmp.Or(s.reportedLifetime, accessTokenLifetime)
	out := map[string]any{
		"access_token": token, "expires_in": int(reported.Seconds()), "token_type": "Bearer",
		"scope": strings.Join(scopes, " "),
	}
	if s.noScope {
		delete(out, "scope")
	}
	return out
}

// revoke ends the whole grant of the token's owner, not only this token (identity/protocols/oauth2/web-server).
func (s *Server) revoke(w http.ResponseWriter, r *http.Request) (int, string) {
	token := r.PostFormValue("token")
	s.mu.Lock()
	a, isAccess := s.access[token]
	t, isRefresh := s.refresh[token]
	s.mu.Unlock()
	switch {
	case isAccess:
		s.RevokeGrant(a.person)
	case isRefresh:
		s.RevokeGrant(t.person)
	default:
		return answer(w, http.StatusBadRequest, map[string]string{"error": "invalid_token"}), ""
	}
	return answer(w, http.StatusOK, map[string]string{}), ""
}

// FailRefreshes makes every token refresh of a person fail with 500, or succeed again.
func (s *Server) FailRefreshes(p Person, broken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refreshFails[p.Sub] = broken
}

// RequireReauth sets whether a session policy requires the person to sign in again (identity/protocols/oauth2).
func (s *Server) RequireReauth(p Person, required bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.needsReauth[p.Sub] = required
}

// OmitRefreshTokens makes later consents return no refresh token.
func (s *Server) OmitRefreshTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noRefresh = true
}

// OmitScope makes token responses omit the scope, as RFC 6749, section 5.1, allows if it is the requested one.
func (s *Server) OmitScope(omit bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noScope = omit
}

// ReportLifetime makes responses say that access tokens, also those of the metadata server, last this long.
func (s *Server) ReportLifetime(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reportedLifetime = d
}

// SetGrantLifetime sets how long later grants last; the token endpoint only reports it.
func (s *Server) SetGrantLifetime(lifetime time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.grantLifetime = lifetime
}

// AccessTokenValid reports whether an access token is valid now.
func (s *Server) AccessTokenValid(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.access[token]
	return ok && s.Now().Before(a.expires)
}

// RefreshToken returns the newest valid refresh token of a person, or "".
func (s *Server) RefreshToken(p Person) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := ""
	for _, secret := range s.secrets { // in the order of issue
		if t, ok := s.refresh[secret]; ok && t.person == p {
			last = secret
		}
	}
	return last
}

// NarrowGrant reduces a person's grant, and all tokens already issued for it, to signing in and these scopes.
func (s *Server) NarrowGrant(p Person, scopes ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	scopes = append([]string{"openid", emailScope}, scopes...)
	s.granted[p.Sub] = scopes
	for token, a := range s.access {
		if a.person == p {
			a.scopes = scopes
			s.access[token] = a
		}
	}
	for token, r := range s.refresh {
		if r.person == p {
			r.scopes = scopes
			s.refresh[token] = r
		}
	}
}

// RevokeGrant ends a person's grant, as when they remove the app at myaccount.google.com/permissions.
func (s *Server) RevokeGrant(p Person) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.granted, p.Sub)
	for token, a := range s.access {
		if a.person == p {
			delete(s.access, token)
		}
	}
	for token, t := range s.refresh {
		if t.person == p {
			delete(s.refresh, token)
		}
	}
}

// bearer returns the access token of a request. ok is false if it is unknown or expired.
func (s *Server) bearer(r *http.Request) (token accessToken, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	token, ok = s.access[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	return token, ok && s.Now().Before(token.expires)
}
