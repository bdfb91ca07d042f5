package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"
	"google.golang.org/api/option"

	"example.com/deputy/emulator/google"
	"example.com/deputy/internal/chromiumtest"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/spaces"
)

const delegating = "deputy@p.iam.gserviceaccount.com"

// host is a person's own machine, with the emulator as Google.
type host struct {
	t         testing.TB
	google    *google.Server
	url       string // of the emulator
	dir       string // configuration directory
	file      string // of the OAuth client
	person    google.Person
	deny      bool
	noBrowser bool
	opened    []string                   // addresses that the program opened
	forge     func(url.Values)           // changes a forged redirect that comes before the real one
	now       func() time.Time           // of this machine
	clicks    func(address string)       // stands for the person in a real browser
	early     []http.Header              // of requests with the redirect before the browser's
	statuses  chan int                   // of their answers
	opens     func(address string) error // takes the place of all this
}

func newHost(t testing.TB) (*driver, *host) {
	t.Helper()
	h := &host{t: t, person: google.People()[0], now: time.Now}
	h.dir, h.file = filepath.Join(t.TempDir(), "deputy"), filepath.Join(t.TempDir(), "client_secrets.json")
	h.google = google.New(google.Config{
		ClientID: "desk", ClientSecret: "s", Desktop: true, ProjectNumber: "1", AppName: "Deputy",
		ChatAddress: "https://chat.example/", Now: time.Now,
	})
	server := httptest.NewServer(h.google.Handler())
	t.Cleanup(server.Close)
	h.url = server.URL
	h.writeClient(`{"installed":{"client_id":"desk","client_secret":"s"}}`)
	d := newDriver(t)
	d.host = h
	return d, h
}

func (h *host) writeClient(text string) {
	h.t.Helper()
	check(h.t, os.WriteFile(h.file, []byte(text), 0o600))
}

// configure makes d use the emulator and the host's browser.
func (h *host) configure(d *deps) {
	endpoints := googleauth.Endpoints{
		Authorization: h.url + "/o/oauth2/v2/auth", Token: h.url + "/token",
		Revocation: h.url + "/revoke", Certs: h.url + "/oauth2/v3/certs",
	}
	d.configDir, d.openBrowser = h.dir, h.openBrowser
	d.newProvider = func(c googleauth.Client, redirect string) *googleauth.Provider {
		return googleauth.NewProvider(endpoints, c, redirect, nil)
	}
	d.verifyID = func(ctx context.Context, id string, token config.Secret) (googleauth.Claims, error) {
		keys := googleauth.NewKeySet(endpoints.Certs, nil, time.Now)
		return googleauth.NewVerifier(googleauth.Issuer, keys, h.now, id).Verify(ctx, token)
	}
	d.newSpaces = func(ctx context.Context, actor googlecall.Actor) (*spaces.Spaces, error) {
		return newSpaces(ctx, actor, spaces.Endpoints{Chat: h.url + "/", Identity: h.url + "/"}, nil)
	}
	d.riscAPI = h.url + "/v1beta/"
	d.accountToken = func(ctx context.Context, account, audience string) (config.Secret, error) {
		tokens, err := h.delegation(ctx, account)
		if err != nil {
			return config.Secret{}, err
		}
		return tokens.AccountToken(ctx, audience)
	}
	d.newDelegated = func(ctx context.Context, account string) (*grants.Delegated, error) {
		tokens, err := h.delegation(ctx, account)
		return grants.NewDelegated(tokens, slog.New(slog.DiscardHandler)), err
	}
}

func (h *host) delegation(ctx context.Context, account string) (*googleauth.Delegation, error) {
	endpoints := googleauth.Endpoints{Token: h.url + "/token"}
	client := &http.Client{Transport: &oauth2.Transport{Source: h.google}}
	return googleauth.NewDelegation(ctx, account, endpoints, nil, time.Now,
		option.WithEndpoint(h.url+"/"), option.WithHTTPClient(client))
}

// openBrowser answers the consent page in the background.
func (h *host) openBrowser(address string) error {
	h.opened = append(h.opened, address)
	if h.noBrowser {
		return errors.New("there is no browser")
	}
	if h.opens != nil {
		return h.opens(address)
	}
	if h.clicks != nil {
		go h.clicks(address)
		return nil
	}
	go h.consent(address)
	return nil
}

