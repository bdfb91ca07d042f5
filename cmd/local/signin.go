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
	signInTTL  = 10 * time.Minute
)

// signIn signs the page's user in with real Google, and adds them to the emulator's accounts.
type signIn struct {
	emulator *google.Server
	provider *googleauth.Provider
	tokens   *googleauth.Verifier
	address  string // of the page
	now      func() time.Time

	mu      sync.Mutex
	pending map[string]pendingSignIn // by state
}

type pendingSignIn struct {
	verifier config.Secret
	nonce    string
	started  time.Time
}

// newSignIn returns the page's sign-in with real Google.
func (p *program) newSignIn(o options) *signIn {
	client, keys := o.realGoogle.client, googleauth.NewKeySet(o.realGoogle.accounts.Certs, o.base, o.now)
	return &signIn{
		emulator: p.google, address: p.address, now: o.now, pending: map[string]pendingSignIn{},
		provider: googleauth.NewProvider(o.realGoogle.accounts, client, p.address+signInPath+"/callback", o.base),
		tokens:   googleauth.NewVerifier(googleauth.Issuer, keys, o.now, client.ID),
	}
}

func (s *signIn) register(mux *http.ServeMux) {
	mux.HandleFunc("GET "+signInPath, s.start)
	mux.HandleFunc("GET "+signInPath+"/callback", s.callback)
}

func (s *signIn) start(w http.ResponseWriter, r *http.Request) {
	state, p := rand.Text(), pendingSignIn{config.NewSecret(oauth2.GenerateVerifier()), rand.Text(), s.now()}
	s.mu.Lock()
	s.pending[state] = p
	s.mu.Unlock()
	http.SetCookie(w, s.cookie(state))
	http.Redirect(w, r, s.provider.AuthorizationURL(googleauth.Authorization{
		State: config.NewSecret(state), Verifier: p.verifier, Nonce: p.nonce, Scopes: []string{"openid", "email"},
	}), http.StatusSeeOther)
}

func (s *signIn) callback(w http.ResponseWriter, r *http.Request) {
	state := r.URL.Query().Get("state")
	s.mu.Lock()
	p, ok := s.pending[state]
	delete(s.pending, state)
	s.mu.Unlock()
	if c, err := r.Cookie("signin"); !ok || err != nil || c.Value != state || s.now().Sub(p.started) > signInTTL {
		http.Error(w, "This sign-in expired or started in another browser. Open the page again.", http.StatusForbidden)
		return
	}
	tokens, err := s.provider.Exchange(r.Context(), config.NewSecret(r.URL.Query().Get("code")), p.verifier)
	var claims googleauth.Claims
	if err == nil {
		claims, err = s.tokens.Verify(r.Context(), tokens.ID)
	}
	if err != nil || claims.Nonce != p.nonce {
		http.Error(w, "Google didn't confirm your account. Open the page again and allow access.", http.StatusForbidden)
		return
	}
	s.emulator.AddAccount(google.Person{
		Sub: claims.Subject, Name: claims.Email, Email: claims.Email,
		Domain: claims.Domain,
	})
	http.Redirect(w, r, s.address+"/?as="+claims.Subject, http.StatusSeeOther)
}

func (s *signIn) cookie(state string) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // there is no TLS on loopback
		Name: "signin", Value: state, Path: signInPath, MaxAge: int(signInTTL.Seconds()),
		HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}
