// Package chromiumtest gives tests a real browser without a window: one process
// for all tests of a program, in which each test has cookies and a tab of its
// own.
//
// It knows no page: tests do.
package chromiumtest

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

var browser = sync.OnceValues(func() (context.Context, error) {
	program := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil && program == "" {
			program = path
		}
	}
	if program == "" {
		return nil, exec.ErrNotFound
	}
	profile, err := os.MkdirTemp("", "chromium")
	if err != nil {
		return nil, err
	}
	ctx, cancel := chromedp.NewExecAllocator(context.Background(),
		chromedp.ExecPath(program), chromedp.UserDataDir(profile),
		chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.WindowSize(1100, 780),
		// It would look for Google's hosts otherwise.
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-quic", true))
	ctx, end := chromedp.NewContext(ctx)
	closeBrowser = func() {
		end()
		cancel()
		_ = os.RemoveAll(profile)
	}
	return ctx, chromedp.Do(ctx, chromedp.Navigate("about:blank")) // without a time limit: it starts the browser
})

var closeBrowser = func() {}

// tabs are how many tests use the browser at once: on few cores more of them
// only wait for each other.
var tabs = make(chan struct{}, 3)

// Close ends the browser, if one was started; for TestMain.
func Close() { closeBrowser() }

// Tab is a tab for one test, 1100 by 780, closed with it. Without a browser on
// this machine the test is skipped, loudly: what names what is not tested then.
func Tab(t *testing.T, what string) context.Context {
	t.Helper()
	all, err := browser()
	if errors.Is(err, exec.ErrNotFound) {
		t.Skip("NOT TESTED: " + what + " in a real browser. No Chromium was found; ./test.sh --all installs it")
	}
	if err != nil {
		t.Fatal(err)
	}
	tabs <- struct{}{}
	ctx, cancel := chromedp.NewContext(all, chromedp.WithNewBrowserContext())
	t.Cleanup(func() {
		cancel()
		<-tabs
	})
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(1100, 780)); err != nil { // without a time limit: it opens the tab
		t.Fatal(err)
	}
	return ctx
}
