package main

import (
	"crypto/rand"
	"net/http"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"example.com/deputy/emulator/google"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/googleauth"
)

const (
	signInPath = "/signin"
	signInLife = 10 * time.Minute
)

// signIn finds out who sits in front of the page, when Google itself is behind
// it: the page plays Chat, and Chat knows its people.
type signIn struct {
	page     *google.Server // whose accounts people become
	provider *googleauth.Provider
	tokens   *googleauth.Verifier
	address  string // of the page
	now      func() time.Time

	mu    sync.Mutex
	begun map[string]signingIn // by state
}

type signingIn struct {
	verifier config.Secret
	nonce    string
	at       time.Time
}

func (s *signIn) handle(mux *http.ServeMux) {
	mux.HandleFunc("GET "+signInPath, s.start)
	mux.HandleFunc("GET "+signInPath+"/callback", s.callback)
}

func (s *signIn) start(w http.ResponseWriter, r *http.Request) {
	state, began := rand.Text(), signingIn{config.NewSecret(oauth2.GenerateVerifier()), rand.Text(), s.now()}
	s.mu.Lock()
	s.begun[state] = began
	s.mu.Unlock()
	http.SetCookie(w, s.cookie(state))
	http.Redirect(w, r, s.provider.AuthorizationURL(googleauth.Authorization{
		State: config.NewSecret(state), Verifier: began.verifier, Nonce: began.nonce, Scopes: []string{"openid", "email"},
	}), http.StatusSeeOther)
}

func (s *signIn) callback(w http.ResponseWriter, r *http.Request) {
	state := r.URL.Query().Get("state")
	s.mu.Lock()
	began, ok := s.begun[state]
	delete(s.begun, state)
	s.mu.Unlock()
	if own, err := r.Cookie("signin"); !ok || err != nil || own.Value != state || s.now().Sub(began.at) > signInLife {
		http.Error(w, "This sign-in was not begun here, or is over. Open the page again.", http.StatusForbidden)
		return
	}
	tokens, err := s.provider.Exchange(r.Context(), config.NewSecret(r.URL.Query().Get("code")), began.verifier)
	var claims googleauth.Claims
	if err == nil {
		claims, err = s.tokens.Verify(r.Context(), tokens.ID)
	}
	if err != nil || claims.Nonce != began.nonce {
		http.Error(w, "Google did not say who you are. Open the page again, and allow it.", http.StatusForbidden)
		return
	}
	s.page.AddAccount(google.Person{Sub: claims.Subject, Name: claims.Email, Email: claims.Email, Domain: claims.Domain})
	http.Redirect(w, r, s.address+"/?as="+claims.Subject, http.StatusSeeOther)
}

func (s *signIn) cookie(state string) *http.Cookie {
	return &http.Cookie{Name: "signin", Value: state, Path: signInPath, MaxAge: int(signInLife.Seconds()), HttpOnly: true, SameSite: http.SameSiteLaxMode} //nolint:gosec // there is no TLS on loopback
}
