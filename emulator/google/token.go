package google

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"time"
)

const accessLife = time.Hour

type accessToken struct {
	person  Person
	scopes  []string
	expires time.Time
}

type refreshToken struct {
	person Person
	scopes []string
}

// token exchanges a code or refreshes (oauth-admin.md 1.5).
func (s *Server) token(w http.ResponseWriter, r *http.Request) (int, string) {
	kind := r.PostFormValue("grant_type")
	s.mu.Lock()
	defer s.mu.Unlock()
	refuse := func(status int, code, description string) (int, string) {
		return answer(w, status, map[string]string{"error": code, "error_description": description}), kind
	}
	if r.URL.RawQuery != "" {
		return refuse(http.StatusBadRequest, "invalid_request", "Parameters belong into the body.")
	}
	if kind == jwtBearer { // the assertion says who asks: there is no client
		return s.delegated(w, r, refuse)
	}
	if r.PostFormValue("client_secret") == "" {
		return refuse(http.StatusBadRequest, "invalid_request", "client_secret is missing.")
	}
	if r.PostFormValue("client_id") != s.ClientID || r.PostFormValue("client_secret") != s.ClientSecret {
		return refuse(http.StatusUnauthorized, "invalid_client", "The OAuth client was not found.")
	}
	switch kind {
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
		case code.challenge == "": // an app's own flow (AppCode)
		case r.PostFormValue("code_verifier") == "":
			return refuse(http.StatusBadRequest, "invalid_grant", "Missing code verifier.")
		case base64.RawURLEncoding.EncodeToString(verifier[:]) != code.challenge:
			return refuse(http.StatusBadRequest, "invalid_grant", "Invalid code verifier.")
		}
		if verifier := r.PostFormValue("code_verifier"); verifier != "" {
			s.secrets = append(s.secrets, verifier)
		}
		body := s.give(code.person, code.scopes)
		id = s.idToken(code.person, code.nonce, code.scopes)
		s.secrets = append(s.secrets, id)
		body["id_token"] = id
		if code.offline {
			refresh := s.secret("1//0", rand.Text())
			s.refresh[refresh] = refreshToken{code.person, code.scopes}
			body["refresh_token"] = refresh
			if s.timeBased > 0 {
				body["refresh_token_expires_in"] = int(s.timeBased.Seconds())
			}
		}
		return answer(w, http.StatusOK, body), kind
	case "refresh_token":
		t, ok := s.refresh[r.PostFormValue("refresh_token")]
		if ok && (s.reauth[t.person.Sub] || s.on["reauth"]) {
			return answer(w, http.StatusBadRequest, map[string]string{
				"error": "invalid_grant", "error_description": "reauth related error (invalid_rapt)", "error_subtype": "invalid_rapt",
			}), kind
		}
		if !ok || s.on["invalid-grant"] {
			return refuse(http.StatusBadRequest, "invalid_grant", "Token has been expired or revoked.")
		}
		if s.broken[t.person.Sub] {
			return refuse(http.StatusInternalServerError, "internal_failure", "A fault switched on for this person.")
		}
		body := s.give(t.person, t.scopes)
		id := s.idToken(t.person, "", t.scopes)
		s.secrets = append(s.secrets, id)
		body["id_token"] = id // with openid, as Google does
		return answer(w, http.StatusOK, body), kind
	default:
		return refuse(http.StatusBadRequest, "unsupported_grant_type", "Invalid grant_type: "+kind)
	}
}

// AppCode is a server auth code that an app of the project got when p consented
// in it: redirect is "" on phones, and postmessage in a browser.
func (s *Server) AppCode(p Person, redirect string, offline bool, scopes ...string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	code := s.secret("4/0", rand.Text())
	s.codes[code] = grantedCode{authRequest: authRequest{redirect: redirect, offline: offline}, person: p, scopes: append([]string{"openid", emailScope}, scopes...)}
	return code
}

// give makes an access token; the lock is held.
func (s *Server) give(p Person, scopes []string) map[string]any {
	token := s.secret("ya29.", rand.Text())
	s.access[token] = accessToken{p, scopes, s.Now().Add(accessLife)}
	return map[string]any{
		"access_token": token, "expires_in": int(accessLife.Seconds()), "token_type": "Bearer", "scope": strings.Join(scopes, " "),
	}
}

// revoke ends all that the token's person gave to the whole project
// (oauth-admin.md 1.6).
func (s *Server) revoke(w http.ResponseWriter, r *http.Request) (int, string) {
	token := r.PostFormValue("token")
	s.mu.Lock()
	a, isAccess := s.access[token]
	t, isRefresh := s.refresh[token]
	s.mu.Unlock()
	switch {
	case isAccess:
		s.Revoke(a.person)
	case isRefresh:
		s.Revoke(t.person)
	default:
		return answer(w, http.StatusBadRequest, map[string]string{"error": "invalid_token"}), ""
	}
	return answer(w, http.StatusOK, map[string]string{}), ""
}

// Break makes every refresh of a person end with 500, or no more.
func (s *Server) Break(p Person, broken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken[p.Sub] = broken
}

// Reauth is a session policy that wants the person to sign in again
// (oauth-admin.md 2.3).
func (s *Server) Reauth(p Person, wanted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reauth[p.Sub] = wanted
}

// NoRefresh keeps every later consent from giving a refresh token, whatever
// was asked.
func (s *Server) NoRefresh() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noRefresh = true
}

// TimeBased makes later consents count for a time only.
func (s *Server) TimeBased(life time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timeBased = life
}

// Works tells whether an access token is accepted now.
func (s *Server) Works(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.access[token]
	return ok && s.Now().Before(a.expires)
}

// RefreshToken is the last refresh token a person's consent gave.
func (s *Server) RefreshToken(p Person) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := ""
	for _, secret := range s.secrets { // in the order they were given out
		if t, ok := s.refresh[secret]; ok && t.person == p {
			last = secret
		}
	}
	return last
}

// Narrow leaves a person's grant nothing but the sign-in and these scopes: the
// tokens given before lose the rest.
func (s *Server) Narrow(p Person, left ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	left = append([]string{"openid", emailScope}, left...)
	s.granted[p.Sub] = left
	for token, a := range s.access {
		if a.person == p {
			a.scopes = left
			s.access[token] = a
		}
	}
	for token, r := range s.refresh {
		if r.person == p {
			r.scopes = left
			s.refresh[token] = r
		}
	}
}

// Revoke is the person removing the app at myaccount.google.com/permissions.
func (s *Server) Revoke(p Person) {
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

// bearer is whose token a request carries.
func (s *Server) bearer(r *http.Request) (accessToken, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.access[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	return a, ok && s.Now().Before(a.expires)
}