func (h *host) consent(address string) {
	page := h.request(http.MethodGet, address, nil)
	id := regexp.MustCompile(`request=([A-Z0-9]+)|name="request" value="([A-Z0-9]+)"`).FindStringSubmatch(page)
	if id == nil {
		return // Google's page shows an error and does not redirect
	}
	request := id[1] + id[2]
	form := url.Values{
		"request": {request}, "account": {h.person.Sub}, "scope": h.google.RequestedScopes(request),
		"decision": {"allow"},
	}
	if h.deny {
		form.Set("decision", "deny")
	}
	target, body := h.url+"/o/oauth2/v2/consent", strings.NewReader(form.Encode())
	r, err := http.NewRequest(http.MethodPost, target, body) //nolint:noctx // ends with the server
	if err != nil {
		return
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return
	}
	_ = res.Body.Close()
	redirect, err := url.Parse(res.Header.Get("Location"))
	if err != nil {
		return
	}
	if h.forge != nil {
		q := redirect.Query()
		h.forge(q)
		forged := *redirect
		forged.RawQuery = q.Encode()
		h.request(http.MethodGet, forged.String(), nil)
	}
	for _, header := range h.early {
		r, err := http.NewRequest(http.MethodGet, redirect.String(), nil) //nolint:noctx // ends with the server
		if err != nil {
			return
		}
		r.Header = header
		if res, err := http.DefaultClient.Do(r); err == nil {
			h.statuses <- res.StatusCode
			_ = res.Body.Close()
		}
	}
	h.request(http.MethodGet, redirect.String(), nil)
}

// request sends a request and returns the body, or "" if the request failed.
func (h *host) request(method, address string, body io.Reader) string {
	r, err := http.NewRequest(method, address, body) //nolint:noctx // ends with the server
	if err != nil {
		return ""
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return ""
	}
	defer func() { _ = res.Body.Close() }()
	text, _ := io.ReadAll(res.Body)
	return string(text)
}

func (h *host) storedCredential() credential {
	h.t.Helper()
	c, ok, err := credentialStore{h.dir}.load()
	check(h.t, err)
	if !ok {
		h.t.Fatal("no credential is stored")
	}
	return c
}

func TestQuickstart(t *testing.T) {
	d, h := newHost(t)
	out, stderr := d.mustRun(config.Secret{}, "quickstart", "--client-secrets", h.file)
	var space spaceOutput
	err := json.Unmarshal([]byte(out.Reveal()), &space)
	if err != nil || space.DisplayName != "API-made" || !strings.HasPrefix(space.Name, "spaces/") ||
		space.SpaceURI == "" {
		t.Errorf("%v: %s", err, out.Reveal())
	}
	if !strings.Contains(stderr, "created API-made: "+space.SpaceURI) {
		t.Errorf("stderr: %s", stderr)
	}
	if space, ok := h.google.SpaceByName("API-made"); !ok || space.Members[0].Person != h.person {
		t.Error("the space is not Ada's")
	}
	// The consent asks for no more than the space needs.
	asked, err := url.Parse(h.opened[0])
	check(t, err)
	q := asked.Query()
	if q.Get("scope") != "openid email https://www.googleapis.com/auth/chat.spaces.create" ||
		q.Get("code_challenge_method") != "S256" || q.Get("include_granted_scopes") != "" ||
		q.Get("state") == "" || q.Get("nonce") == "" {
		t.Errorf("asked: %v", q)
	}
	info, err := os.Stat(filepath.Join(h.dir, "credential.json"))
	check(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode of the credential: %v", info.Mode())
	}
	text, err := os.ReadFile(h.file)
	check(t, err)
	if strings.Contains(string(text), "refresh") {
		t.Error("the client's file was overwritten")
	}
	d.mustRun(config.Secret{}, "quickstart", "--name", "Another") // with the last client's file
	if len(h.opened) != 1 {
		t.Errorf("asked for consent %d times", len(h.opened))
	}
	if strings.Contains(out.Reveal()+stderr, h.storedCredential().RefreshToken) {
		t.Error("the token was printed")
	}
}

