// Package chromiumtest runs tests in headless Chromium. All tests of a program share
// one browser process; each test has its own tab and cookies.
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
	profile, err := os.MkdirTemp("", "chromium")
	if err != nil {
		return nil, err
	}
	options, err := options(profile)
	if err != nil {
		return nil, err
	}
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), append(options, chromedp.Headless)...)
	ctx, end := chromedp.NewContext(ctx)
	closeBrowser = func() {
		end()
		cancel()
		_ = os.RemoveAll(profile)
	}
	return ctx, chromedp.Do(ctx, chromedp.Navigate("about:blank")) // no timeout: this starts the browser
})

// options returns the options of a browser that never contacts Google. The error is exec.ErrNotFound without a browser.
func options(profile string) ([]chromedp.ExecAllocatorOption, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if program, err := exec.LookPath(name); err == nil {
			return []chromedp.ExecAllocatorOption{
				chromedp.ExecPath(program), chromedp.UserDataDir(profile), chromedp.NoSandbox, chromedp.DisableGPU,
				chromedp.NoFirstRun, chromedp.WindowSize(1100, 780),
				chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
				chromedp.Flag("disable-sync", true), chromedp.Flag("disable-quic", true),
			}, nil
		}
	}
	return nil, exec.ErrNotFound
}

var closeBrowser = func() {}

// tabs limits how many tests use the browser at once: more would only wait on few cores.
var tabs = make(chan struct{}, 3)

// Close stops the browser if it was started. Call it in TestMain.
func Close() { closeBrowser() }

// Tab opens a tab of 1100 by 780 pixels that is closed with the test. If no browser is
// installed, it skips the test and reports subject as not tested.
func Tab(t *testing.T, subject string) context.Context {
	t.Helper()
	parent, err := browser()
	if errors.Is(err, exec.ErrNotFound) {
		t.Skip("NOT TESTED: " + subject + " in a real browser. Chromium was not found; ./test.sh --all installs it")
	}
	if err != nil {
		t.Fatal(err)
	}
	tabs <- struct{}{}
	ctx, cancel := chromedp.NewContext(parent, chromedp.WithNewBrowserContext())
	t.Cleanup(func() {
		cancel()
		<-tabs
	})
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(1100, 780)); err != nil { // no timeout: opens the tab
		t.Fatal(err)
	}
	return ctx
}
