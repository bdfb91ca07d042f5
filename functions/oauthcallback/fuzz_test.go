package oauthcallback_test

import (
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"example.com/deputy/functions/oauthcallback"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/consent"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/logging"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/vault/memory"
)

// offline is a transport without a network.
type offline struct{}

func (offline) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New("offline") }

var outcomeAddress = regexp.MustCompile(`^https://deputy\.example\.com/outcome\?id=[0-9a-f]{64}$`)

// FuzzCallback opens the callback with an arbitrary query while a consent is pending. It must not show a value of
// the query, store a grant, or redirect, except to the page about a consent that failed.
func FuzzCallback(f *testing.F) {
	a, b, err := seal.Generate()
	if err != nil {
		f.Fatal(err)
	}
	keys, err := seal.New(a, b, "p", "c")
	if err != nil {
		f.Fatal(err)
	}
	f.Add("state=known&code=4%2F0Acode&iss=https%3A%2F%2Faccounts.google.com")
	f.Add("state=known&error=access_denied")
	f.Fuzz(func(t *testing.T, query string) {
		const address = "https://deputy.example.com"
		docs := &memory.Docs{}
		v := vault.New(docs, keys, time.Now)
		client := googleauth.Client{ID: "c", Secret: config.NewSecret("s")}
		log := logging.NewText(io.Discard)
		deps := grants.Deps{
			Vault: v, Keys: keys,
			Google:   googleauth.NewProvider(googleauth.Google, client, address+"/callback", offline{}),
			ClientID: "c", Address: address, Log: log, Now: time.Now,
		}
		gs := grants.New(deps)
		browser := sha256.Sum256([]byte("cookie"))
		err := v.CreatePending(t.Context(), config.NewSecret("known"), vault.Pending{
			Person: "users/1", Capabilities: []string{"CreateSpaces"}, Purpose: "connect",
			Nonce: "n", Browser: browser[:], Verifier: config.NewSecret("v"),
		})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/callback", nil)
		r.URL.RawQuery = query
		r.AddCookie(&http.Cookie{Name: "__Host-deputy-a", Value: "cookie"})
		w := httptest.NewRecorder()
		d := oauthcallback.Deps{Grants: gs, Consent: consent.New(gs, deps), Address: address, Log: log}
		oauthcallback.New(d).ServeHTTP(w, r)
		to := w.Header().Get("Location")
		if w.Code < 400 && !outcomeAddress.MatchString(to) || w.Code >= 400 && to != "" {
			t.Errorf("got %d to %q", w.Code, to)
		}
		if w.Code == http.StatusInternalServerError {
			t.Error("a query causes an internal error")
		}
		values, _ := url.ParseQuery(query)
		for name, all := range values {
			for _, value := range all {
				if len(value) > 12 && strings.Contains(w.Body.String(), value) {
					t.Errorf("%s is shown: %q", name, value)
				}
			}
		}
		if left, err := docs.List(t.Context(), "grants", "", 1); err != nil || len(left) != 0 {
			t.Errorf("a grant is stored: %v", err)
		}
	})
}
