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

func TestInARealBrowserTheQuickstartGoesByClicks(t *testing.T) {
	tab := chromiumtest.Tab(t, "the quickstart's consent")
	for _, c := range []struct{ press, page, said string }{
		{"allow", "Done. You can close this page and go back to the terminal.", "API-made is yours"},
		{"deny", "That did not work. The terminal says why.", "you pressed Cancel"},
	} {
		d, h := atHome(t)
		seen := make(chan string, 1)
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
				seen <- err.Error()
				return
			}
			text, err := chromedp.Run(ctx, chromedp.Evaluate[string]("document.body.innerText"))
			if err != nil {
				text = err.Error()
			}
			seen <- text
		}
		code, out, said := d.run(config.Secret{}, "quickstart", "--client-secrets", h.file, "--wait", "40s")
		if page := <-seen; !strings.Contains(page, c.page) || !strings.Contains(said, c.said) {
			t.Errorf("%s: the page says %q, the terminal %d %q", c.press, page, code, said)
		}
		if made := strings.Contains(out.Reveal(), `"displayName": "API-made"`); made != (c.press == "allow") || (code == 0) != made {
			t.Errorf("%s: ended with %d: %s", c.press, code, out.Reveal())
		}
	}
}

// BenchmarkQuickstart is the whole of the quickstart with a person and a Google
// who take no time: what is left is ours.
func BenchmarkQuickstart(b *testing.B) {
	for b.Loop() {
		d, h := atHome(b)
		if code, _, said := d.run(config.Secret{}, "quickstart", "--client-secrets", h.file); code != 0 {
			b.Fatal(said)
		}
	}
}
