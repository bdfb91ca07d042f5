package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
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

// home is a person's own machine, with Google as the stand-in plays it.
type home struct {
	t      testing.TB
	google *google.Server
	at     string
	folder string // of the configuration
	file   string // of the client
	who    google.Person
	deny   bool
	blind  bool             // no browser opens
	opened []string         // addresses
	change func(url.Values) // what somebody does to the way back
	clicks func(address string)
}

func atHome(t testing.TB) (*desk, *home) {
	t.Helper()
	h := &home{t: t, folder: filepath.Join(t.TempDir(), "deputy"), file: filepath.Join(t.TempDir(), "client_secrets.json"), who: google.People()[0]}
	h.google = google.New(google.Config{ClientID: "desk", ClientSecret: "s", Desktop: true, ProjectNumber: "1", AppName: "Deputy", ChatAddress: "https://chat.example/", Now: time.Now})
	server := httptest.NewServer(h.google.Handler())
	t.Cleanup(server.Close)
	h.at = server.URL
	h.client(`{"installed":{"client_id":"desk","client_secret":"s"}}`)
	d := begin(t)
	d.home = h
	return d, h
}

func (h *home) client(text string) {
	h.t.Helper()
	check(h.t, os.WriteFile(h.file, []byte(text), 0o600))
}

// into puts Google and the browser into what the program meets.
func (h *home) into(o *outside) {
	at := googleauth.Endpoints{Authorization: h.at + "/o/oauth2/v2/auth", Token: h.at + "/token", Revocation: h.at + "/revoke", Certs: h.at + "/oauth2/v3/certs"}
	o.configuration, o.browse = h.folder, h.browse
	o.provider = func(c googleauth.Client, redirect string) *googleauth.Provider {
		return googleauth.NewProvider(at, c, redirect, nil)
	}
	o.verify = func(ctx context.Context, id string, token config.Secret) (googleauth.Claims, error) {
		return googleauth.NewVerifier(googleauth.Issuer, id, googleauth.NewKeySet(at.Certs, nil, time.Now), time.Now).Verify(ctx, token)
	}
	o.spaces = func(ctx context.Context, actor googlecall.Actor) (*spaces.Spaces, error) {
		return newSpaces(ctx, actor, spaces.Endpoints{Chat: h.at + "/", Identity: h.at + "/"}, nil)
	}
	o.riscAPI = h.at + "/v1beta/"
	o.own = func(ctx context.Context, account, audience string) (config.Secret, error) {
		tokens, err := h.delegation(ctx, account)
		if err != nil {
			return config.Secret{}, err
		}
		return tokens.AccountToken(ctx, audience)
	}
	o.delegate = func(ctx context.Context, account string) (*grants.Delegated, error) {
		tokens, err := h.delegation(ctx, account)
		return grants.NewDelegated(tokens, slog.New(slog.DiscardHandler)), err
	}
}

func (h *home) delegation(ctx context.Context, account string) (*googleauth.Delegation, error) {
	at := googleauth.Endpoints{Token: h.at + "/token"}
	return googleauth.NewDelegation(ctx, account, at, nil, time.Now, option.WithEndpoint(h.at+"/"), option.WithHTTPClient(&http.Client{Transport: &oauth2.Transport{Source: h.google}}))
}

// browse is the person in their browser, who allows everything at once, or
// denies it.
func (h *home) browse(address string) error {
	h.opened = append(h.opened, address)
	if h.blind {
		return errors.New("there is no browser")
	}
	if h.clicks != nil { // in a real one
		go h.clicks(address)
		return nil
	}
	go h.consent(address)
	return nil
}

