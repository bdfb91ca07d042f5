package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"example.com/deputy/emulator/chatpage"
	"example.com/deputy/emulator/google"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/vault/memory"
)

func TestManualScripts(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("NOT TESTED: the commands of docs/local.md. No curl was found; ./test.sh --all installs it")
	}
	w := newWorld(t)
	text, err := os.ReadFile("../../docs/local.md")
	if err != nil {
		t.Fatal(err)
	}
	script := "set -euo pipefail\n"
	for _, b := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		script += b[1]
	}
	script = strings.ReplaceAll(script, "http://127.0.0.1:8765", w.address)
	cmd := exec.CommandContext(t.Context(), "bash", "-c", script)
	cmd.Dir = t.TempDir()
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Contains(string(out), `"error":`) || strings.Contains(string(out), `"problem":`) {
		t.Errorf("%v: %s", err, out)
	}
	if !w.google.IsOn("500") || !strings.Contains(string(out), `"status":202`) {
		t.Errorf("the last block had no effect: %s", out)
	}
}

func TestManualSwitches(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/local.md")
	if err != nil {
		t.Fatal(err)
	}
	want := "<!-- switches -->\n| switch | what happens |\n|---|---|\n"
	for _, s := range google.Switches() {
		want += fmt.Sprintf("| `%s` | %s |\n", s.Name, s.Text)
	}
	if !strings.Contains(string(text), want+"<!-- /switches -->") {
		t.Errorf("docs/local.md must contain\n%s", want)
	}
}

func TestScript_InvalidRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range []struct{ method, path, body, want string }{
		{"POST", "/script/events", `{"as": "nobody@example.com", "type": "message"}`, "unknown person"},
		{
			"POST", "/script/events", `{"as": "robin@mail.example", "in": "spaces/AAAAteam", "type": "message"}`,
			"not a member of this space",
		},
		{"POST", "/script/events", `{"as": "ada@example.com", "type": "shout"}`, "type must be message"},
		{"POST", "/script/events", `{"as": "ada@example.com", "kind": "message"}`, "unknown field"},
		{"POST", "/script/events", `{"as": "ada@example.com", "type": "click", "button": "Delete"}`, "unknown button"},
		{
			"POST", "/script/events", `{"as": "ada@example.com", "type": "press", "button": "Create"}`,
			"no window is open",
		},
		{"POST", "/script/events/7/again", "", "unknown event"},
		{
			"POST", "/script/consents", `{"as": "ada@example.com", "address": "` + w.address + `/"}`,
			"no consent page at",
		},
		{"PATCH", "/script/switches", `{"everything": true}`, "unknown switch"},
		{"PUT", "/script/settings", `{"format": "modern"}`, "want classic or addon"},
		{"POST", "/script/security-events", `{"as": "ada@example.com", "type": "bored"}`, "unknown security event"},
		{"GET", "/script/spaces", "", "unknown person"},
	} {
		status, body := w.callScript(t, c.method, c.path, c.body)
		if status != http.StatusBadRequest || !strings.Contains(body, c.want) {
			t.Errorf("%s %s %s: got %d %s", c.method, c.path, c.body, status, body)
		}
	}
}

// callScript sends a request to the page, as a script does.
func (w *world) callScript(t *testing.T, method, path, body string) (int, string) {
	t.Helper()
	res, err := http.DefaultClient.Do(request(t, method, w.address+path, []byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

func TestRedelivery_SecondAnswerShown(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		b := w.browser(t, ada)
		b.connect()
		if err := w.google.SetSwitch("redeliver", true); err != nil {
			t.Fatal(err)
		}
		page := b.say("/createspace Launch plan")
		if b.wantText(page, "Space created"); strings.Count(page.visibleText(), "Space created") != 1 {
			t.Error("both answers are shown")
		}
		if got := w.spaces(ada); len(got) != 1 {
			t.Errorf("created %v", got)
		}
	})
}

func TestSwitches_ConsentErrorsShown(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"deny": "You didn't allow access", "untick": "More access is needed",
		"admin-blocked":    "admin_policy_enforced",
		"no-refresh-token": "Google didn't allow access", "org-internal": "Space created",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if err := w.google.SetSwitch(name, true); err != nil {
				t.Fatal(err)
			}
			b := w.browser(t, ada)
			page := b.open(b.link(b.say("/createspace Launch plan"), "Configure"))
			for range 2 { // without a refresh token, Deputy asks Google for consent again
				if !strings.Contains(page.body, "wants to access") {
					break
				}
				form := parseInputs(page.body)
				form.Set("decision", "allow")
				if form.Del("scope"); name != "untick" {
					form["scope"] = w.google.RequestedScopes(form.Get("request"))
				}
				page = b.post(w.address+"/google/o/oauth2/v2/consent", form)
			}
			b.wantText(page, want)
		})
	}
}

