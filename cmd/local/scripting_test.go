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
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/vault/memory"
)

func TestTheScriptsOfTheManualRun(t *testing.T) {
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
	cmd := exec.CommandContext(t.Context(), "bash", "-c", script)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "PAGE="+w.address)
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Contains(string(out), `"error":`) || strings.Contains(string(out), `"problem":`) {
		t.Errorf("%v: %s", err, out)
	}
	if !w.google.IsOn("500") || !strings.Contains(string(out), `"status":202`) {
		t.Errorf("the last block did nothing: %s", out)
	}
}

func TestTheManualListsEverySwitch(t *testing.T) {
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
		t.Errorf("docs/local.md should have\n%s", want)
	}
}

func TestAScriptThatAsksForWhatCannotBeIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range []struct{ method, path, body, want string }{
		{"POST", "/script/events", `{"as": "nobody@example.com", "type": "message"}`, "unknown person"},
		{"POST", "/script/events", `{"as": "robin@mail.example", "in": "spaces/AAAAteam", "type": "message"}`, "not a member of this space"},
		{"POST", "/script/events", `{"as": "ada@example.com", "type": "shout"}`, "type must be message"},
		{"POST", "/script/events", `{"as": "ada@example.com", "kind": "message"}`, "unknown field"},
		{"POST", "/script/events", `{"as": "ada@example.com", "type": "click", "button": "Delete"}`, "unknown button"},
		{"POST", "/script/events", `{"as": "ada@example.com", "type": "press", "button": "Create"}`, "no window is open"},
		{"POST", "/script/events/7/again", "", "unknown event"},
		{"POST", "/script/consents", `{"as": "ada@example.com", "address": "` + w.address + `/"}`, "no consent page at"},
		{"PATCH", "/script/switches", `{"everything": true}`, "unknown switch"},
		{"PUT", "/script/settings", `{"format": "modern"}`, "want classic or addon"},
		{"POST", "/script/security-events", `{"as": "ada@example.com", "type": "bored"}`, "unknown security event"},
		{"GET", "/script/spaces", "", "unknown person"},
	} {
		status, body := w.script(t, c.method, c.path, c.body)
		if status != http.StatusBadRequest || !strings.Contains(body, c.want) {
			t.Errorf("%s %s %s: got %d %s", c.method, c.path, c.body, status, body)
		}
	}
}

// script calls the page as a script does.
func (w *world) script(t *testing.T, method, path, body string) (int, string) {
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

func TestARedeliveredEventComesTwiceAndItsSecondAnswerIsShown(t *testing.T) {
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
			t.Errorf("it made %v", got)
		}
	})
}

func TestTroublesThatAreSwitchedOnAreToldToThePerson(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"deny": "You didn't allow access", "untick": "One permission is missing", "admin-blocked": "admin_policy_enforced",
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
			for range 2 { // without a refresh token, Google asks once more
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

func TestTheClockOfGoogleAheadIsNotTrusted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.google.SetSwitch("clock-skew", true); err != nil {
		t.Fatal(err)
	}
	w.browser(t, ada).say("/help")
	w.browser(t, ada).wantChat("is not responding (status 401)")
}

func TestAFaultThatIsUnknownSaysWhichThereAre(t *testing.T) {
	t.Parallel()
	err := run(t.Context(), []string{"-open=false", "-addr", "127.0.0.1:0", "-fault", "boredom"}, io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), `-fault boredom`) || !strings.Contains(err.Error(), "deny, untick") {
		t.Errorf("got %v", err)
	}
}

