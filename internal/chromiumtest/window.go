package chromiumtest

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// Screen is an X display with a browser whose windows are real, without a window manager.
type Screen struct {
	Tab     context.Context // its first window
	display string
	t       *testing.T
}

// OpenScreen starts an X server and Chromium on it. Without Xvfb, xdotool or Chromium, it skips the test and reports
// subject as not tested.
func OpenScreen(t *testing.T, subject string) *Screen {
	t.Helper()
	for _, program := range []string{"Xvfb", "xdotool"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("NOT TESTED: %s. %s was not found; ./test.sh --all installs it", subject, program)
		}
	}
	options, err := options(t.TempDir())
	if err != nil {
		t.Skipf("NOT TESTED: %s. Chromium was not found; ./test.sh --all installs it", subject)
	}
	server := exec.CommandContext(t.Context(), "Xvfb", "-displayfd", "1", "-screen", "0", "1400x1000x24",
		"-nolisten", "tcp")
	out, err := server.StdoutPipe()
	if err == nil {
		err = server.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Signal(os.Interrupt)
		_ = server.Wait()
	})
	number, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	s := &Screen{display: ":" + strings.TrimSpace(number), t: t}
	options = append(options, chromedp.Env("DISPLAY="+s.display), chromedp.Flag("disable-popup-blocking", true),
		chromedp.Flag("window-position", "0,0"), chromedp.Flag("headless", false))
	parent, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	tab, end := chromedp.NewContext(parent)
	t.Cleanup(func() { end(); cancel() })
	if err := chromedp.Do(tab, chromedp.Navigate("about:blank")); err != nil { // no timeout: this starts the browser
		t.Fatal(err)
	}
	s.Tab = tab
	return s
}

// Mouse runs xdotool, which moves the pointer and clicks as a person does.
func (s *Screen) Mouse(args ...string) {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), "xdotool", args...) //nolint:gosec // of a test
	cmd.Env = append(os.Environ(), "DISPLAY="+s.display)
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("xdotool %q: %v: %s", args, err, out)
	}
}