func (h *home) consent(address string) {
	page := h.open(http.MethodGet, address, nil)
	request := regexp.MustCompile(`request=([A-Z0-9]+)|name="request" value="([A-Z0-9]+)"`).FindStringSubmatch(page)
	if request == nil {
		return // Google's page says what is wrong, and nobody comes back
	}
	id := request[1] + request[2]
	form := url.Values{"request": {id}, "account": {h.who.Sub}, "scope": h.google.RequestedScopes(id), "decision": {"allow"}}
	if h.deny {
		form.Set("decision", "deny")
	}
	r, err := http.NewRequest(http.MethodPost, h.at+"/o/oauth2/v2/consent", strings.NewReader(form.Encode())) //nolint:noctx // it ends with the stand-in
	if err != nil {
		return
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return
	}
	_ = res.Body.Close()
	back, err := url.Parse(res.Header.Get("Location"))
	if err != nil {
		return
	}
	if h.change != nil { // somebody else comes first
		q := back.Query()
		h.change(q)
		forged := *back
		forged.RawQuery = q.Encode()
		h.open(http.MethodGet, forged.String(), nil)
	}
	h.open(http.MethodGet, back.String(), nil)
}

func (h *home) open(method, address string, body io.Reader) string {
	r, err := http.NewRequest(method, address, body) //nolint:noctx // it ends with the stand-in
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

func (h *home) stored() credential {
	h.t.Helper()
	c, ok, err := drawer{h.folder}.read()
	check(h.t, err)
	if !ok {
		h.t.Fatal("no credential is stored")
	}
	return c
}

func TestTheQuickstartCreatesASpaceAndIsRememberedTheNextTime(t *testing.T) {
	d, h := atHome(t)
	out, said := d.does(config.Secret{}, "quickstart", "--client-secrets", h.file)
	var made printed
	if err := json.Unmarshal([]byte(out.Reveal()), &made); err != nil || made.DisplayName != "API-made" || !strings.HasPrefix(made.Name, "spaces/") || made.SpaceURI == "" {
		t.Errorf("%v: %s", err, out.Reveal())
	}
	if !strings.Contains(said, "API-made is yours: "+made.SpaceURI) {
		t.Errorf("said: %s", said)
	}
	if space, ok := h.google.SpaceByName("API-made"); !ok || space.Members[0].Person != h.who {
		t.Error("the space is not Ada's")
	}
	// The consent asked for nothing more than that.
	asked, err := url.Parse(h.opened[0])
	check(t, err)
	if q := asked.Query(); q.Get("scope") != "openid email https://www.googleapis.com/auth/chat.spaces.create" || q.Get("code_challenge_method") != "S256" || q.Get("include_granted_scopes") != "" || q.Get("state") == "" || q.Get("nonce") == "" {
		t.Errorf("asked: %v", q)
	}
	info, err := os.Stat(filepath.Join(h.folder, "credential.json"))
	check(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("others can read it: %v", info.Mode())
	}
	text, err := os.ReadFile(h.file)
	check(t, err)
	if strings.Contains(string(text), "refresh") {
		t.Error("the client's file was written over")
	}
	d.does(config.Secret{}, "quickstart", "--name", "Another") // without the client's file: as the last time
	if len(h.opened) != 1 {
		t.Errorf("the consent was asked for again: %d", len(h.opened))
	}
	if strings.Contains(out.Reveal()+said, h.stored().RefreshToken) {
		t.Error("the token was printed")
	}
}

func TestForgettingEndsTheConsentAtGoogleAndHere(t *testing.T) {
	d, h := atHome(t)
	d.does(config.Secret{}, "quickstart", "--client-secrets", h.file)
	_, said := d.does(config.Secret{}, "quickstart", "--forget")
	if !strings.Contains(said, "every other client of the same Google Cloud project") || h.google.RefreshToken(h.who) != "" {
		t.Errorf("said: %s", said)
	}
	if left, _ := os.ReadDir(h.folder); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	if _, said := d.does(config.Secret{}, "quickstart", "--forget"); !strings.Contains(said, "there is no consent") {
		t.Errorf("said: %s", said)
	}
}

func TestAConsentThatGoogleHasEndedIsAskedForOnce(t *testing.T) {
	d, h := atHome(t)
	d.does(config.Secret{}, "quickstart", "--client-secrets", h.file)
	h.google.RevokeGrant(h.who)
	if _, said := d.does(config.Secret{}, "quickstart", "--name", "Another"); !strings.Contains(said, "Google has ended the consent") || len(h.opened) != 2 {
		t.Errorf("said: %s; consents: %d", said, len(h.opened))
	}
}

func TestEachTroubleOfTheQuickstartHasASentenceAndStoresNothing(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*desk, *home)
		args   []string
		want   string
		code   int
	}{
		"no file named":           {func(*desk, *home) {}, []string{"--client-secrets", ""}, "say where the OAuth client's file is", wrongUse},
		"no such file":            {func(_ *desk, h *home) { check(h.t, os.Remove(h.file)) }, nil, "cannot be read", failed},
		"a stored token":          {func(_ *desk, h *home) { h.client(`{"refresh_token":"1//0"}`) }, nil, "is a stored token", failed},
		"a service account's key": {func(_ *desk, h *home) { h.client(`{"type":"service_account"}`) }, nil, "is a service account key", failed},
		"another file":            {func(_ *desk, h *home) { h.client(`{"name":"x"}`) }, nil, "neither a", failed},
		"no JSON":                 {func(_ *desk, h *home) { h.client(`x`) }, nil, "is not a JSON object", failed},
		"a web client without us": {func(_ *desk, h *home) {
			h.client(`{"web":{"client_id":"desk","client_secret":"s","redirect_uris":["https://x.example/callback"]}}`)
		}, nil, "register http://127.0.0.1:3000/", failed},
		"a web client, other port": {func(_ *desk, h *home) {
			h.client(`{"web":{"client_id":"desk","client_secret":"s","redirect_uris":["http://127.0.0.1:3000/"]}}`)
		}, []string{"--port", "3001"}, "register http://127.0.0.1:3001/", failed},
		"Cancel":               {func(_ *desk, h *home) { h.deny = true }, nil, "you pressed Cancel", failed},
		"a wrong secret":       {func(_ *desk, h *home) { h.client(`{"installed":{"client_id":"desk","client_secret":"old"}}`) }, nil, "its secret is wrong", failed},
		"an unknown client":    {func(_ *desk, h *home) { h.client(`{"installed":{"client_id":"gone","client_secret":"s"}}`) }, []string{"--wait", "100ms"}, "nobody came back within 100ms", failed},
		"TV and limited input": {func(_ *desk, h *home) { h.client(`{"installed":{"client_id":"tv","client_secret":"s"}}`) }, []string{"--wait", "100ms"}, "TV and limited input", failed},
		"no refresh token":     {func(_ *desk, h *home) { h.google.OmitRefreshTokens() }, nil, "nothing that lasts", failed},
		"no Chat app":          {func(_ *desk, h *home) { check(h.t, h.google.SetSwitch("no-app", true)) }, nil, "Google Chat configuration is missing", tryingAgain},
		"a taken name":         {func(_ *desk, h *home) { h.google.CreateSpace("API-made", h.who) }, nil, "API-made", failed},
	} {
		t.Run(name, func(t *testing.T) {
			d, h := atHome(t)
			c.change(d, h)
			code, out, said := d.run(config.Secret{}, append([]string{"quickstart", "--client-secrets", h.file}, c.args...)...)
			if code != c.code || !strings.Contains(said, c.want) || !out.Empty() {
				t.Errorf("%d %s %s", code, said, out.Reveal())
			}
			_, ok, err := drawer{h.folder}.read()
			if stored := name == "no Chat app" || name == "a taken name"; ok != stored || err != nil { // the consent was fine
				t.Errorf("stored %v, %v", ok, err)
			}
		})
	}
}