func TestQuickstart_Forget(t *testing.T) {
	d, h := newHost(t)
	d.mustRun(config.Secret{}, "quickstart", "--client-secrets", h.file)
	_, stderr := d.mustRun(config.Secret{}, "quickstart", "--forget")
	if !strings.Contains(stderr, "every other client of the same Google Cloud project") ||
		h.google.RefreshToken(h.person) != "" {
		t.Errorf("stderr: %s", stderr)
	}
	if left, _ := os.ReadDir(h.dir); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	_, stderr = d.mustRun(config.Secret{}, "quickstart", "--forget")
	if !strings.Contains(stderr, "no consent is stored") {
		t.Errorf("stderr: %s", stderr)
	}
}

func TestQuickstart_ConsentRevoked(t *testing.T) {
	d, h := newHost(t)
	d.mustRun(config.Secret{}, "quickstart", "--client-secrets", h.file)
	h.google.RevokeGrant(h.person)
	_, stderr := d.mustRun(config.Secret{}, "quickstart", "--name", "Another")
	if !strings.Contains(stderr, "Google no longer accepts the consent") || len(h.opened) != 2 {
		t.Errorf("stderr: %s; consents: %d", stderr, len(h.opened))
	}
}

func TestQuickstart_Failures(t *testing.T) {
	// writes returns a change that writes the client's file.
	writes := func(text string) func(*host) { return func(h *host) { h.writeClient(text) } }
	for name, c := range map[string]struct {
		change func(*host)
		args   []string
		want   string
		code   int
	}{
		"no file named": {
			func(*host) {},
			[]string{"--client-secrets", ""},
			"no OAuth client", exitUsage,
		},
		"missing file": {
			func(h *host) { check(h.t, os.Remove(h.file)) }, nil,
			"cannot read the OAuth client's file", exitFailure,
		},
		"stored token": {
			writes(`{"refresh_token":"1//0"}`), nil,
			"is a stored token", exitFailure,
		},
		"service account key": {
			writes(`{"type":"service_account"}`), nil,
			"is a service account key", exitFailure,
		},
		"another file": {writes(`{"name":"x"}`), nil, "neither a", exitFailure},
		"not JSON":     {writes(`x`), nil, "is not a JSON object", exitFailure},
		"web client without loopback": {
			writes(`{"web":{"client_id":"desk","client_secret":"s","redirect_uris":["https://x.example/callback"]}}`),
			nil,
			"register http://127.0.0.1:3000/", exitFailure,
		},
		"web client with another port": {
			writes(`{"web":{"client_id":"desk","client_secret":"s","redirect_uris":["http://127.0.0.1:3000/"]}}`),
			[]string{"--port", "3001"},
			"register http://127.0.0.1:3001/", exitFailure,
		},
		"canceled": {func(h *host) { h.deny = true }, nil, "you canceled or denied access", exitFailure},
		"wrong secret": {
			writes(`{"installed":{"client_id":"desk","client_secret":"old"}}`), nil,
			"its secret is wrong", exitFailure,
		},
		"unknown client": {
			writes(`{"installed":{"client_id":"gone","client_secret":"s"}}`),
			[]string{"--wait", "100ms"},
			"no response within 100ms", exitFailure,
		},
		"TV and limited input": {
			writes(`{"installed":{"client_id":"tv","client_secret":"s"}}`),
			[]string{"--wait", "100ms"},
			"TV and limited input", exitFailure,
		},
		"code rejected": {
			func(h *host) { h.google.FailAs("token", google.Fault{Status: 400, Reason: "invalid_grant"}) }, nil,
			"authorization code was rejected", exitFailure,
		},
		"session policy": {
			func(h *host) { h.google.FailAs("token", google.Fault{Status: 400, Reason: "invalid_rapt"}) }, nil,
			"sign in to Google again", exitFailure,
		},
		"account restricted": {
			func(h *host) { h.google.FailAs("token", google.Fault{Status: 400, Reason: "access_denied"}) }, nil,
			"restricted this account", exitFailure,
		},
		"no refresh token": {func(h *host) { h.google.OmitRefreshTokens() }, nil, "no refresh token", exitFailure},
		"no Chat app": {
			func(h *host) { check(h.t, h.google.SetSwitch("no-app", true)) }, nil,
			"Google Chat configuration is missing", exitTemporary,
		},
		"name taken": {func(h *host) { h.google.CreateSpace("API-made", h.person) }, nil, "API-made", exitFailure},
	} {
		t.Run(name, func(t *testing.T) {
			d, h := newHost(t)
			c.change(h)
			args := append([]string{"quickstart", "--client-secrets", h.file}, c.args...)
			code, out, stderr := d.run(config.Secret{}, args...)
			if code != c.code || !strings.Contains(stderr, c.want) || !out.Empty() {
				t.Errorf("%d %s %s", code, stderr, out.Reveal())
			}
			_, ok, err := credentialStore{h.dir}.load()
			consented := name == "no Chat app" || name == "name taken"
			if ok != consented || err != nil {
				t.Errorf("stored %v, %v", ok, err)
			}
		})
	}
}

