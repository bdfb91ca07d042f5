package oauthcallback_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"example.com/deputy/emulator/google"
	"example.com/deputy/functions/oauthcallback"
	"example.com/deputy/internal/vaulttest"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/consent"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/logging"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/vault/memory"
)

const siteAddress = "https://deputy.example.com"

var ada, grace = google.People()[0], google.People()[1]

// site is the function with an emulated Google, and one browser.
type site struct {
	t       *testing.T
	handler http.Handler
	flow    *consent.Flow
	grants  *grants.Grants
	vault   *vault.Vault
	google  *google.Server
	log     strings.Builder
	inject  func(context.Context) error // before each call of the store; may be nil
	callers string                      // the callers file; if empty, it can't be read
	cookies []*http.Cookie              // of the browser
	ahead   atomic.Int64                // of the clock, in nanoseconds
}

// direct is a transport to a handler, without a network.
type direct struct{ http.Handler }

// RoundTrip implements http.RoundTripper.
func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return w.Result(), nil
}

// newSite returns a site at an address for the organizations in domains, or for all.
func newSite(t *testing.T, address string, domains ...string) *site {
	t.Helper()
	g := google.New(google.Config{
		ClientID: "client", ClientSecret: "secret", RedirectURIs: []string{address + "/callback"}, Now: time.Now,
	})
	return newSiteOn(t, g, address, domains...)
}

func newSiteOn(t *testing.T, g *google.Server, address string, domains ...string) *site {
	t.Helper()
	s := &site{t: t, google: g}
	now := func() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }
	a, b, err := seal.Generate()
	s.check(err)
	keys, err := seal.New(a, b, "project", "client")
	s.check(err)
	base, log := direct{g.Handler()}, logging.NewText(&s.log)
	certs := googleauth.NewKeySet(googleauth.Google.Certs, base, time.Now)
	client := googleauth.Client{ID: "client", Secret: config.NewSecret("secret")}
	docs := &vaulttest.Faulty{Docs: &memory.Docs{}, Inject: func(ctx context.Context, c vaulttest.Call) error {
		if s.inject == nil || c.Applied {
			return nil
		}
		return s.inject(ctx)
	}}
	s.vault = vault.New(docs, keys, now)
	deps := grants.Deps{
		Vault: s.vault, Keys: keys,
		Google:   googleauth.NewProvider(googleauth.Google, client, address+"/callback", base),
		IDTokens: googleauth.NewVerifier(googleauth.Issuer, certs, time.Now, "client"),
		ClientID: "client", Address: address, Domains: domains, Log: log, Now: now,
	}
	s.grants = grants.New(deps)
	s.flow = consent.New(s.grants, deps, "https://chat.google.com")
	s.handler = oauthcallback.New(oauthcallback.Deps{
		Grants: s.grants, Consent: s.flow, Callers: callers.NewFile(s, log, time.Now), Address: address, Log: log,
	})
	return s
}

func (s *site) check(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// Read implements callers.Store.
func (s *site) Read(context.Context) (text []byte, version string, err error) {
	if s.callers == "" {
		return nil, "", errors.New("unreadable")
	}
	return []byte(s.callers), "1", nil
}

// Write implements callers.Store.
func (*site) Write(context.Context, []byte, string) error { return errors.New("read-only store") }

// send sends a request with the browser's cookies and keeps the cookies of the response.
func (s *site) send(method, address, body string, header http.Header) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), method, address, strings.NewReader(body))
	for name, values := range header {
		r.Header[name] = values
	}
	for _, c := range s.cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		s.cookies = append(slices.DeleteFunc(s.cookies, func(o *http.Cookie) bool { return o.Name == c.Name }), c)
	}
	return w
}

func (s *site) open(address string) *httptest.ResponseRecorder {
	s.t.Helper()
	return s.send(http.MethodGet, address, "", nil)
}

// openOutcome opens an address that redirects to the outcome of a consent, and that outcome.
func (s *site) openOutcome(address string) *httptest.ResponseRecorder {
	s.t.Helper()
	return s.showOutcome(s.open(address))
}

func (s *site) showOutcome(w *httptest.ResponseRecorder) *httptest.ResponseRecorder {
	s.t.Helper()
	to := w.Header().Get("Location")
	if w.Code != http.StatusSeeOther || !strings.HasPrefix(to, siteAddress+"/outcome?id=") {
		s.t.Fatalf("got %d to %q, want the outcome: %s", w.Code, to, w.Body)
	}
	return s.open(strings.TrimPrefix(to, siteAddress))
}

func (s *site) invite(completion string, c ...capability.Capability) string {
	s.t.Helper()
	link, err := s.flow.Invite(s.t.Context(), resource.Named(ada.User()), config.NewSecret(completion), c...)
	s.check(err)
	return link.Reveal()
}

var requestID = regexp.MustCompile(`name="request" value="([^"]+)"`)

// allow starts a consent and allows it on Google's page, without some scopes. It returns where Google redirects to.
func (s *site) allow(link string, account google.Person, unselected ...string) string {
	s.t.Helper()
	at, err := url.Parse(s.start(link))
	s.check(err)
	page := s.askGoogle(http.MethodGet, at.String(), "")
	if to := page.Header().Get("Location"); to != "" {
		return to
	}
	id := requestID.FindStringSubmatch(page.Body.String())
	if id == nil {
		s.t.Fatalf("no consent page: %s", page.Body)
	}
	form := url.Values{"request": {id[1]}, "account": {account.Sub}, "decision": {"allow"}}
	for _, scope := range strings.Fields(at.Query().Get("scope")) {
		if !slices.Contains(unselected, scope) {
			form.Add("scope", scope)
		}
	}
	return s.askGoogle(http.MethodPost, "/o/oauth2/v2/consent", form.Encode()).Header().Get("Location")
}

// start opens an invitation and returns the address of Google's page.
func (s *site) start(link string) string {
	s.t.Helper()
	w := s.open(link)
	if w.Code != http.StatusSeeOther {
		s.t.Fatalf("start: %d %s", w.Code, w.Body)
	}
	return w.Header().Get("Location")
}

func (s *site) askGoogle(method, address, form string) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), method, address, strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	s.google.Handler().ServeHTTP(w, r)
	return w
}

// wantPage checks a page's status and what it contains.
func wantPage(t *testing.T, name string, w *httptest.ResponseRecorder, status int, texts ...string) {
	t.Helper()
	if w.Code != status {
		t.Errorf("%s: got %d, want %d", name, w.Code, status)
	}
	body := strings.NewReplacer("&#39;", "'", "&#34;", `"`, "&amp;", "&").Replace(w.Body.String())
	for _, text := range texts {
		if !strings.Contains(body, text) {
			t.Errorf("%s: %q is not on the page:\n%s", name, text, body)
		}
	}
}
