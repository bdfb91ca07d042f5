package oauthcallback_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"example.com/deputy/functions/oauthcallback"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/consent"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/logging"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/vault/memory"
)

// newFunction returns the function at an https address, and a Flow to create invitations with.
func newFunction(t *testing.T) (http.Handler, *consent.Flow) {
	t.Helper()
	a, b, err := seal.Generate()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := seal.New(a, b, "p", "c")
	if err != nil {
		t.Fatal(err)
	}
	const address = "https://deputy.example.com"
	log := logging.NewText(io.Discard)
	client := googleauth.Client{ID: "c", Secret: config.NewSecret("s")}
	deps := grants.Deps{
		Vault: vault.New(&memory.Docs{}, keys, time.Now), Keys: keys,
		Google:   googleauth.NewProvider(googleauth.Google, client, address+"/callback", nil),
		ClientID: "c", Address: address, Log: log, Now: time.Now,
	}
	gs := grants.New(deps)
	flow := consent.New(gs, deps)
	return oauthcallback.New(oauthcallback.Deps{Grants: gs, Consent: flow, Address: address, Log: log}), flow
}

func open(t *testing.T, h http.Handler, address string) *http.Response {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, address, nil).WithContext(t.Context()))
	return w.Result()
}

func TestStart_CookieAttributes(t *testing.T) {
	h, flow := newFunction(t)
	link, err := flow.Invite(t.Context(), "users/1", config.Secret{}, capability.CreateSpaces)
	if err != nil {
		t.Fatal(err)
	}
	res := open(t, h, link.Reveal())
	location := res.Header.Get("Location")
	const google = "https://accounts.google.com/o/oauth2/v2/auth?"
	if res.StatusCode != http.StatusSeeOther || !strings.HasPrefix(location, google) {
		t.Fatalf("got %d to %q", res.StatusCode, location)
	}
	cookies := res.Cookies()
	if len(cookies) != 1 {
		t.Fatalf("cookies: %v", cookies)
	}
	c := cookies[0]
	if !strings.HasPrefix(c.Name, "__Host-deputy-") || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode ||
		c.Path != "/" || c.Domain != "" || len(c.Value) < 26 {
		t.Errorf("got %v", c)
	}
}

func TestSecurityHeaders(t *testing.T) {
	h, flow := newFunction(t)
	link, err := flow.Invite(t.Context(), "users/1", config.Secret{}, capability.CreateSpaces)
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{
		link.Reveal(), "/start?invitation=x", "/callback?state=x&code=y", "/outcome?id=x", "/connected", "/",
		"/nowhere",
	} {
		res := open(t, h, address)
		for name, want := range map[string]string{
			"Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
			"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff",
		} {
			if got := res.Header.Get(name); got != want {
				t.Errorf("%.20s: %s: got %q, want %q", address, name, got, want)
			}
		}
		policy := res.Header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") ||
			strings.Contains(policy, "unsafe") {
			t.Errorf("%.20s: policy %q", address, policy)
		}
	}
}

func TestParameters_Duplicate(t *testing.T) {
	h, flow := newFunction(t)
	link, err := flow.Invite(t.Context(), "users/1", config.Secret{}, capability.CreateSpaces)
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{
		link.Reveal() + "&invitation=x", "/callback?state=a&state=b&code=c", "/callback?state=a&code=b&code=c",
		"/callback?state=a&error=b&error=c", "/callback?state=a&code=b&iss=c&iss=d",
	} {
		res := open(t, h, address)
		body, _ := io.ReadAll(res.Body)
		if res.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), "more than once") {
			t.Errorf("%.30s: got %d", address, res.StatusCode)
		}
	}
}

func TestParameters_Additional(t *testing.T) {
	h, flow := newFunction(t)
	link, err := flow.Invite(t.Context(), "users/1", config.Secret{}, capability.CreateSpaces)
	if err != nil {
		t.Fatal(err)
	}
	if res := open(t, h, link.Reveal()+"&utm_source=chat"); res.StatusCode != http.StatusSeeOther {
		t.Errorf("start: got %d", res.StatusCode)
	}
	res := open(t, h, "/callback?state=x&code=y&scope=z&authuser=0&hd=example.com&prompt=consent&new=1")
	if res.StatusCode != http.StatusGone {
		t.Errorf("callback: got %d, want the page for an unknown state", res.StatusCode)
	}
}

func TestPages_ReflectedXSS(t *testing.T) {
	h, _ := newFunction(t)
	const marked = "%3Cscript%3Ealert(1)%3C/script%3Emarked"
	for _, address := range []string{
		"/start?invitation=" + marked, "/callback?state=" + marked + "&code=" + marked,
		"/callback?state=x&error=" + marked, "/callback?" + marked + "=1&state=x",
		"/" + marked, "/connected?x=" + marked,
	} {
		res := open(t, h, address)
		body, _ := io.ReadAll(res.Body)
		if strings.Contains(string(body), "marked") || strings.Contains(string(body), "<script") {
			t.Errorf("%s: %s", address, body)
		}
	}
}

func TestStart_ForeignCookie(t *testing.T) {
	h, flow := newFunction(t)
	link, err := flow.Invite(t.Context(), "users/1", config.Secret{}, capability.CreateSpaces)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, link.Reveal(), nil).WithContext(t.Context())
	r.Header.Set("Cookie", "deputy-a=planted; __Host-deputy=other; __Secure-deputy-b=other")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if c := w.Result().Cookies(); len(c) != 1 || c[0].Value == "planted" || c[0].Value == "other" {
		t.Errorf("got %v", c)
	}
}

func TestAboutPages(t *testing.T) {
	_, flow := newFunction(t)
	const address = "https://deputy.example.com"
	for _, c := range []struct {
		about oauthcallback.About
		path  string
		has   []string
	}{
		{oauthcallback.About{}, "/", []string{
			"Deputy for Google Chat", address + "/privacy", address + "/terms", "Create spaces", "/disconnect",
			"Ask your Google Workspace administrator",
		}},
		{oauthcallback.About{Name: "Acme Helper", Contact: "chat@acme.example"}, "/", []string{
			"Acme Helper for Google Chat", "mailto:chat@acme.example",
		}},
		{oauthcallback.About{Name: "Acme Helper", Contact: "https://acme.example/help"}, "/privacy", []string{
			"Acme Helper", "https://acme.example/help", "Limited Use",
			"https://developers.google.com/terms/api-services-user-data-policy", "/disconnect",
		}},
		{oauthcallback.About{Name: "Acme Helper"}, "/terms", []string{
			"in your name", "Acme Helper", address + "/privacy",
		}},
	} {
		log := logging.NewText(io.Discard)
		h := oauthcallback.New(oauthcallback.Deps{Consent: flow, Address: address, Log: log, About: c.about})
		res := open(t, h, c.path)
		body, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK || strings.Contains(string(body), "noindex") {
			t.Errorf("%s: %d, %v", c.path, res.StatusCode, err)
		}
		for _, text := range c.has {
			if !strings.Contains(string(body), text) {
				t.Errorf("%s of %q has no %q:\n%s", c.path, c.about.Name, text, body)
			}
		}
	}
}
