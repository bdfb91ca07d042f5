package main

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"example.com/deputy/internal/chromiumtest"
)

var screenshotDir = flag.String("pictures", os.Getenv("PICTURES"), "write screenshots to this `folder`")

// chromium is a tab of a headless Chromium.
type chromium struct {
	t   *testing.T
	ctx context.Context
}

func TestMain(m *testing.M) {
	flag.Parse()
	// The tests wait for Deputy's own retries more than they compute.
	if err := flag.Set("test.parallel", strconv.Itoa(4*runtime.GOMAXPROCS(0))); err != nil {
		panic(err)
	}
	code := m.Run()
	chromiumtest.Close()
	os.Exit(code)
}

func openChromium(t *testing.T) *chromium {
	t.Helper()
	return &chromium{t, chromiumtest.Tab(t, "the page")}
}

// do runs steps, and fails the test if they take longer than 20 seconds.
func (c *chromium) do(steps ...chromedp.Action[chromedp.Void]) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, 20*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		c.screenshot("failed-" + strings.ReplaceAll(c.t.Name(), "/", "-"))
		c.t.Fatalf("%v; the page shows: %s", err, c.text())
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

func (c *chromium) wantText(texts ...string) {
	c.t.Helper()
	shown := c.text()
	for _, text := range texts {
		if !strings.Contains(shown, text) {
			c.t.Errorf("%q is not on the page: %s", text, shown)
		}
	}
}

// screenshot saves a screenshot if -pictures is set.
func (c *chromium) screenshot(name string) {
	c.t.Helper()
	if *screenshotDir == "" {
		return
	}
	png, err := chromedp.Run(c.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*screenshotDir, name+".png"), png, 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// typeMessage returns an action that types a message and sends it.
func (c *chromium) typeMessage(text string) chromedp.Action[chromedp.Void] {
	return chromedp.SendKeys(chromedp.ID("text"), text+"\r")
}

func TestRealBrowser_Story(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		c := openChromium(t)
		c.do(chromedp.EmulateViewport(1440, 780)) // with room for the inspector
		c.do(chromedp.Navigate(w.address+"/"), chromedp.WaitVisible(chromedp.ID("text")))
		c.do(c.typeMessage("/createspace Launch plan"), chromedp.WaitVisible(chromedp.CSS("a.configure")))
		c.wantText("Deputy requires configuration", "Only visible to you")
		c.screenshot("prompt")
		c.do(chromedp.Click(chromedp.CSS("a.configure")), chromedp.WaitVisible(chromedp.CSS("a[href$='ask=needed']")))
		c.wantText("Only what this needs", "Everything Deputy can do")
		c.screenshot("choice")
		c.chooseNeeded()
		c.wantText("Deputy wants to access your account", "ada@example.com")
		c.screenshot("consent")
		c.do(chromedp.Click(chromedp.ID("allow")), chromedp.WaitVisible(chromedp.CSS(".card")))
		c.wantText("Space created", "Launch plan")
		c.screenshot("created")
		c.do(chromedp.Click(chromedp.CSS(".spaces li:last-child a")), chromedp.WaitVisible(chromedp.CSS(".line")))
		c.wantText("Ada Lovelace created this space via Deputy")
	})
}

func TestRealBrowser_ConnectFromSpace(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		c := openChromium(t)
		team := w.address + "/?as=" + ada.Sub + "&in=AAAAteam"
		c.do(chromedp.Navigate(team), c.typeMessage("/createspace Quiet plan"),
			chromedp.WaitVisible(chromedp.CSS(".card a.strong")))
		c.wantText("Connect your account", "Only visible to you", "Continue")
		c.screenshot("space-connect")
		// The link would open another tab, which the test does not control.
		_, err := chromedp.Run(c.ctx, chromedp.Evaluate[bool](
			"document.querySelector('.card a.strong').removeAttribute('target') === undefined"))
		if err != nil {
			t.Fatal(err)
		}
		c.do(chromedp.Click(chromedp.CSS(".card a.strong")))
		c.chooseNeeded()
		c.do(chromedp.Click(chromedp.ID("allow")), chromedp.WaitVisible(chromedp.CSS("main.good")))
		c.wantText("You're connected", "select Continue")
		c.do(chromedp.Navigate(team), chromedp.Click(chromedp.CSS(".card form button")),
			chromedp.WaitVisible(chromedp.CSS(".card a.strong[href*='?in=']")))
		c.wantText("Space created", "Quiet plan")
		c.screenshot("space-created")
	})
}

