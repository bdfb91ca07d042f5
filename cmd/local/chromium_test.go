package main

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"example.com/deputy/internal/chromiumtest"
)

var pictures = flag.String("pictures", os.Getenv("PICTURES"), "write what the browser tests see to this `folder`; test.sh names one by PICTURES")

// chromium is a tab of a real browser, without a window.
type chromium struct {
	t   *testing.T
	ctx context.Context
}

func TestMain(m *testing.M) {
	code := m.Run()
	chromiumtest.Close()
	os.Exit(code)
}

func openChromium(t *testing.T) *chromium {
	t.Helper()
	return &chromium{t, chromiumtest.Tab(t, "the page")}
}

// do does steps, within a time that is long for a person.
func (c *chromium) do(steps ...chromedp.Action[chromedp.Void]) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, 20*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		c.picture("failed-" + strings.ReplaceAll(c.t.Name(), "/", "-"))
		c.t.Fatalf("%v; the page says: %s", err, c.text())
	}
}

func (c *chromium) text() string {
	c.t.Helper()
	text, err := chromedp.Run(c.ctx, chromedp.Evaluate[string]("document.body.innerText"))
	if err != nil {
		c.t.Fatal(err)
	}
	return text
}

func (c *chromium) sees(texts ...string) {
	c.t.Helper()
	now := c.text()
	for _, text := range texts {
		if !strings.Contains(now, text) {
			c.t.Errorf("%q is not on the page: %s", text, now)
		}
	}
}

// picture keeps what is seen, when a folder was named for it.
func (c *chromium) picture(name string) {
	c.t.Helper()
	if *pictures == "" {
		return
	}
	png, err := chromedp.Run(c.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*pictures, name+".png"), png, 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// write types a message and sends it.
func (c *chromium) write(text string) chromedp.Action[chromedp.Void] {
	return chromedp.SendKeys(chromedp.ID("text"), text+"\r")
}

func TestInARealBrowserTheStoryGoesByClicks(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		c := openChromium(t)
		c.do(chromedp.Navigate(w.address+"/"), chromedp.WaitVisible(chromedp.ID("text")))
		c.do(c.write("/createspace Launch plan"), chromedp.WaitVisible(chromedp.CSS("a.configure")))
		c.sees("Deputy requires configuration", "Only visible to you")
		c.picture("prompt")
		c.do(chromedp.Click(chromedp.CSS("a.configure")), chromedp.WaitVisible(chromedp.ID("allow")))
		c.sees("Deputy wants to access your account", "ada@example.com")
		c.picture("consent")
		c.do(chromedp.Click(chromedp.ID("allow")), chromedp.WaitVisible(chromedp.CSS(".card")))
		c.sees("Space created", "Launch plan")
		c.picture("created")
		c.do(chromedp.Click(chromedp.CSS(".spaces li:last-child a")), chromedp.WaitVisible(chromedp.CSS(".line")))
		c.sees("Ada Lovelace created this space via Deputy")
	})
}

func TestInARealBrowserConnectAndContinueGoByClicksFromASpace(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		c := openChromium(t)
		team := w.address + "/?as=" + ada.Sub + "&in=AAAAteam"
		c.do(chromedp.Navigate(team), c.write("/createspace Quiet plan"), chromedp.WaitVisible(chromedp.CSS(".card a.strong")))
		c.sees("Connect your account", "Only visible to you", "Continue")
		c.picture("space-connect")
		// Chat opens links of cards in another tab; here this one goes there and back.
		_, err := chromedp.Run(c.ctx, chromedp.Evaluate[bool]("document.querySelector('.card a.strong').removeAttribute('target') === undefined"))
		if err != nil {
			t.Fatal(err)
		}
		c.do(chromedp.Click(chromedp.CSS(".card a.strong")), chromedp.WaitVisible(chromedp.ID("allow")))
		c.do(chromedp.Click(chromedp.ID("allow")), chromedp.WaitVisible(chromedp.CSS("main.good")))
		c.sees("You're connected", "select Continue")
		c.do(chromedp.Navigate(team), chromedp.Click(chromedp.CSS(".card form button")), chromedp.WaitVisible(chromedp.CSS(".card a.strong[href*='?in=']")))
		c.sees("Space created", "Quiet plan")
		c.picture("space-created")
	})
}

