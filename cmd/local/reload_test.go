package main

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

const allowSystem = "form[action$='/approve'] button[value=allow]"

// allowGoogle opens a link to a consent and allows it, until the page shows what is selected.
func (c *chromium) allowGoogle(link, until string) {
	c.t.Helper()
	c.do(chromedp.Navigate(link), chromedp.WaitVisible(chromedp.ID("allow")))
	c.do(chromedp.Click(chromedp.ID("allow")), chromedp.WaitVisible(chromedp.CSS(until)))
}

// back leaves a page for the one before it, until that shows a text. Chromium may show it from memory.
func (c *chromium) back(w *world, text string) {
	c.t.Helper()
	c.do(chromedp.Navigate(w.address + "/oauthcallback/privacy"))
	evaluate[bool](c, "history.back() === undefined")
	c.until("document.body !== null && document.body.innerText.includes(" + strconv.Quote(text) + ")")
}

// until waits until an expression is true. An exchange of the page in the meantime ends an evaluation with an error.
func (c *chromium) until(expression string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, 20*time.Second)
	defer cancel()
	for ok := false; !ok; {
		ok, _ = chromedp.Run(ctx, chromedp.Evaluate[bool](expression))
		if ctx.Err() != nil {
			c.t.Fatalf("the page shows %s; not %s", c.text(), expression)
		}
	}
}

// pressAllow presses the button once it accepts the pointer.
func (c *chromium) pressAllow() {
	c.t.Helper()
	c.until(acceptsPointer)
	c.tap(true)
}

func (c *chromium) address() string {
	c.t.Helper()
	address, err := chromedp.Run(c.ctx, chromedp.Location())
	if err != nil {
		c.t.Fatal(err)
	}
	return address
}

// The question whether a system may act survives reload, leaving and coming back, and a restored tab. So does the
// answer, which nobody sends twice.
func TestRealBrowser_QuestionReloaded(t *testing.T) {
	t.Parallel()
	w, c := newUnapprovedWorld(t), openChromium(t)
	const question = "Allow Incidents to act as you?"
	c.allowGoogle(w.invitation(t, "approval_required"), allowSystem)
	address := c.address()
	if strings.Contains(address, "code") || strings.Contains(address, "state") {
		t.Errorf("the address is %s", address)
	}
	shown := chromedp.WaitVisible(chromedp.CSS(allowSystem))
	c.do(chromedp.Reload(), shown)
	c.wantText(question)
	c.back(w, question)
	c.do(chromedp.Navigate("about:blank"), chromedp.Navigate(address), shown) // a restored tab
	c.wantText(question)
	c.screenshot("question")

	answered := chromedp.WaitVisible(chromedp.CSS("main.good"))
	c.pressAllow()
	c.do(answered)
	c.wantText("can now act as you")
	c.do(chromedp.Reload(), answered)
	c.wantText("can now act as you")
	c.back(w, "can now act as you")
	if n := strings.Count(w.log.String(), "action=approve"); n != 1 {
		t.Errorf("%d approvals in the audit log", n)
	}
}

// A link opened in two tabs at once, before the browser has a cookie, leads both to the question.
func TestRealBrowser_TwoTabs(t *testing.T) {
	t.Parallel()
	w, first := newUnapprovedWorld(t), openChromium(t)
	link := w.invitation(t, "approval_required")
	ctx, cancel := chromedp.NewContext(first.ctx) // the same browser
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil { // no timeout: opens the tab
		t.Fatal(err)
	}
	tabs := []*chromium{first, {t, ctx}}
	for _, tab := range tabs {
		tab.do(chromedp.Navigate(w.address+"/oauthcallback/privacy"), chromedp.WaitVisible(chromedp.CSS("h1")))
	}
	for _, tab := range tabs { // leaves without waiting
		evaluate[string](tab, "location.href = "+strconv.Quote(link))
	}
	for _, tab := range tabs {
		tab.do(chromedp.WaitVisible(chromedp.ID("allow")), chromedp.Click(chromedp.ID("allow")),
			chromedp.WaitVisible(chromedp.CSS(allowSystem)))
		tab.wantText("Allow Incidents to act as you?")
	}
}
