package chromiumtest

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// axe returns the script of axe-core, which tools/axe pins.
func axe() (string, error) {
	_, file, _, _ := runtime.Caller(0)
	script, err := os.ReadFile(filepath.Join(filepath.Dir(file), "../../tools/axe/node_modules/axe-core/axe.min.js"))
	return string(script), err
}

// Accessible fails the test for each rule of axe-core that the page in a tab breaks. Without axe-core, it reports the
// subject as not tested.
func Accessible(ctx context.Context, t *testing.T, subject string) {
	t.Helper()
	script, err := axe()
	if errors.Is(err, fs.ErrNotExist) {
		t.Logf("NOT TESTED: the accessibility of %s. ./test.sh --all installs axe-core", subject)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[any](script+";null")); err != nil {
		t.Fatal(err)
	}
	broken, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](
		`axe.run().then(r => r.violations.map(v => v.id + ": " + v.nodes.map(n => n.html.slice(0, 200)).join(" ")))`,
		chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range broken {
		t.Errorf("%s breaks %s", subject, rule)
	}
}