func TestAPortInUseIsNamed(t *testing.T) {
	d, h := atHome(t)
	taken := httptest.NewServer(http.NotFoundHandler())
	defer taken.Close()
	_, port, _ := strings.Cut(strings.TrimPrefix(taken.URL, "http://"), ":")
	if code, _, said := d.run(config.Secret{}, "quickstart", "--client-secrets", h.file, "--port", port); code != failed || !strings.Contains(said, "port "+port+" is in use") {
		t.Errorf("%d %s", code, said)
	}
}

func TestAForgedWayBackIsLeftAlone(t *testing.T) {
	for name, change := range map[string]func(url.Values){
		"another state": func(q url.Values) { q.Set("state", "x") },
		"no state":      func(q url.Values) { q.Del("state") },
		"two states":    func(q url.Values) { q.Add("state", "x") },
	} {
		t.Run(name, func(t *testing.T) {
			d, h := atHome(t)
			h.change = change
			if _, said := d.does(config.Secret{}, "quickstart", "--client-secrets", h.file); !strings.Contains(said, "is yours") {
				t.Errorf("said: %s", said)
			}
		})
	}
	d, h := atHome(t)
	h.change = func(q url.Values) { q.Set("iss", "https://evil.example") }
	if code, _, said := d.run(config.Secret{}, "quickstart", "--client-secrets", h.file); code != failed || !strings.Contains(said, "somebody else than Google") {
		t.Errorf("%d %s", code, said)
	}
}

