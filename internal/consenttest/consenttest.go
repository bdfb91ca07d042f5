// Package consenttest runs instances of Deputy on one store, with an emulated Google and a clock that only the test
// advances. The tests of shared/grants and shared/consent share it: a grant needs a consent, and a consent is only
// worth its grant. Start at New.
package consenttest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/deputy/emulator/google"
	"example.com/deputy/internal/vaulttest"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/consent"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/logging"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/vault/memory"
)

// PublicURL is the address of oauthcallback.
const PublicURL = "https://deputy.example.com"

// start is the time at which the clock of a world starts, an hour into a day.
var start = time.Date(2026, 3, 2, 1, 0, 0, 0, time.UTC)

// Instance is one instance of Deputy. Its cache is its own.
type Instance struct {
	*grants.Grants
	*consent.Flow
	Deps grants.Deps
}

// NewInstance returns an Instance with an empty cache.
func NewInstance(d grants.Deps) *Instance {
	gs := grants.New(d)
	return &Instance{gs, consent.New(gs, d, "https://chat.google.com", "https://mail.google.com"), d}
}

// World is an instance of Deputy and everything around it.
type World struct {
	*Instance
	Deps               grants.Deps // of the first instance
	Docs               *vaulttest.Counting
	Google             *google.Server
	GoogleURL          string
	Log                *Log
	Keyset, LookupKeys config.Secret // the keys in Deps
	Unselected         string        // a scope that people leave unselected on Google's page

	t          *testing.T
	offset     atomic.Int64 // of the clock, from start
	beforeCall atomic.Pointer[func()]
}

// New returns a World with an empty store in memory.
func New(t *testing.T) *World {
	t.Helper()
	return NewOn(t, &memory.Docs{})
}

// NewOn returns a World with this store.
func NewOn(t *testing.T, docs vault.Docs) *World {
	t.Helper()
	w := &World{t: t, Docs: &vaulttest.Counting{Docs: docs}, Log: &Log{}}
	w.Google = google.New(google.Config{
		ClientID: "client", ClientSecret: "secret", RedirectURIs: []string{PublicURL + "/callback"},
		ProjectNumber: "1", AppName: "Deputy", Now: w.Now,
	})
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" || r.URL.Path == "/revoke" {
			if do := w.beforeCall.Swap(nil); do != nil {
				(*do)()
			}
		}
		w.Google.Handler().ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	w.GoogleURL = server.URL
	w.Keyset, w.LookupKeys = newKeysets(t)
	w.Deps = NewDeps(w.Docs, openKeys(t, w.Keyset, w.LookupKeys), w.GoogleURL, w.Log, w.Now)
	w.Instance = NewInstance(w.Deps)
	return w
}

// NewDeps returns the dependencies of an instance with this store and with Google at googleURL.
func NewDeps(docs vault.Docs, keys *seal.Keys, googleURL string, log io.Writer, now func() time.Time) grants.Deps {
	at := googleauth.Endpoints{
		Authorization: googleURL + "/o/oauth2/v2/auth", Token: googleURL + "/token",
		Revocation: googleURL + "/revoke", Certs: googleURL + "/oauth2/v3/certs",
	}
	client := googleauth.Client{ID: "client", Secret: config.NewSecret("secret")}
	certs := googleauth.NewKeySet(at.Certs, http.DefaultTransport, now)
	return grants.Deps{
		Vault: vault.New(docs, keys, now), Keys: keys,
		Google:   googleauth.NewProvider(at, client, PublicURL+"/callback", http.DefaultTransport),
		IDTokens: googleauth.NewVerifier(googleauth.Issuer, certs, now, "client"),
		ClientID: "client", Address: PublicURL,
		Log: logging.NewText(log), Now: now,
	}
}

// InstanceWith returns another instance on the same store, with changed dependencies.
func (w *World) InstanceWith(change func(*grants.Deps)) *Instance {
	deps := w.Deps
	change(&deps)
	return NewInstance(deps)
}

// InstanceOn returns another instance, on another store.
func (w *World) InstanceOn(docs vault.Docs) *Instance {
	return w.InstanceWith(func(d *grants.Deps) { d.Vault = vault.New(docs, d.Keys, d.Now) })
}

// Answer returns a change of dependencies: Google's token endpoint then has one answer, a JSON object, to everything.
func Answer(text string) func(*grants.Deps) {
	return func(d *grants.Deps) {
		at := googleauth.Endpoints{Token: PublicURL} // not reached
		d.Google = googleauth.NewProvider(at, googleauth.Client{ID: "client"}, "", answer(text))
	}
}

// answer is a http.RoundTripper.
type answer string

func (a answer) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(string(a))),
	}, nil
}

// Now returns the time, which only Advance changes.
func (w *World) Now() time.Time { return start.Add(time.Duration(w.offset.Load())) }

// Advance advances the clock.
func (w *World) Advance(d time.Duration) { w.offset.Add(int64(d)) }

// BeforeGoogleCall makes Google call do once, before it answers the next exchange, refresh or revocation of a token.
func (w *World) BeforeGoogleCall(do func()) { w.beforeCall.Store(&do) }

// RefreshCount returns how many refreshes were requested from Google.
func (w *World) RefreshCount() int {
	n := 0
	for _, c := range w.Google.Calls() {
		if c.Detail == "refresh_token" {
			n++
		}
	}
	return n
}

// StoredGrant returns a person's grant from the store.
func (w *World) StoredGrant(p google.Person) (vault.Grant, bool) {
	w.t.Helper()
	g, err := w.Deps.Vault.Grant(w.t.Context(), resource.Person(p.User()))
	if err != nil && fault.KindOf(err) != fault.NotFound {
		w.t.Fatal(err)
	}
	return g, err == nil
}

// MarkGrant stores a security event with its time in a person's grant, as the function securityevent does.
func (w *World) MarkGrant(p google.Person, mark vault.Mark, at time.Time) {
	w.t.Helper()
	_, err := vault.New(w.Docs, nil, w.Now).MarkGrant(w.t.Context(), resource.Person(p.User()), mark, at)
	Check(w.t, err)
}

// Token requests an access token of a person and returns only the error.
func (w *World) Token(p google.Person, c ...capability.Capability) error {
	_, err := w.TokenSource(w.t.Context(), resource.Person(p.User()), c...)
	return err
}

// NewKeys returns new keys.
func NewKeys(t *testing.T) *seal.Keys {
	t.Helper()
	keyset, lookup := newKeysets(t)
	return openKeys(t, keyset, lookup)
}

func newKeysets(t *testing.T) (keyset, lookup config.Secret) {
	t.Helper()
	keyset, lookup, err := seal.Generate()
	Check(t, err)
	return keyset, lookup
}

func openKeys(t *testing.T, keyset, lookup config.Secret) *seal.Keys {
	t.Helper()
	keys, err := seal.New(keyset, lookup, "project", "client")
	Check(t, err)
	return keys
}

// Check ends the test if there is an error.
func Check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Log keeps what instances log. It is safe for concurrent use.
type Log struct {
	mu  sync.Mutex
	buf strings.Builder
}

// Write implements io.Writer.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// String returns all lines.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