func TestRealBrowser_PageStyle(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t), openChromium(t)
	c.do(chromedp.Navigate(w.address+"/oauthcallback/connected"), chromedp.WaitVisible(chromedp.CSS("h1")))
	c.wantText("You're connected", "Go back to Google Chat")
	// The policy allows the style by its hash. With a wrong hash the page has no style.
	border, err := chromedp.Run(c.ctx, chromedp.Evaluate[string](
		"getComputedStyle(document.querySelector('main')).borderTopColor"))
	if err != nil || border != "rgb(30, 142, 78)" {
		t.Errorf("the border is %q, %v", border, err)
	}
	c.screenshot("connected")
}

func TestRealBrowser_Form(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		w.browser(t, ada).connect()
		c := openChromium(t)
		c.do(chromedp.Navigate(w.address+"/"), chromedp.WaitVisible(chromedp.ID("text")))
		c.do(chromedp.Click(chromedp.CSS(".quick form button")),
			chromedp.WaitVisible(chromedp.CSS(".dialog input[name=name]")))
		c.screenshot("form")
		c.do(chromedp.SendKeys(chromedp.CSS(".dialog input[name=name]"), "Launch plan"),
			chromedp.Click(chromedp.CSS(".dialog fieldset label")),
			chromedp.SendKeys(chromedp.CSS(".dialog textarea[name=others]"), "Bob"))
		c.do(chromedp.Click(chromedp.CSS(".dialog button.strong")),
			chromedp.WaitVisible(chromedp.CSS(`.dialog[aria-modal] input[value="Launch plan"]`)))
		c.wantText(`Deputy doesn't recognize "Bob"`)
		c.screenshot("form-fault")
		_, err := chromedp.Run(c.ctx, chromedp.Evaluate[string](
			"document.querySelector('.dialog textarea[name=others]').value = ''"))
		if err != nil {
			t.Fatal(err)
		}
		c.do(chromedp.Click(chromedp.CSS(".dialog button.strong")),
			chromedp.WaitVisible(chromedp.CSS(".dialog a.strong")))
		c.wantText("submit the form again. Your entries are kept")
		c.screenshot("form-consent")
		// The link would open another tab, so navigate this one there and back.
		c.do(chromedp.Navigate(evaluate[string](c, "document.querySelector('.dialog a.strong').href")),
			chromedp.WaitVisible(chromedp.ID("allow")), chromedp.Click(chromedp.ID("allow")))
		c.waitFor("h1", "You're connected")
		c.do(chromedp.Navigate(w.address+"/"), chromedp.WaitVisible(chromedp.CSS(".dialog")))
		c.click("button", "Create")
		c.waitFor("#talk", "Space created")
		if got := w.spaces(ada); len(got) != 1 || got[0] != "Launch plan" {
			t.Errorf("spaces: %v", got)
		}
	})
}

func TestRealBrowser_HomeAndConnection(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t), openChromium(t)
	b := w.browser(t, ada)
	b.connect()
	w.seedActivity(t)
	b.say("/createspace Launch plan")
	c.do(chromedp.Navigate(w.address+"/"), chromedp.Click(chromedp.CSS(".tabs button")),
		chromedp.WaitVisible(chromedp.CSS(".home .card")))
	c.wantText("Connected as", "ada@example.com")
	c.screenshot("home")
	c.do(chromedp.Click(chromedp.CSS(".home .buttons button:nth-of-type(2)")),
		chromedp.WaitVisible(chromedp.CSS(".dialog .card")))
	c.wantText("Systems that can act as you", "Erase everything")
	c.screenshot("connection")
}

func TestRealBrowser_Approval(t *testing.T) {
	t.Parallel()
	w, c := newUnapprovedWorld(t), openChromium(t)
	link := w.invitation(t, "approval_required")
	c.do(chromedp.Navigate(link), chromedp.WaitVisible(chromedp.ID("allow")))
	allow := chromedp.CSS("form[action$=approve] button[value=allow]")
	c.do(chromedp.Click(chromedp.ID("allow")), chromedp.WaitVisible(allow))
	c.wantText("Allow Incidents to act as you?", "Create spaces")
	c.screenshot("approve")
	// The content security policy must allow the form to post to Deputy.
	c.pressAllow()
	c.do(chromedp.WaitVisible(chromedp.CSS("main.good")))
	c.wantText("Allowed", "can now act as you")
	if w.countApprovals(t, ada) != 1 {
		t.Error("nothing was approved")
	}
}