func TestInARealBrowserAPageOfOursShowsItsStyle(t *testing.T) {
	t.Parallel()
	w, c := begin(t), openChromium(t)
	c.do(chromedp.Navigate(w.address+"/oauthcallback/connected"), chromedp.WaitVisible(chromedp.CSS("h1")))
	c.sees("You're connected", "Go back to Google Chat")
	// The policy allows one style by its hash: were it wrong, there would be none.
	edge, err := chromedp.Run(c.ctx, chromedp.Evaluate[string]("getComputedStyle(document.querySelector('main')).borderTopColor"))
	if err != nil || edge != "rgb(30, 142, 78)" {
		t.Errorf("the edge is %q, %v", edge, err)
	}
	c.picture("connected")
}

func TestInARealBrowserTheFormIsFilledInAndSent(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		w.browser(t, ada).connect()
		c := openChromium(t)
		c.do(chromedp.Navigate(w.address+"/"), chromedp.WaitVisible(chromedp.ID("text")))
		c.do(chromedp.Click(chromedp.CSS(".quick form button")), chromedp.WaitVisible(chromedp.CSS(".dialog input[name=name]")))
		c.picture("form")
		c.do(chromedp.SendKeys(chromedp.CSS(".dialog input[name=name]"), "Launch plan"), chromedp.Click(chromedp.CSS(".dialog fieldset label")),
			chromedp.SendKeys(chromedp.CSS(".dialog textarea[name=others]"), "Bob"))
		c.do(chromedp.Click(chromedp.CSS(".dialog button.strong")), chromedp.WaitVisible(chromedp.CSS(`.dialog[aria-modal] input[value="Launch plan"]`)))
		c.sees(`Deputy doesn't recognize "Bob"`)
		c.picture("form-fault")
		if _, err := chromedp.Run(c.ctx, chromedp.Evaluate[string]("document.querySelector('.dialog textarea[name=others]').value = ''")); err != nil {
			t.Fatal(err)
		}
		c.do(chromedp.Click(chromedp.CSS(".dialog button.strong")),
			chromedp.WaitVisible(chromedp.CSS(".dialog a.strong")))
		c.sees("submit the form again. Your entries are kept")
		c.picture("form-consent")
		// The link opens another tab; this one goes there and back.
		c.do(chromedp.Navigate(evaluate[string](c, "document.querySelector('.dialog a.strong').href")), chromedp.WaitVisible(chromedp.ID("allow")), chromedp.Click(chromedp.ID("allow")))
		c.allowsAnew()
		c.waits("h1", "You're connected")
		c.do(chromedp.Navigate(w.address+"/"), chromedp.WaitVisible(chromedp.CSS(".dialog")))
		c.clicks("button", "Create")
		c.waits("#talk", "Space created")
		if got := w.spaces(ada); len(got) != 1 || got[0] != "Launch plan" {
			t.Errorf("made: %v", got)
		}
	})
}

func TestInARealBrowserTheHomeTabAndTheConnectionAreShown(t *testing.T) {
	t.Parallel()
	w, c := begin(t), openChromium(t)
	b := w.browser(t, ada)
	b.connect()
	w.known(t)
	b.say("/createspace Launch plan")
	c.do(chromedp.Navigate(w.address+"/"), chromedp.Click(chromedp.CSS(".tabs button")), chromedp.WaitVisible(chromedp.CSS(".home .card")))
	c.sees("Connected as", "ada@example.com")
	c.picture("home")
	c.do(chromedp.Click(chromedp.CSS(".home .buttons button:nth-of-type(2)")), chromedp.WaitVisible(chromedp.CSS(".dialog .card")))
	c.sees("Who may act as you", "Erase everything")
	c.picture("connection")
}

func TestInARealBrowserAPersonAllowsASystem(t *testing.T) {
	t.Parallel()
	w, c := unapproved(t), openChromium(t)
	link := w.asks(t, "approval_required")
	c.do(chromedp.Navigate(link), chromedp.WaitVisible(chromedp.ID("allow")))
	c.do(chromedp.Click(chromedp.ID("allow")), chromedp.WaitVisible(chromedp.CSS("form[action$=approve] button[value=allow]")))
	c.sees("Allow Incidents to act as you?", "Create spaces")
	c.picture("approve")
	// The policy lets the form go to ourselves and nowhere else.
	c.do(chromedp.Click(chromedp.CSS("form[action$=approve] button[value=allow]")), chromedp.WaitVisible(chromedp.CSS("main.good")))
	c.sees("Allowed", "The system can now act as you")
	if w.approvals(t, ada) != 1 {
		t.Error("nothing was approved")
	}
}
