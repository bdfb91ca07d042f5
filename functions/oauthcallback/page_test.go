package oauthcallback_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/functions/oauthcallback"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/logging"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/serve"
)

func TestPage_Header(t *testing.T) {
	s := newSite(t, siteAddress)
	w := s.send(http.MethodGet, "/connected", "", http.Header{"Accept-Language": {"zh-CN"}})
	_, rest, _ := strings.Cut(w.Body.String(), "<style>")
	style, _, _ := strings.Cut(rest, "</style>")
	sum := sha256.Sum256([]byte(style))
	for name, want := range map[string]string{
		"Content-Type":               "text/html; charset=utf-8",
		"Cross-Origin-Opener-Policy": "same-origin",
		"Strict-Transport-Security":  "max-age=63072000",
		"Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
			"style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	wantPage(t, "Chinese", w, 200, `<html lang="zh-Hans">`, `name="robots" content="noindex"`)
	if strings.Contains(w.Body.String(), "act as you") {
		t.Error("the page is in English")
	}
	wantPage(t, "English", s.open("/connected"), 200, `<html lang="en">`, `<p class="app">Deputy for Google Chat</p>`)
}

func TestPage_Errors(t *testing.T) {
	const title = "Something didn't work"
	for name, c := range map[string]struct {
		inject func(context.Context) error
		status int
	}{
		"store unavailable": {func(context.Context) error { return fault.New(fault.Unavailable, fault.NoText) }, 503},
		"rate limited":      {func(context.Context) error { return fault.New(fault.RateLimited, fault.NoText) }, 503},
		"denied":            {func(context.Context) error { return fault.New(fault.Denied, fault.NoText) }, 403},
		"unauthenticated": {
			func(context.Context) error { return fault.New(fault.Unauthenticated, fault.NoText) },
			403,
		},
		"bug": {func(context.Context) error { panic("a bug") }, 500},
	} {
		s := newSite(t, siteAddress)
		link := s.invite("", create)
		s.inject = c.inject
		w := s.open(link)
		wantPage(t, name, w, c.status, title, "Deputy didn't store anything")
		if w.Header().Get("Retry-After") != "" {
			t.Errorf("%s: Retry-After", name)
		}
		if len(w.Result().Cookies()) != 0 || w.Header().Get("Location") != "" {
			t.Errorf("%s: the consent starts anyway", name)
		}
		if !strings.Contains(s.log.String(), "function=oauthcallback") {
			t.Errorf("%s: log: %s", name, s.log.String())
		}
	}
	wantPage(t, "unknown", newSite(t, siteAddress).open("/nowhere"), 404, title, "This page doesn't exist")
}

func TestPage_TooManyRequests(t *testing.T) {
	s := newSite(t, siteAddress)
	link := s.invite("", create)
	started, release := make(chan struct{}, serve.MaxInFlight), make(chan struct{})
	s.inject = func(context.Context) error {
		started <- struct{}{}
		<-release
		return fault.New(fault.Unavailable, fault.NoText)
	}
	var wg sync.WaitGroup
	for range serve.MaxInFlight {
		wg.Go(func() {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, link, nil)
			s.handler.ServeHTTP(httptest.NewRecorder(), r)
		})
	}
	for range serve.MaxInFlight {
		<-started
	}
	w := s.open("/connected")
	close(release)
	wg.Wait()
	wantPage(t, "full", w, 503, "Deputy is busy")
	if got := w.Header().Get("Retry-After"); got != "2" {
		t.Errorf("Retry-After: %q", got)
	}
}

var anchor = regexp.MustCompile(`<a href="([^"]+)">([^<]+)</a>`)

func TestAbout_Links(t *testing.T) {
	const mail, web = "chat@acme.example", "https://acme.example/help"
	home, privacy := [2]string{siteAddress + "/", "Acme for Google Chat"}, [2]string{
		siteAddress + "/privacy",
		"Privacy policy",
	}
	terms := [2]string{siteAddress + "/terms", "Terms of service"}
	policy := [2]string{
		"https://developers.google.com/terms/api-services-user-data-policy", "Google API Services User Data Policy",
	}
	for _, c := range []struct {
		path, contact string
		want          [][2]string
	}{
		{"/", "", [][2]string{privacy, terms}},
		{"/", mail, [][2]string{{"mailto:" + mail, mail}, privacy, terms}},
		{"/privacy", web, [][2]string{policy, {web, web}, home, terms}},
		{"/terms", "", [][2]string{home, privacy}},
	} {
		h := oauthcallback.New(oauthcallback.Deps{
			Address: siteAddress, Log: logging.NewText(&strings.Builder{}),
			About: oauthcallback.About{Name: "Acme", Contact: c.contact},
		})
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, c.path, nil))
		var got [][2]string
		for _, m := range anchor.FindAllStringSubmatch(w.Body.String(), -1) {
			got = append(got, [2]string{m[1], m[2]})
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s, contact %q: %s", c.path, c.contact, diff)
		}
		if asks := strings.Contains(w.Body.String(), "<h2>Contact</h2>"); asks != (c.contact == "") {
			t.Errorf("%s, contact %q: asks for the administrator: %v", c.path, c.contact, asks)
		}
		wantPage(t, c.path, w, 200, `<p class="app">Acme</p>`, `<main class="good">`)
	}
}

func TestAbout_Permissions(t *testing.T) {
	body := newSite(t, siteAddress).open("/").Body.String()
	everyday, systems, split := strings.Cut(body, "Permissions for other systems that you approve")
	for text, everydayToo := range map[string]bool{
		"<li>Create spaces":                true,
		"<li>Find groups by email address": false,
	} {
		if !split || strings.Contains(everyday, text) != everydayToo || strings.Contains(systems, text) == everydayToo {
			t.Errorf("%q is in the wrong list:\n%s", text, body)
		}
	}
	wantPage(t, "default name", newSite(t, siteAddress).open("/"), 200, `<p class="app">Deputy</p>`)
}

// setEnv sets the environment of a deployed function.
func setEnv(t *testing.T) {
	t.Helper()
	keyset, lookup, err := seal.Generate()
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"FIRESTORE_EMULATOR_HOST": "127.0.0.1:1", "GOOGLE_CLOUD_PROJECT": "project",
		"OAUTH_CALLBACK_URL": siteAddress, "CALLERS": "/nowhere.yaml",
		"APP_NAME": "Acme", "APP_CONTACT": "chat@acme.example",
		"OAUTH_CLIENT": `{"web":{"client_id":"c","client_secret":"s"}}`,
		"KEYSET":       keyset.Reveal(), "LOOKUP_KEYSET": lookup.Reveal(),
	} {
		t.Setenv(name, value)
	}
}

func TestFromEnv(t *testing.T) {
	setEnv(t)
	h, err := oauthcallback.FromEnv(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	wantPage(t, "/", w, 200, "Acme for Google Chat", "mailto:chat@acme.example", siteAddress+"/privacy")
}

func TestFromEnv_Errors(t *testing.T) {
	setEnv(t)
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere.json")
	t.Setenv("CALLERS", "gs://bucket/callers.yaml")
	if _, err := oauthcallback.FromEnv(t.Context()); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("without credentials for the callers file: %v", err)
	}
	t.Setenv("CALLERS", "callers.yaml")
	t.Setenv("KEYSET", "")
	_, err := oauthcallback.FromEnv(t.Context())
	for _, name := range []string{"CALLERS", "KEYSET"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not in %v", name, err)
		}
	}
}