func TestQuickstart_PortInUse(t *testing.T) {
	d, h := newHost(t)
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	_, port, _ := strings.Cut(strings.TrimPrefix(other.URL, "http://"), ":")
	code, _, stderr := d.run(config.Secret{}, "quickstart", "--client-secrets", h.file, "--port", port)
	if code != exitFailure || !strings.Contains(stderr, "port "+port+" is in use") {
		t.Errorf("%d %s", code, stderr)
	}
}

func TestQuickstart_ForgedRedirect(t *testing.T) {
	for name, forge := range map[string]func(url.Values){
		"another state": func(q url.Values) { q.Set("state", "x") },
		"no state":      func(q url.Values) { q.Del("state") },
		"two states":    func(q url.Values) { q.Add("state", "x") },
	} {
		t.Run(name, func(t *testing.T) {
			d, h := newHost(t)
			h.forge = forge
			_, stderr := d.mustRun(config.Secret{}, "quickstart", "--client-secrets", h.file)
			if !strings.Contains(stderr, "created API-made") {
				t.Errorf("stderr: %s", stderr)
			}
		})
	}
	d, h := newHost(t)
	h.forge = func(q url.Values) { q.Set("iss", "https://evil.example") }
	code, _, stderr := d.run(config.Secret{}, "quickstart", "--client-secrets", h.file)
	if code != exitFailure || !strings.Contains(stderr, "did not come from Google") {
		t.Errorf("%d %s", code, stderr)
	}
}

func TestQuickstart_NoBrowserOverSSH(t *testing.T) {
	d, h := newHost(t)
	h.noBrowser = true
	d.env = map[string]string{"SSH_CONNECTION": "10.0.0.1 1 10.0.0.2 22"}
	code, _, stderr := d.run(config.Secret{}, "quickstart", "--client-secrets", h.file, "--wait", "10ms")
	for _, want := range []string{
		"Open this address", h.url + "/o/oauth2/v2/auth?", "ssh -N -L",
		"redirect_uri_mismatch", "admin_policy_enforced",
	} {
		if !strings.Contains(stderr, want) {
			t.Errorf("stderr lacks %q: %d %s", want, code, stderr)
		}
	}
	d.env = nil
	d.run(config.Secret{}, "quickstart", "--client-secrets", h.file, "--no-browser", "--wait", "1ms")
	if len(h.opened) != 0 {
		t.Errorf("a browser was opened: %q", h.opened)
	}
	_, _, stderr = d.run(config.Secret{}, "quickstart", "--client-secrets", h.file, "--wait", "1ms")
	if len(h.opened) != 1 || !strings.Contains(stderr, h.opened[0]) {
		t.Errorf("the address of an opened page is not printed: %s", stderr)
	}
}