func TestWithoutABrowserTheAddressIsPrintedAndSSHIsExplained(t *testing.T) {
	d, h := atHome(t)
	h.blind = true
	d.env = map[string]string{"SSH_CONNECTION": "10.0.0.1 1 10.0.0.2 22"}
	code, _, said := d.run(config.Secret{}, "quickstart", "--client-secrets", h.file, "--wait", "10ms")
	for _, want := range []string{"Open this address", h.at + "/o/oauth2/v2/auth?", "ssh -N -L", "redirect_uri_mismatch", "admin_policy_enforced"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not said: %d %s", want, code, said)
		}
	}
	if d.run(config.Secret{}, "quickstart", "--client-secrets", h.file, "--no-browser", "--wait", "1ms"); len(h.opened) != 1 {
		t.Error("a browser was opened all the same")
	}
}

func TestAnInterruptStoresNothing(t *testing.T) {
	d, h := atHome(t)
	h.blind = true
	o := outside{out: io.Discard, err: io.Discard, lookup: func(string) (string, bool) { return "", false }, now: time.Now}
	h.into(&o)
	ctx, cancel := context.WithCancel(t.Context())
	o.browse = func(string) error { cancel(); return nil } // Ctrl-C while the browser opens
	var said strings.Builder
	o.err = &said
	if code := run(ctx, []string{"quickstart", "--client-secrets", h.file}, o); code == 0 || !strings.Contains(said.String(), "interrupted: nothing was stored") {
		t.Errorf("%d %s", code, said.String())
	}
	if _, ok, _ := (drawer{h.folder}).read(); ok {
		t.Error("something was stored")
	}
	_ = d
}

func TestScriptsCreateFindShowAndInvite(t *testing.T) {
	d, h := atHome(t)
	out, _ := d.does(config.Secret{}, "space", "create", "Launch plan", "--client-secrets", h.file, "--member", "grace@example.com", "--json")
	var made printed
	check(t, json.Unmarshal([]byte(out.Reveal()), &made))
	list, _ := d.does(config.Secret{}, "space", "list", "launch", "--json")
	if !strings.Contains(list.Reveal(), made.Name) {
		t.Errorf("list: %s", list.Reveal())
	}
	if shown, _ := d.does(config.Secret{}, "space", "get", made.Name); !strings.Contains(shown.Reveal(), "Launch plan") {
		t.Errorf("get: %s", shown.Reveal())
	}
	code, added, said := d.run(config.Secret{}, "space", "invite", made.Name, "alan@example.com", "kim@partner.example")
	if code != failed || !strings.Contains(added.Reveal(), "JOINED   alan@example.com") || !strings.Contains(added.Reveal(), "FAILED   kim@partner.example") || !strings.Contains(said, "1 of 2 were not added") {
		t.Errorf("%d %s %s", code, added.Reveal(), said)
	}
	// Each new capability was asked for on top of the others.
	if have := h.stored().Scopes; len(have) < 4 {
		t.Errorf("the last consent narrowed the others: %v", have)
	}
	for line, want := range map[string]string{"get x/y": "is no space", "invite " + made.Name + " ada": "neither an e-mail address", "create": "the name of the space", "list --as ada@example.com": "go together"} {
		if code, _, said := d.run(config.Secret{}, append([]string{"space"}, strings.Fields(line)...)...); code != wrongUse || !strings.Contains(said, want) {
			t.Errorf("%s: %d %s", line, code, said)
		}
	}
}

