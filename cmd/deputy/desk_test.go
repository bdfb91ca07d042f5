package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"example.com/deputy/internal/chromiumtest"
	"example.com/deputy/shared/config"
)

// withXDGOpen makes the program open browsers with the xdg-open of this machine, which has no display and gives
// addresses to $BROWSER. It returns where that browser gets them.
func (h *host) withXDGOpen(t *testing.T) <-chan string {
	t.Helper()
	if _, err := exec.LookPath("xdg-open"); err != nil || runtime.GOOS != "linux" {
		t.Skip("NOT TESTED: deputy quickstart with xdg-open. It was not found; ./test.sh --all installs xdg-utils")
	}
	opened := filepath.Join(t.TempDir(), "opened")
	browser := filepath.Join(t.TempDir(), "browser")
	script := "#!/bin/sh\nprintf %s \"$1\" >'" + opened + ".new' && mv '" + opened + ".new' '" + opened + "'\n"
	check(t, os.WriteFile(browser, []byte(script), 0o700)) //nolint:gosec // it has to run
	t.Setenv("BROWSER", browser)
	for _, name := range []string{"DISPLAY", "WAYLAND_DISPLAY", "XDG_CURRENT_DESKTOP", "DESKTOP_SESSION"} {
		t.Setenv(name, "")
	}
	addresses := make(chan string, 1)
	h.opens = func(address string) error {
		err := openBrowser(address)
		go func() {
			for ticker := time.Tick(10 * time.Millisecond); t.Context().Err() == nil; <-ticker {
				if text, err := os.ReadFile(opened); err == nil { //nolint:gosec // of this test
					addresses <- string(text)
					return
				}
			}
		}()
		return err
	}
	return addresses
}

// The address of the consent page reaches a real browser through the real xdg-open, and the person allows access there.
func TestQuickstart_XDGOpen(t *testing.T) {
	tab := chromiumtest.Tab(t, "the quickstart's consent")
	d, h := newHost(t)
	addresses := h.withXDGOpen(t)
	browsed := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(tab, 30*time.Second)
		defer cancel()
		select {
		case address := <-addresses:
			browsed <- chromedp.Do(ctx,
				chromedp.Navigate(address),
				chromedp.Click(chromedp.Search(`//a[contains(., "ada@example.com")]`)),
				chromedp.Click(chromedp.ID("allow")),
				chromedp.WaitVisible(chromedp.Search(`//p[contains(., "You can close this page")]`)))
		case <-ctx.Done():
			browsed <- ctx.Err()
		}
	}()
	code, out, stderr := d.run(config.Secret{}, "quickstart", "--client-secrets", h.file, "--wait", "40s")
	if err := <-browsed; err != nil || code != 0 || !strings.Contains(out.Reveal(), `"displayName": "API-made"`) {
		t.Errorf("%v, exit status %d: %s%s", err, code, out.Reveal(), stderr)
	}
}

// Without a browser, xdg-open fails after it started. The address is on the terminal anyway.
func TestQuickstart_XDGOpenWithoutBrowser(t *testing.T) {
	d, h := newHost(t)
	h.withXDGOpen(t)
	t.Setenv("BROWSER", filepath.Join(t.TempDir(), "none"))
	code, _, stderr := d.run(config.Secret{}, "quickstart", "--client-secrets", h.file, "--wait", "100ms")
	if code != exitFailure || !strings.Contains(stderr, "Open this address in a browser") ||
		!strings.Contains(stderr, h.url+"/o/oauth2/v2/auth?") || strings.Contains(stderr, "has opened") {
		t.Errorf("%d %s", code, stderr)
	}
}

// The program itself, as people build it, on a machine without a display, over SSH, with clients as Google's pages have
// people register them, and without the client's file. It stops before it would need Google.
func TestProgram_Desk(t *testing.T) {
	program := filepath.Join(t.TempDir(), "deputy")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".") //nolint:gosec // ours
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	const google = "https://accounts.google.com/o/oauth2/v2/auth?"
	const secret = `"client_id":"desk.apps","client_secret":"s"`
	web := func(uri string) string { return `{"web":{` + secret + `,"redirect_uris":["` + uri + `"]}}` }
	for name, c := range map[string]struct {
		client string
		env    string
		want   []string
		lacks  string
	}{
		"no display": {
			client: `{"installed":{` + secret + `}}`,
			want:   []string{"Open this address in a browser on this machine", google, "no response within"},
			lacks:  "has opened",
		},
		"over SSH": {
			client: `{"installed":{` + secret + `}}`, env: "SSH_CONNECTION=10.0.0.1 1 10.0.0.2 22",
			want: []string{google, "ssh -N -L"},
		},
		"web client, localhost": {
			client: web("http://localhost:38471"),
			want:   []string{google, "redirect_uri=http%3A%2F%2Flocalhost%3A38471&"},
		},
		"web client, path and query": {
			client: web("http://127.0.0.1:38472/oauth2/callback?from=desk"),
			want:   []string{google, "redirect_uri=http%3A%2F%2F127.0.0.1%3A38472%2Foauth2%2Fcallback%3Ffrom%3Ddesk&"},
		},
		"web client of a server": {
			client: web("https://deputy.example.com/callback"),
			want:   []string{"this is a web client: register http://127.0.0.1:3000/"}, lacks: google,
		},
		"no secret": {
			client: `{"installed":{"client_id":"desk.apps"}}`, want: []string{"client_secret"}, lacks: google,
		},
		"newline in the secret": {
			client: `{"installed":{"client_id":"desk.apps","client_secret":"s\n"}}`,
			want:   []string{"client_secret"}, lacks: google,
		},
		"file gone": {want: []string{"cannot read the OAuth client's file"}, lacks: google},
	} {
		t.Run(name, func(t *testing.T) {
			home := t.TempDir()
			file := filepath.Join(home, "client_secrets.json")
			if c.client != "" {
				check(t, os.WriteFile(file, []byte(c.client), 0o600))
			}
			args := []string{"quickstart", "--client-secrets", file, "--wait", "300ms"}
			cmd := exec.CommandContext(t.Context(), program, args...) //nolint:gosec // this program
			cmd.Env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "BROWSER=/bin/true", c.env}
			said, err := cmd.CombinedOutput()
			if err == nil {
				t.Error("exit status 0")
			}
			for _, want := range c.want {
				if !strings.Contains(string(said), want) {
					t.Errorf("lacks %q: %s", want, said)
				}
			}
			if c.lacks != "" && strings.Contains(string(said), c.lacks) {
				t.Errorf("has %q: %s", c.lacks, said)
			}
		})
	}
}
