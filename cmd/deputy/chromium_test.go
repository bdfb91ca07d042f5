package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"example.com/deputy/internal/chromiumtest"
	"example.com/deputy/shared/config"
)

func TestQuickstart_RealBrowser(t *testing.T) {
	tab := chromiumtest.Tab(t, "the quickstart's consent")
	for _, c := range []struct{ press, page, stderr string }{
		{"allow", grantedText, "created API-made"},
		{"deny", failedText, "you canceled or denied access"},
	} {
		d, h := newHost(t)
		pages := make(chan string, 1)
		h.clicks = func(address string) {
			ctx, cancel := context.WithTimeout(tab, 30*time.Second)
			defer cancel()
			err := chromedp.Do(ctx,
				chromedp.Navigate(address),
				chromedp.Click(chromedp.Search(`//a[contains(., "ada@example.com")]`)),
				chromedp.Click(chromedp.ID(c.press)),
				chromedp.WaitVisible(chromedp.Search(`//h1[.="Deputy"]`)),
			)
			if err != nil {
				pages <- err.Error()
				return
			}
			text, err := chromedp.Run(ctx, chromedp.Evaluate[string]("document.body.innerText"))
			if err != nil {
				text = err.Error()
			}
			pages <- text
		}
		code, out, stderr := d.run(config.Secret{}, "quickstart", "--client-secrets", h.file, "--wait", "40s")
		if page := <-pages; !strings.Contains(page, c.page) || !strings.Contains(stderr, c.stderr) {
			t.Errorf("%s: page %q, exit status %d, stderr %q", c.press, page, code, stderr)
		}
		created := strings.Contains(out.Reveal(), `"displayName": "API-made"`)
		if created != (c.press == "allow") || (code == 0) != created {
			t.Errorf("%s: exit status %d: %s", c.press, code, out.Reveal())
		}
	}
}

// BenchmarkQuickstart measures the whole quickstart with a person and an emulator
// that respond at once, so that the result is the program's own time.
func BenchmarkQuickstart(b *testing.B) {
	for b.Loop() {
		d, h := newHost(b)
		if code, _, stderr := d.run(config.Secret{}, "quickstart", "--client-secrets", h.file); code != 0 {
			b.Fatal(stderr)
		}
	}
}
