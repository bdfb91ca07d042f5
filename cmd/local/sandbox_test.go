package main

import (
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"example.com/deputy/internal/chromiumtest"
	"example.com/deputy/shared/vault"
)

func newSandbox(t *testing.T) *world {
	t.Helper()
	return newWorldWith(t, func(o *options) { o.sandbox, o.callersYAML = true, []byte(sampleCallers) })
}

// From a warm clone to the first space by HTTP: the program, and the command that it prints.
func TestSandbox_FirstSpace(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("NOT TESTED: the command that the program prints. No curl was found; ./test.sh --all installs it")
	}
	w := newSandbox(t)
	_, command, _ := strings.Cut(startupNotes(options{}, w.program), "\n  curl ")
	out, err := exec.CommandContext(t.Context(), "bash", "-c", "curl "+command).CombinedOutput() //nolint:gosec // ours
	name := regexp.MustCompile(`"name":"spaces/([^"]*)"`).FindSubmatch(out)
	if err != nil || name == nil {
		t.Fatalf("%v: %s", err, out)
	}
	if space, ok := w.google.SpaceByName("Launch"); !ok || space.ID != string(name[1]) {
		t.Errorf("created %s, found %s", name[1], space.ID)
	}
	b := w.browser(t, ada)
	b.wantText(b.open(w.address+"/"), "Launch", "Callers of the HTTP API")
	b.wantText(b.open(w.address+callersPage), "Sandbox", "Nobody has approved anything yet", "spaces.create",
		"spaces/"+string(name[1]))
}

// A script makes callers; what the file refuses is refused with the reason, and changes nothing.
func TestSandbox_Callers(t *testing.T) {
	t.Parallel()
	w := newSandbox(t)
	const ci = `{"name": "CI", "email": "ci@tools.iam.gserviceaccount.com", "actions": ["templates.read"]}`
	for path, says := range map[string]string{
		"PUT /script/callers/ci {":                             "error",
		"PUT /script/callers/ci {\"name\":\"CI\"}":             "uniqueId or email",
		"PUT /script/callers/ci " + ci[:len(ci)-1] + `,"a":1}`: `unknown field`,
		"PUT /script/callers/CI " + ci:                         "lowercase",
		"DELETE /script/callers/ci ":                           "no caller has this ID",
		"GET /script/token?caller=ci ":                         "no caller has the ID",
		"GET /script/code?as=nobody ":                          "as must be",
	} {
		words := strings.SplitN(path, " ", 3)
		status, text := w.callScript(t, words[0], words[1], words[2])
		if status != http.StatusBadRequest || !strings.Contains(text, says) {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	if status, text := w.callScript(t, "PUT", "/script/callers/ci", ci); status != 200 {
		t.Fatalf("%d %s", status, text)
	}
	_, token := w.callScript(t, "GET", "/script/token?caller=ci", "")
	bearer := "Bearer " + strings.TrimSpace(token)
	if got := w.api(t, "GET", "/v1/templates", "", "Authorization", bearer); got.status != 200 {
		t.Errorf("the new caller: %d %s", got.status, got.text)
	}
	if status, text := w.callScript(t, "DELETE", "/script/callers/ci", ""); status != 200 {
		t.Errorf("%d %s", status, text)
	}
	if got := w.api(t, "GET", "/v1/templates", "", "Authorization", bearer); got.problem() != "denied" {
		t.Errorf("after it was removed: %d %s", got.status, got.text)
	}
	status, text := w.callScript(t, "PUT", "/script/callers/ci", ci)
	if status != http.StatusBadRequest || !strings.Contains(text, "removed") {
		t.Errorf("an ID that is used again: %d %s", status, text)
	}
}

// After a reset, the sandbox is as at the start: delegation works.
func TestSandbox_Reset(t *testing.T) {
	t.Parallel()
	w := newSandbox(t)
	if status, text := w.callScript(t, "POST", "/script/reset", ""); status != http.StatusOK {
		t.Fatalf("%d %s", status, text)
	}
	_, token := w.callScript(t, "GET", "/script/token", "")
	got := w.api(t, "POST", "/v1/spaces", `{"actAs": "ada@example.com", "authority": "delegation", "displayName": "x"}`,
		"Authorization", "Bearer "+strings.TrimSpace(token))
	if got.status != http.StatusCreated {
		t.Errorf("%d %s", got.status, got.text)
	}
}

// With real Google, or another app, nothing here mints tokens.
func TestSandbox_OnlyEmulated(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, func(o *options) { o.app = &app{Name: "Poll", Endpoint: "http://127.0.0.1:1/"} })
	for _, path := range []string{"/script/token", "/callers"} {
		if status, text := w.callScript(t, "GET", path, ""); status != http.StatusNotFound {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
}

// The reference calls the API of the sandbox: its policy admits its own script, and the script gets a token.
func TestRealBrowser_Reference(t *testing.T) {
	t.Parallel()
	w, c := newSandbox(t), openChromium(t)
	article := chromedp.CSS("body.live #putTemplate")
	c.do(chromedp.Navigate(w.address+"/createspace/"), chromedp.WaitVisible(article))
	chromiumtest.Accessible(c.ctx, t, "the reference")
	c.do(chromedp.Click(chromedp.CSS("#putTemplate .try summary")))
	c.do(chromedp.WaitVisible(chromedp.CSS("#putTemplate .try button")))
	c.screenshot("reference")
	c.do(chromedp.Click(chromedp.CSS("#putTemplate .try button")))
	c.waitFor("#putTemplate output", "COLLABORATION")
	if own, err := w.vault.Templates(t.Context(), vault.Owner("sandbox")); err != nil || len(own) != 1 {
		t.Errorf("%+v, %v", own, err)
	}
}