func TestWhatWasUnderWayWhenEverythingWasForgottenLeavesNothing(t *testing.T) {
	t.Parallel()
	asked, answer := make(chan struct{}), make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(asked)
		<-answer
		_, _ = io.WriteString(w, `{"text": "late"}`)
	}))
	t.Cleanup(slow.Close)
	p, err := start(t.Context(), options{
		addr: "127.0.0.1:0", log: io.Discard, now: time.Now, docs: &memory.Docs{}, base: googleauth.NewTransport(), format: chatpage.Classic,
		app: &app{Name: "Poll", Endpoint: slow.URL + "/"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	w := &world{program: p}
	said := make(chan struct{})
	go func() {
		defer close(said)
		w.browser(t, ada).say("grüezi")
	}()
	<-asked
	if status, body := w.script(t, "POST", "/script/reset", ""); status != http.StatusOK {
		t.Fatal(body)
	}
	close(answer)
	<-said
	w.browser(t, ada).wantNoText(w.browser(t, ada).chat(), "late", "grüezi", "not responding")
}

// another is a program with a Chat app of somebody else.
func another(t *testing.T, answer string) (*program, chan string) {
	t.Helper()
	events := make(chan string, 10)
	theirs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		events <- string(body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(theirs.Close)
	p, err := start(t.Context(), options{
		addr: "127.0.0.1:0", log: io.Discard, now: time.Now, docs: &memory.Docs{}, base: googleauth.NewTransport(), format: chatpage.Classic,
		app: &app{Name: "Poll", Endpoint: theirs.URL + "/", Commands: []chatpage.Command{{ID: 7, Name: "/poll"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	return p, events
}

func TestTheChatAppOfSomebodyElseGetsItsEvents(t *testing.T) {
	t.Parallel()
	p, events := another(t, `{"text": "*Who* is <users/`+grace.Sub+`>?", "cardsV2": [{"cardId": "a", "card": {"sections": [{"widgets": [
		{"textParagraph": {"text": "<b>bold</b> &lt;i&gt;"}}, {"grid": {"columnCount": 2, "items": [{"title": "one"}]}}]}]}}]}`)
	b := (&world{program: p}).browser(t, ada)
	page := b.say("/poll lunch")
	var event struct {
		AppCommandMetadata struct{ AppCommandID int }
		Message            struct{ ArgumentText string }
	}
	if err := json.Unmarshal([]byte(<-events), &event); err != nil || event.AppCommandMetadata.AppCommandID != 7 || event.Message.ArgumentText != " lunch" {
		t.Errorf("the app got %+v, %v", event, err)
	}
	for _, text := range []string{`<b>Who</b> is <span class="mention">@Grace Hopper</span>?`, "<b>bold</b> &lt;i&gt;", "A widget that this page does not draw", "columnCount"} {
		if !strings.Contains(page.body, text) {
			t.Errorf("%q is not on the page", text)
		}
	}
}

func TestAFaultyReplyOfAnAppIsExplained(t *testing.T) {
	t.Parallel()
	p, _ := another(t, `{"text": "x", "cards_v2": []}`)
	b := (&world{program: p}).browser(t, ada)
	b.wantText(b.say("/poll lunch"), "Poll is not responding", "cards_v2")
}

func TestAFileThatDescribesNoAppSaysWhatIsMissing(t *testing.T) {
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
		if err := run(t.Context(), []string{"-open=false", "-app", file}, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", text, err)
		}
	}
}

// beside is an address beside the page's own.
func (p page) beside(path string) string {
	return p.url.Scheme + "://" + p.url.Host + "/o/oauth2/v2/" + path
}

// behind is a program with a second stand-in in the place of Google itself.
func behind(t *testing.T) (*world, *google.Server) {
	t.Helper()
	front, err := listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "http://" + front.Addr().String()
	_ = front.Close()
	theirs := google.New(google.Config{
		ClientID: "c", ClientSecret: "s", RedirectURIs: []string{address + "/oauthcallback/callback", address + "/signin/callback"},
		ProjectNumber: "9", AppName: "Deputy", ChatAddress: "https://chat.google.example/", Now: time.Now,
	})
	at := httptest.NewServer(theirs.Handler())
	t.Cleanup(at.Close)
	real := (&program{address: at.URL, google: theirs}).emulatedGoogle(at.URL)
	real.accounts.Authorization = at.URL + "/o/oauth2/v2/auth"
	log := &logBuffer{}
	p, err := start(context.WithoutCancel(t.Context()), options{addr: front.Addr().String(), log: log, now: time.Now, docs: &memory.Docs{}, base: googleauth.NewTransport(), format: chatpage.Classic, realGoogle: &real})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	return &world{program: p, log: log}, theirs
}

func TestWithGoogleBehindThePersonSignsInAndTheSpaceIsMadeThere(t *testing.T) {
	t.Parallel()
	w, theirs := behind(t)
	b := w.browser(t, ada)
	decide := func(p page) page {
		form := parseInputs(p.body)
		form.Set("account", ada.Sub)
		form.Set("decision", "allow")
		form["scope"] = theirs.RequestedScopes(form.Get("request"))
		return b.post(p.beside("consent"), form)
	}
	choose := b.open(w.address + "/")
	b.wantText(choose, "Choose an account")
	in := decide(b.open(choose.beside("account?account=" + ada.Sub + "&request=" + choose.header.Get(google.ConsentRequestHeader))))
	b.wantText(in, "ada@example.com", "Google itself")
	done := decide(b.open(b.link(b.say("/createspace Launch plan"), "Configure")))
	done = decide(done) // who has signed in before is asked once more, for a refresh token
	b.wantText(done, "Space created", "Launch plan")
	if _, ok := theirs.SpaceByName("Launch plan"); !ok {
		t.Error("it is not there")
	}
	if _, ok := w.google.SpaceByName("Launch plan"); ok {
		t.Error("the page's own Google made it")
	}
	if !strings.Contains(done.body, "/v1/spaces:setup") {
		t.Error("the inspector does not show the call")
	}
}

func TestASignInOfSomebodyElsesBrowserIsRefused(t *testing.T) {
	t.Parallel()
	w, _ := behind(t)
	b, thief := w.browser(t, ada), w.browser(t, grace)
	choose := b.open(w.address + "/signin")
	consent := b.open(choose.beside("account?account=" + ada.Sub + "&request=" + choose.header.Get(google.ConsentRequestHeader)))
	form := parseInputs(consent.body)
	form.Set("decision", "allow")
	got := thief.post(consent.beside("consent"), form)
	if got.status != http.StatusForbidden || len(w.google.Accounts()) != 0 {
		t.Errorf("got %d %s", got.status, got.body)
	}
}

func TestAClientWithoutItsRedirectAddressesSaysWhichToAdd(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "client_secrets.json")
	for text, want := range map[string]string{
		`{"web": {"client_id": "c", "client_secret": "s", "redirect_uris": ["http://127.0.0.1:8765/oauthcallback/callback"]}}`: "and http://127.0.0.1:0/signin/callback",
		`{"installed": {"client_id": "c"}}`: "desktop client",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		err := run(t.Context(), []string{"-open=false", "-addr", "127.0.0.1:0", "-google", file}, io.Discard, io.Discard)
		if err == nil || !strings.Contains(regexp.MustCompile(`127\.0\.0\.1:\d+`).ReplaceAllString(err.Error(), "127.0.0.1:0"), want) {
			t.Errorf("%s: got %v", text, err)
		}
	}
}