func TestSwitches_ClockSkew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.google.SetSwitch("clock-skew", true); err != nil {
		t.Fatal(err)
	}
	w.browser(t, ada).say("/help")
	w.browser(t, ada).wantChat("is not responding (status 401)")
}

func TestRun_UnknownFault(t *testing.T) {
	t.Parallel()
	args := []string{"-open=false", "-addr", "127.0.0.1:0", "-fault", "boredom"}
	err := run(t.Context(), args, io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), `-fault boredom`) ||
		!strings.Contains(err.Error(), "deny, untick") {
		t.Errorf("got %v", err)
	}
}

func TestReset_DuringEvent(t *testing.T) {
	t.Parallel()
	received, release := make(chan struct{}), make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(received)
		<-release
		_, _ = io.WriteString(w, `{"text": "late"}`)
	}))
	t.Cleanup(slow.Close)
	p, err := start(t.Context(), options{
		addr: "127.0.0.1:0", log: io.Discard, now: time.Now, docs: &memory.Docs{}, base: googlecall.NewTransport(),
		format: chatpage.Classic,
		app:    &app{Name: "Poll", Endpoint: slow.URL + "/"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	w := &world{program: p}
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.browser(t, ada).say("grüezi")
	}()
	<-received
	if status, body := w.callScript(t, "POST", "/script/reset", ""); status != http.StatusOK {
		t.Fatal(body)
	}
	close(release)
	<-done
	w.browser(t, ada).wantNoText(w.browser(t, ada).chat(), "late", "grüezi", "not responding")
}

// startOtherApp starts a program with another Chat app, which always gives this
// answer. The channel receives the app's events.
func startOtherApp(t *testing.T, answer string) (*program, chan string) {
	t.Helper()
	events := make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		events <- string(body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	p, err := start(t.Context(), options{
		addr: "127.0.0.1:0", log: io.Discard, now: time.Now, docs: &memory.Docs{}, base: googlecall.NewTransport(),
		format: chatpage.Classic,
		app:    &app{Name: "Poll", Endpoint: server.URL + "/", Commands: []chatpage.Command{{ID: 7, Name: "/poll"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	return p, events
}

func TestOtherApp_Events(t *testing.T) {
	t.Parallel()
	p, events := startOtherApp(t, `{"text": "*Who* is <users/`+grace.Sub+`>?", "cardsV2": [{"cardId": "a",
		"card": {"sections": [{"widgets": [{"textParagraph": {"text": "<b>bold</b> &lt;i&gt;"}},
		{"grid": {"columnCount": 2, "items": [{"title": "one"}]}}]}]}}]}`)
	b := (&world{program: p}).browser(t, ada)
	page := b.say("/poll lunch")
	var event struct {
		AppCommandMetadata struct{ AppCommandID int }
		Message            struct{ ArgumentText string }
	}
	if err := json.Unmarshal([]byte(<-events), &event); err != nil || event.AppCommandMetadata.AppCommandID != 7 ||
		event.Message.ArgumentText != " lunch" {
		t.Errorf("the app got %+v, %v", event, err)
	}
	for _, text := range []string{
		`<b>Who</b> is <span class="mention">@Grace Hopper</span>?`, "<b>bold</b> &lt;i&gt;",
		"A widget that this page does not draw", "columnCount",
	} {
		if !strings.Contains(page.body, text) {
			t.Errorf("%q is not on the page", text)
		}
	}
}

func TestOtherApp_InvalidReply(t *testing.T) {
	t.Parallel()
	p, _ := startOtherApp(t, `{"text": "x", "cards_v2": []}`)
	b := (&world{program: p}).browser(t, ada)
	b.wantText(b.say("/poll lunch"), "Poll is not responding", "cards_v2")
}

func TestOtherApp_InvalidFile(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{}`:                               "name is missing",
		`{"name": "x", "endpoint": "foo"}`: "endpoint must be the URL",
		`{"name": "x", "endpoint": "http://127.0.0.1/", "commands": [{"id": 1}]}`: "a command needs an id and a name",
		`{"names": "x"}`: "unknown field",
	} {
		file := filepath.Join(t.TempDir(), "app.json")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := run(t.Context(), []string{"-open=false", "-app", file}, io.Discard, io.Discard); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", text, err)
		}
	}
}

// googleURL returns the address of a path of the OAuth endpoints on the page's host.
func (p page) googleURL(path string) string {
	return p.url.Scheme + "://" + p.url.Host + "/o/oauth2/v2/" + path
}

// startWithCloud starts a program with -google, whose Google is a second emulator.
func startWithCloud(t *testing.T) (*world, *google.Server) {
	t.Helper()
	listener, err := listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "http://" + listener.Addr().String()
	_ = listener.Close()
	cloud := google.New(google.Config{
		ClientID: "c", ClientSecret: "s",
		RedirectURIs:  []string{address + "/oauthcallback/callback", address + "/signin/callback"},
		ProjectNumber: "9", AppName: "Deputy", ChatAddress: "https://chat.google.example/", Now: time.Now,
	})
	server := httptest.NewServer(cloud.Handler())
	t.Cleanup(server.Close)
	settings := (&program{address: server.URL, google: cloud}).emulatedGoogle(server.URL)
	settings.accounts.Authorization = server.URL + "/o/oauth2/v2/auth"
	log := &logBuffer{}
	p, err := start(context.WithoutCancel(t.Context()), options{
		addr: listener.Addr().String(), log: log, now: time.Now, docs: &memory.Docs{},
		base: googlecall.NewTransport(), format: chatpage.Classic, realGoogle: &settings,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	return &world{program: p, log: log}, cloud
}

func TestCloud_SignInAndCreate(t *testing.T) {
	t.Parallel()
	w, cloud := startWithCloud(t)
	b := w.browser(t, ada)
	allow := func(p page) page {
		form := parseInputs(p.body)
		form.Set("account", ada.Sub)
		form.Set("decision", "allow")
		form["scope"] = cloud.RequestedScopes(form.Get("request"))
		return b.post(p.googleURL("consent"), form)
	}
	choose := b.open(w.address + "/")
	b.wantText(choose, "Choose an account")
	in := allow(b.open(choose.googleURL("account?account=" + ada.Sub + "&request=" +
		choose.header.Get(google.ConsentRequestHeader))))
	b.wantText(in, "ada@example.com", "Google itself")
	done := allow(b.open(b.link(b.say("/createspace Launch plan"), "Configure")))
	done = allow(done) // asked again for a refresh token, because she signed in before
	b.wantText(done, "Space created", "Launch plan")
	if _, ok := cloud.SpaceByName("Launch plan"); !ok {
		t.Error("the space is not in the cloud")
	}
	if _, ok := w.google.SpaceByName("Launch plan"); ok {
		t.Error("the page's own emulator has the space")
	}
	if !strings.Contains(done.body, "/v1/spaces:setup") {
		t.Error("the inspector does not show the call")
	}
}

func TestCloud_SignInFromOtherBrowser(t *testing.T) {
	t.Parallel()
	w, _ := startWithCloud(t)
	b, attacker := w.browser(t, ada), w.browser(t, grace)
	choose := b.open(w.address + "/signin")
	consent := b.open(choose.googleURL("account?account=" + ada.Sub + "&request=" +
		choose.header.Get(google.ConsentRequestHeader)))
	form := parseInputs(consent.body)
	form.Set("decision", "allow")
	got := attacker.post(consent.googleURL("consent"), form)
	if got.status != http.StatusForbidden || len(w.google.Accounts()) != 0 {
		t.Errorf("got %d %s", got.status, got.body)
	}
}

func TestCloud_MissingRedirectURI(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "client_secrets.json")
	addresses := regexp.MustCompile(`127\.0\.0\.1:\d+`)
	for text, want := range map[string]string{
		`{"web": {"client_id": "c", "client_secret": "s", "redirect_uris": ` +
			`["http://127.0.0.1:8765/oauthcallback/callback"]}}`: "and http://127.0.0.1:0/signin/callback",
		`{"installed": {"client_id": "c", "client_secret": "s"}}`: "desktop client",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		args := []string{"-open=false", "-addr", "127.0.0.1:0", "-google", file}
		err := run(t.Context(), args, io.Discard, io.Discard)
		if err == nil || !strings.Contains(addresses.ReplaceAllString(err.Error(), "127.0.0.1:0"), want) {
			t.Errorf("%s: got %v", text, err)
		}
	}
}