func TestAnAdministratorReadsASpaceTheyAreNotIn(t *testing.T) {
	d, h := atHome(t)
	h.who = google.People()[2] // Alan
	space := h.google.CreateSpace("Plan", google.People()[0])
	if out, _ := d.does(config.Secret{}, "space", "get", "spaces/"+space.ID, "--admin", "--client-secrets", h.file); !strings.Contains(out.Reveal(), "Plan") {
		t.Errorf("got %s", out.Reveal())
	}
	if out, _ := d.does(config.Secret{}, "space", "list", "--admin"); !strings.Contains(out.Reveal(), "Plan") {
		t.Errorf("list: %s", out.Reveal())
	}
	if code, _, said := d.run(config.Secret{}, "space", "create", "X", "--admin"); code == 0 {
		t.Errorf("an administrator's right makes spaces: %s", said)
	}
}

func TestByDelegationNobodyHasToConsent(t *testing.T) {
	d, h := atHome(t)
	h.google.SetDelegation(delegating, capability.CreateSpaces.Scope())
	args := []string{"space", "create", "By delegation", "--as", "Grace@example.com", "--delegate", delegating}
	d.does(config.Secret{}, args...)
	if space, ok := h.google.SpaceByName("By delegation"); !ok || space.Members[0].Person.Email != "grace@example.com" || len(h.opened) != 0 {
		t.Errorf("%v, %v", space, h.opened)
	}
	h.google.RevokeTokenCreator()
	args[2] = "Again"
	if code, _, said := d.run(config.Secret{}, args...); code == 0 || !strings.Contains(said, "iam.serviceAccountTokenCreator") {
		t.Errorf("%d %s", code, said)
	}
}

func TestTheCredentialIsWholeWheneverTheProgramIsKilled(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "deputy")
	program, err := os.Executable()
	check(t, err)
	seen := map[string]bool{}
	for i := range 30 {
		cmd := exec.CommandContext(t.Context(), program) //nolint:gosec // ourselves
		cmd.Env = append(os.Environ(), "WRITE_CREDENTIALS="+folder)
		out, err := cmd.StdoutPipe()
		check(t, err)
		check(t, cmd.Start())
		lines := bufio.NewScanner(out)
		for range i + 1 { // a little further each time
			lines.Scan()
		}
		check(t, cmd.Process.Kill())
		_ = cmd.Wait()
		c, ok, err := drawer{folder}.read()
		if err != nil || !ok || len(c.Scopes) != 1000 || c.RefreshToken != c.Email {
			t.Fatalf("after the kill: %v, %v, %d scopes", err, ok, len(c.Scopes))
		}
		seen[c.Email] = true
	}
	if len(seen) < 2 {
		t.Error("the kills were all at the same point")
	}
	check(t, drawer{folder}.remove())
	if left, _ := os.ReadDir(folder); len(left) != 0 {
		t.Errorf("forgetting left %v", left)
	}
}

// TestMain writes credentials without end in the processes that are killed.
func TestMain(m *testing.M) {
	folder := os.Getenv("WRITE_CREDENTIALS")
	if folder == "" {
		code := m.Run()
		chromiumtest.Close()
		os.Exit(code)
	}
	for i := 0; ; i++ {
		mark := strings.Repeat(strconv.Itoa(i), 50)
		c := credential{Email: mark, RefreshToken: mark, Scopes: make([]string, 1000)}
		if err := (drawer{folder}).write(c); err != nil {
			os.Exit(1)
		}
		_, _ = os.Stdout.WriteString("written\n")
	}
}
