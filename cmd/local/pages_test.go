package main

import (
	"context"
	"fmt"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"example.com/deputy/internal/chromiumtest"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/resource"
)

// The pages of a consent are accessible, fit a phone, and are dark where the person wants it, in each language.
func TestRealBrowser_ConsentPages(t *testing.T) {
	t.Parallel()
	w := newUnapprovedWorld(t)
	invite := func(person resource.Named, all ...capability.Capability) string {
		link, err := w.consent.Invite(t.Context(), person, config.Secret{}, all...)
		if err != nil {
			t.Fatal(err)
		}
		return link.Reveal()
	}
	refused := func(d decision) func(*browser) page {
		return func(b *browser) page { return b.consent(invite(resource.Named(ada.User()), capability.Meet), d) }
	}
	for _, c := range []struct {
		name string
		page func(*browser) page
	}{
		{"choice", func(b *browser) page { return b.get(b.link(b.say("/createspace Plan"), "Configure")) }},
		{"declined", refused(decision{account: ada, deny: true})},
		{"another-account", refused(decision{account: grace})},
		{"missing", refused(decision{account: ada, untick: "meetings.space.created"})},
		{"session-policy", func(b *browser) page {
			w.google.RequireReauth(ada, true)
			defer w.google.RequireReauth(ada, false)
			return refused(decision{account: ada})(b)
		}},
		{"approval", func(b *browser) page {
			return b.consent(w.invitation(t, "approval_required"), decision{account: ada})
		}},
		{"expired", func(b *browser) page { return b.get(w.address + "/oauthcallback/start?invitation=x") }},
		{"other-browser", func(b *browser) page { return b.get(w.address + "/oauthcallback/other-browser") }},
		{"connected", func(b *browser) page { return b.get(w.address + "/oauthcallback/connected") }},
	} {
		for _, language := range []string{"en", "zh-CN"} {
			b := w.browser(t, ada)
			shown := c.page(b)
			t.Run(c.name+" "+language, func(t *testing.T) { checkPage(t, w, b, shown, c.name, language) })
		}
	}
}

// checkPage opens a page that the browser b has come to, with its cookies, on a narrow and on a wide dark screen.
func checkPage(t *testing.T, w *world, b *browser, shown page, name, language string) {
	t.Helper()
	c := openChromium(t)
	c.setLanguage(language)
	c.do(chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		for _, cookie := range b.client.Jar.Cookies(shown.url) {
			_, err := cdp.Call(ctx, tab, network.SetCookie,
				network.SetCookieParams{Name: cookie.Name, Value: cookie.Value, URL: w.address})
			if err != nil {
				return err
			}
		}
		return nil
	}))
	for _, dark := range []bool{false, true} {
		c.do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile))
		if dark {
			c.do(chromedp.EmulateViewport(1100, 780))
			c.setDark()
		}
		c.do(chromedp.Navigate(shown.url.String()), chromedp.WaitVisible(chromedp.CSS("h1")))
		if width, screen := evaluate[int](c, "document.documentElement.scrollWidth"),
			evaluate[int](c, "innerWidth"); width > screen {
			t.Errorf("%s is %d wide on %d", name, width, screen)
		}
		c.screenshot(fmt.Sprintf("page-%s-%s-%v", name, language, dark))
		chromiumtest.Accessible(c.ctx, t, name)
	}
}