// A web client's redirect is sent as it is registered (desk/web-localhost.json, desk/web-noslash.json).
func TestQuickstart_RegisteredRedirects(t *testing.T) {
	for name, format := range map[string]string{
		"localhost": "http://localhost:%d", "no slash": "http://127.0.0.1:%d", "slash": "http://127.0.0.1:%d/",
		"path": "http://localhost:%d/oauth2/callback", "pattern": "http://127.0.0.1:%d/{x}/",
		"query": "http://localhost:%d/?from=desk",
	} {
		t.Run(name, func(t *testing.T) {
			d, h := newHost(t)
			redirect := fmt.Sprintf(format, freePort(t))
			h.google.Desktop, h.google.RedirectURIs = false, []string{redirect}
			h.writeClient(`{"web":{"client_id":"desk","client_secret":"s","redirect_uris":` +
				`["https://deputy.example.com/callback","` + redirect + `"]}}`)
			d.mustRun(config.Secret{}, "quickstart", "--client-secrets", h.file)
			opened, err := url.Parse(h.opened[0])
			if err != nil || opened.Query().Get("redirect_uri") != redirect {
				t.Errorf("%v, sent %s", err, h.opened)
			}
		})
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	check(t, err)
	defer func() { _ = listener.Close() }()
	return listener.Addr().(*net.TCPAddr).Port
}

// A session policy asks the person to sign in again at once (desk/refresh-rapt.txt).
func TestQuickstart_SessionPolicy(t *testing.T) {
	d, h := newHost(t)
	d.mustRun(config.Secret{}, "quickstart", "--client-secrets", h.file)
	h.google.RequireReauth(h.person, true)
	h.clicks = func(address string) {
		h.google.RequireReauth(h.person, false)
		h.consent(address)
	}
	_, stderr := d.mustRun(config.Secret{}, "quickstart", "--name", "Second")
	if !strings.Contains(stderr, "requires you to sign in to Google again") || len(h.opened) != 2 {
		t.Errorf("%d consents: %s", len(h.opened), stderr)
	}
}

// Another account does not replace the one that this machine acts as.
func TestQuickstart_AnotherAccount(t *testing.T) {
	d, h := newHost(t)
	d.mustRun(config.Secret{}, "quickstart", "--client-secrets", h.file)
	before := h.storedCredential()
	h.google.RevokeGrant(h.person)
	h.person = google.People()[1]
	code, _, stderr := d.run(config.Secret{}, "quickstart", "--name", "Second")
	if code != exitFailure || !strings.Contains(stderr, "as grace@example.com") ||
		!strings.Contains(stderr, "acts as ada@example.com") {
		t.Errorf("%d %s", code, stderr)
	}
	if diff := cmp.Diff(before, h.storedCredential()); diff != "" {
		t.Error(diff)
	}
	d.mustRun(config.Secret{}, "quickstart", "--forget")
	d.mustRun(config.Secret{}, "quickstart", "--client-secrets", h.file, "--name", "Second")
	if got := h.storedCredential().Email; got != "grace@example.com" {
		t.Errorf("after --forget: %s", got)
	}
}

// The consent can be revoked without the client's file.
func TestQuickstart_ForgetWithoutClient(t *testing.T) {
	d, h := newHost(t)
	d.mustRun(config.Secret{}, "quickstart", "--client-secrets", h.file)
	check(t, os.Remove(h.file))
	_, stderr := d.mustRun(config.Secret{}, "quickstart", "--forget")
	if _, ok, err := (credentialStore{h.dir}).load(); ok || err != nil || !strings.Contains(stderr, "Revoked") {
		t.Errorf("%v, %v: %s", ok, err, stderr)
	}
}

// A client that Google would refuse after the consent is refused before (desk/desktop-nosecret.json).
func TestQuickstart_UnusableClient(t *testing.T) {
	for text, want := range map[string]string{
		`{"installed":{"client_id":"desk","redirect_uris":["http://localhost"]}}`: `no client_secret in "installed"`,
		`{"installed":{"client_id":"desk","client_secret":"s\n"}}`:                "a blank or a line break",
		`{"web":{"client_id":" desk","client_secret":"s"}}`:                       "a blank or a line break",
	} {
		d, h := newHost(t)
		h.writeClient(text)
		code, _, stderr := d.run(config.Secret{}, "quickstart", "--client-secrets", h.file)
		if code != exitFailure || !strings.Contains(stderr, want) || len(h.opened) != 0 {
			t.Errorf("%s: %d %s", text, code, stderr)
		}
	}
}

func TestQuickstart_Interrupted(t *testing.T) {
	_, h := newHost(t)
	var stderr strings.Builder
	o := deps{
		out: io.Discard, err: &stderr, now: time.Now,
		lookupEnv: func(string) (string, bool) { return "", false },
	}
	h.configure(&o)
	ctx, cancel := context.WithCancel(t.Context())
	o.openBrowser = func(string) error { cancel(); return nil } // Ctrl-C while the browser opens
	code := run(ctx, []string{"quickstart", "--client-secrets", h.file}, o)
	if code == 0 || !strings.Contains(stderr.String(), "interrupted: nothing was stored") {
		t.Errorf("%d %s", code, stderr.String())
	}
	if _, ok, _ := (credentialStore{h.dir}).load(); ok {
		t.Error("a credential was stored")
	}
}

func TestSpace_CreateListGetInvite(t *testing.T) {
	d, h := newHost(t)
	out, _ := d.mustRun(config.Secret{}, "space", "create", "Launch plan",
		"--client-secrets", h.file, "--member", "grace@example.com", "--json")
	var space spaceOutput
	check(t, json.Unmarshal([]byte(out.Reveal()), &space))
	list, _ := d.mustRun(config.Secret{}, "space", "list", "launch", "--json")
	if !strings.Contains(list.Reveal(), space.Name) {
		t.Errorf("list: %s", list.Reveal())
	}
	shown, _ := d.mustRun(config.Secret{}, "space", "get", space.Name)
	if !strings.Contains(shown.Reveal(), "Launch plan") {
		t.Errorf("get: %s", shown.Reveal())
	}
	code, added, stderr := d.run(config.Secret{}, "space", "invite", space.Name,
		"alan@example.com", "kim@partner.example")
	if code != exitFailure || !strings.Contains(added.Reveal(), "JOINED   alan@example.com") ||
		!strings.Contains(added.Reveal(), "FAILED   kim@partner.example") ||
		!strings.Contains(stderr, "1 of 2 people were not added") {
		t.Errorf("%d %s %s", code, added.Reveal(), stderr)
	}
	// Each consent adds to the scopes of those before.
	if scopes := h.storedCredential().Scopes; len(scopes) < 4 {
		t.Errorf("the last consent dropped scopes: %v", scopes)
	}
	for line, want := range map[string]string{
		"get x/y":                       "is not a space name",
		"invite " + space.Name + " ada": "neither an email address",
		"create":                        "the name of the space",
		"list --as ada@example.com":     "--as and --delegate together",
	} {
		code, _, stderr := d.run(config.Secret{}, append([]string{"space"}, strings.Fields(line)...)...)
		if code != exitUsage || !strings.Contains(stderr, want) {
			t.Errorf("%s: %d %s", line, code, stderr)
		}
	}
}

func TestSpace_Admin(t *testing.T) {
	d, h := newHost(t)
	h.person = google.People()[2] // Alan, who is not a member
	space := h.google.CreateSpace("Plan", google.People()[0])
	out, _ := d.mustRun(config.Secret{}, "space", "get", "spaces/"+space.ID, "--admin", "--client-secrets", h.file)
	if !strings.Contains(out.Reveal(), "Plan") {
		t.Errorf("got %s", out.Reveal())
	}
	if out, _ := d.mustRun(config.Secret{}, "space", "list", "--admin"); !strings.Contains(out.Reveal(), "Plan") {
		t.Errorf("list: %s", out.Reveal())
	}
	if code, _, stderr := d.run(config.Secret{}, "space", "create", "X", "--admin"); code == 0 {
		t.Errorf("--admin created a space: %s", stderr)
	}
}

func TestSpace_Delegation(t *testing.T) {
	d, h := newHost(t)
	h.google.SetDelegation(delegating, capability.CreateSpaces.Scope())
	args := []string{"space", "create", "By delegation", "--as", "Grace@example.com", "--delegate", delegating}
	d.mustRun(config.Secret{}, args...)
	space, ok := h.google.SpaceByName("By delegation")
	if !ok || space.Members[0].Person.Email != "grace@example.com" || len(h.opened) != 0 {
		t.Errorf("%v, %v", space, h.opened)
	}
	h.google.RevokeTokenCreator()
	args[2] = "Again"
	code, _, stderr := d.run(config.Secret{}, args...)
	if code == 0 || !strings.Contains(stderr, "iam.serviceAccountTokenCreator") {
		t.Errorf("%d %s", code, stderr)
	}
}

func TestCredentialStore_SaveKilled(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deputy")
	program, err := os.Executable()
	check(t, err)
	seen := map[string]bool{}
	for i := range 30 {
		cmd := exec.CommandContext(t.Context(), program) //nolint:gosec // this test binary
		cmd.Env = append(os.Environ(), "WRITE_CREDENTIALS="+dir)
		out, err := cmd.StdoutPipe()
		check(t, err)
		check(t, cmd.Start())
		lines := bufio.NewScanner(out)
		for range i + 1 { // a little later each time
			lines.Scan()
		}
		check(t, cmd.Process.Kill())
		_ = cmd.Wait()
		c, ok, err := credentialStore{dir}.load()
		if err != nil || !ok || len(c.Scopes) != 1000 || c.RefreshToken != c.Email {
			t.Fatalf("after the kill: %v, %v, %d scopes", err, ok, len(c.Scopes))
		}
		seen[c.Email] = true
	}
	if len(seen) < 2 {
		t.Error("all kills were at the same point")
	}
	check(t, credentialStore{dir}.remove())
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("remove left %v", left)
	}
}

// TestMain saves credentials until it is killed, in processes that TestCredentialStore_SaveKilled starts.
func TestMain(m *testing.M) {
	dir := os.Getenv("WRITE_CREDENTIALS")
	if dir == "" {
		code := m.Run()
		chromiumtest.Close()
		os.Exit(code)
	}
	for i := 0; ; i++ {
		mark := strings.Repeat(strconv.Itoa(i), 50)
		c := credential{Email: mark, RefreshToken: mark, Scopes: make([]string, 1000)}
		if err := (credentialStore{dir}).save(c); err != nil {
			os.Exit(1)
		}
		_, _ = os.Stdout.WriteString("written\n")
	}
}

// Google may leave out the scopes that were allowed as asked (RFC 6749, section 5.1; desk/exchange-no-scope.json).
func TestQuickstart_NoScopeInResponse(t *testing.T) {
	d, h := newHost(t)
	h.google.OmitScope(true)
	d.mustRun(config.Secret{}, "quickstart", "--client-secrets", h.file)
	d.mustRun(config.Secret{}, "quickstart", "--name", "Second")
	if len(h.opened) != 1 {
		t.Errorf("%d consents", len(h.opened))
	}
}

// What a page loads, or a browser fetches in advance, does not use up the code. The same redirect may come twice.
func TestQuickstart_RedirectFetchedTwice(t *testing.T) {
	d, h := newHost(t)
	h.early = []http.Header{
		{"Sec-Purpose": {"prefetch"}}, {"Sec-Fetch-Mode": {"no-cors"}}, {"Sec-Fetch-Mode": {"navigate"}},
	}
	h.statuses = make(chan int, len(h.early))
	d.mustRun(config.Secret{}, "quickstart", "--client-secrets", h.file)
	for i, want := range []int{204, 204, 200} {
		if got := <-h.statuses; got != want {
			t.Errorf("%v: got %d, want %d", h.early[i], got, want)
		}
	}
}

// A clock that is ten minutes behind is named; some minutes do not matter.
func TestQuickstart_ClockBehind(t *testing.T) {
	for behind, want := range map[time.Duration]string{
		10 * time.Minute: "clock is about 10 minutes", 4 * time.Minute: "",
	} {
		d, h := newHost(t)
		h.now = func() time.Time { return time.Now().Add(-behind) }
		code, _, stderr := d.run(config.Secret{}, "quickstart", "--client-secrets", h.file)
		if want == "" && code != 0 || !strings.Contains(stderr, want) {
			t.Errorf("%v: %d %s", behind, code, stderr)
		}
	}
}
