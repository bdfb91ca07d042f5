package main

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	keyboard "github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// open opens the page as Ada, in the space with this ID; empty means her direct message.
func (c *chromium) open(w *world, space string) {
	c.t.Helper()
	if space == "" {
		space = "DM" + ada.Sub
	}
	c.do(chromedp.Navigate(w.address+"/?as="+ada.Sub+"&in="+space), chromedp.WaitReady(chromedp.ID("head")))
}

// waitFor waits until part of the page shows text. The part is a path of tags, #ids and .classes.
func (c *chromium) waitFor(part, text string) {
	c.t.Helper()
	path := ""
	for _, step := range strings.Fields(part) {
		switch step[0] {
		case '#':
			path += "//*[@id='" + step[1:] + "']"
		case '.':
			path += "//*[@class='" + step[1:] + "']"
		default:
			path += "//" + step
		}
	}
	c.do(chromedp.WaitVisible(chromedp.Search(fmt.Sprintf(`%s[contains(normalize-space(.), %q)]`, path, text))))
}

// allowAgain allows on the second consent page, which has no checkboxes. Deputy asks
// again because Google sent no refresh token for the wider grant.
func (c *chromium) allowAgain() {
	c.t.Helper()
	c.do(chromedp.WaitNotPresent(chromedp.CSS("[name=scope][type=checkbox]")))
	c.do(chromedp.WaitVisible(chromedp.ID("allow")), chromedp.Click(chromedp.ID("allow")))
}

// chooseNeeded goes on from Deputy's page before a first consent, with only what the command needs.
func (c *chromium) chooseNeeded() {
	c.t.Helper()
	needed := chromedp.CSS("a[href$='ask=needed']")
	c.do(chromedp.WaitVisible(needed))
	c.do(chromedp.Click(needed), chromedp.WaitVisible(chromedp.ID("allow")))
}

// byText finds an element by its whole text.
func byText(tag, text string) chromedp.Search {
	return chromedp.Search(fmt.Sprintf(`//%s[normalize-space(.)=%q]`, tag, text))
}

// click clicks the element with this tag and text.
func (c *chromium) click(tag, text string) {
	c.t.Helper()
	c.do(chromedp.Click(byText(tag, text)))
}

// clickUntilOpen clicks a button until target is visible. It retries because the page
// can redraw the button before the click.
func (c *chromium) clickUntilOpen(button, target string) {
	c.t.Helper()
	clickUntil(c, byText("button", button), chromedp.CSS(target))
}

func clickUntil[T chromedp.Selectable](c *chromium, button chromedp.Search, target T) {
	c.t.Helper()
	for range 5 {
		ctx, cancel := context.WithTimeout(c.ctx, 4*time.Second)
		err := chromedp.Do(ctx, chromedp.Click(button), chromedp.WaitVisible(target))
		cancel()
		if err == nil {
			return
		}
	}
	c.do(chromedp.WaitVisible(target))
}

// pressKey returns an action that presses a key. The page can prevent the key's default action.
func pressKey(name string, code int64, text string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, keyboard.DispatchKeyEvent, keyboard.DispatchKeyEventParams{
			Type: keyboard.DispatchKeyEventTypeKeyDown, Key: name, Code: name, WindowsVirtualKeyCode: code, Text: text,
		})
		return err
	})
}

// evaluate returns the value of a JavaScript expression in the page.
func evaluate[T any](c *chromium, expression string) T {
	c.t.Helper()
	value, err := chromedp.Run(c.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		c.t.Fatal(err)
	}
	return value
}

func (c *chromium) setDark() {
	c.t.Helper()
	c.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}},
		})
		return err
	}))
}

func TestRealBrowser_WrongAccount(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t), openChromium(t)
	c.open(w, "")
	configure := chromedp.CSS("a.configure")
	c.do(c.typeMessage("/connect"), chromedp.WaitVisible(configure), chromedp.Click(configure))
	c.chooseNeeded()
	c.waitFor("main", "ada@example.com")
	c.click("a", "Use another account")
	c.waitFor("h1", "Choose an account")
	c.screenshot("accounts")
	c.do(chromedp.Click(chromedp.Search(`//a[contains(., 'grace@example.com')]`)),
		chromedp.WaitVisible(chromedp.ID("allow")), chromedp.Click(chromedp.ID("allow")))
	c.waitFor("h1", "Wrong account")
	c.screenshot("another-account")
	refresh := w.google.RefreshToken(grace)
	if w.google.Count("chat.spaces.setup") != 0 || refresh != "" && w.google.AccessTokenValid(refresh) {
		t.Error("Deputy acted as Grace or kept her token")
	}
	c.click("a", "Choose another account")
	c.waitFor("main", "ada@example.com")
	c.do(chromedp.Click(chromedp.ID("allow")))
	c.waitFor("#talk", "You're connected")
}

func TestRealBrowser_MissingScope(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t), openChromium(t)
	c.open(w, "")
	configure := chromedp.CSS("a.configure")
	c.do(c.typeMessage("/createspace Launch plan"), chromedp.WaitVisible(configure), chromedp.Click(configure))
	c.chooseNeeded()
	for _, scope := range []string{"chat.spaces.create", "chat.spaces"} { // the wider one would do, too
		c.do(chromedp.Click(chromedp.CSS("label:has([value$='auth/" + scope + "'])")))
	}
	c.do(chromedp.Click(chromedp.ID("allow")))
	c.waitFor("h1", "More access is needed")
	c.screenshot("partial")
	if got := w.spaces(ada); got != nil {
		t.Errorf("created without consent: %v", got)
	}
	c.do(chromedp.Click(chromedp.CSS("main a")), chromedp.WaitVisible(chromedp.ID("allow")),
		chromedp.Click(chromedp.ID("allow")))
	c.waitFor("#talk", "Space created")
}

func TestRealBrowser_MemberNotAdded(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		b := w.browser(t, ada)
		b.connect()
		b.say("/createspace Launch plan")
		space, ok := w.google.SpaceByName("Launch plan")
		if !ok {
			t.Fatal("no space")
		}
		b.space = space.ID
		b.post(w.address+"/add", map[string][]string{"as": {ada.Sub}, "in": {space.ID}})
		b.connectWith("/invite @Alan Turing")
		c := openChromium(t)
		c.do(chromedp.EmulateViewport(1440, 900))
		c.open(w, space.ID)
		c.do(c.typeMessage("/invite @Grace Hopper @Kim Park"))
		c.waitFor(".card", "Some people weren't added")
		c.wantText("Added\nGrace Hopper", "Kim Park", "didn't allow adding this person")
		c.screenshot("left-out")
	})
}

func TestRealBrowser_Disconnect(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		w.browser(t, ada).connect()
		c := openChromium(t)
		c.open(w, "")
		c.do(c.typeMessage("/disconnect"))
		c.waitFor(".card", "Disconnect")
		c.screenshot("disconnect")
		last := chromedp.Search(`(//*[@class='card']//button[.='Disconnect'])[last()]`)
		clickUntil(c, last, chromedp.Search(`//*[@id='talk'][contains(., "You're disconnected")]`))
		c.do(c.typeMessage("/createspace Too late"), chromedp.WaitVisible(chromedp.CSS("a.configure")))
		if got := w.spaces(ada); got != nil {
			t.Errorf("created after disconnecting: %v", got)
		}
	})
}

func TestRealBrowser_Inspector(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t), openChromium(t)
	w.browser(t, ada).connect()
	c.do(chromedp.EmulateViewport(1440, 900))
	c.open(w, "")
	c.do(c.typeMessage("/createspace Launch plan"))
	c.waitFor("#talk", "Space created")
	c.waitFor("#inspector", "chat.spaces.setup")
	c.click("summary", "Event")
	c.wantText("configCompleteRedirectUrl", `"type": "MESSAGE"`, "actionResponse")
	c.screenshot("inspector")
	c.click("button", "Send again")
	c.waitFor("#inspector h2", "#2 command")
	if got := w.spaces(ada); len(got) != 1 {
		t.Errorf("the redelivered event created %v", got)
	}
	if !evaluate[bool](c, `document.getElementById("d-event").open`) {
		t.Error("the open section was closed")
	}
	c.click("button", "add-on")
	c.do(chromedp.WaitVisible(chromedp.CSS("button[value=addon][aria-pressed=true]")), c.typeMessage("/help"))
	c.waitFor("#inspector", "appCommandPayload")
	c.click("summary", "Switches")
	c.do(chromedp.Click(chromedp.CSS("button[value='429']")),
		chromedp.WaitVisible(chromedp.CSS("button[value='429'][aria-pressed=true]")))
	c.do(c.typeMessage("/createspace Another plan"))
	c.waitFor("#inspector table", "429")
	c.screenshot("switched")
	c.click("button", "Reset")
	c.waitFor("#talk", "No messages yet")
	on := evaluate[bool](c, `!!document.querySelector("[value='429'][aria-pressed=true]")`)
	if on || len(w.spaces(ada)) != 0 {
		t.Errorf("after the reset: switch on: %v, spaces %v", on, w.spaces(ada))
	}
	c.do(c.typeMessage("/createspace Launch plan"), chromedp.WaitVisible(chromedp.CSS("a.configure")))
}

func TestRealBrowser_CommandMenu(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t), openChromium(t)
	c.open(w, "AAAAteam")
	menuOpen := chromedp.WaitVisible(chromedp.CSS("#menu [aria-selected=true]"))
	c.do(chromedp.SendKeys(chromedp.ID("text"), "/in"), menuOpen)
	c.screenshot("menu")
	c.do(pressKey("Enter", 13, "\r"), chromedp.KeyEvent("@gr"), menuOpen, pressKey("Tab", 9, "\t"),
		chromedp.KeyEvent("@"), menuOpen, pressKey("ArrowDown", 40, ""), pressKey("ArrowDown", 40, ""))
	c.screenshot("menu-people")
	c.do(pressKey("Enter", 13, "\r"))
	got := evaluate[string](c, `document.getElementById("text").value`)
	if got != "/invite @Grace Hopper @Alan Turing " {
		t.Errorf("the menu wrote %q", got)
	}
}

func TestRealBrowser_PhoneWidth(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t), openChromium(t)
	c.do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch))
	checkWidth := func(view string) {
		t.Helper()
		if width := evaluate[int](c, "document.documentElement.scrollWidth"); width > 390 {
			t.Errorf("%s is %d wide", view, width)
		}
		c.screenshot("phone-" + view)
	}
	c.open(w, "")
	checkWidth("empty")
	c.do(c.typeMessage("/createspace Launch plan"), chromedp.WaitVisible(chromedp.CSS("a.configure")))
	checkWidth("prompt")
	c.do(chromedp.Click(chromedp.CSS("a.configure")), chromedp.WaitVisible(chromedp.CSS("a[href$='ask=needed']")))
	checkWidth("choice")
	c.chooseNeeded()
	checkWidth("consent")
	c.do(chromedp.Click(chromedp.ID("allow")))
	c.waitFor("#talk", "Space created")
	checkWidth("created")
	c.click("button", "Create a space")
	c.do(chromedp.WaitVisible(chromedp.CSS("dialog input[name=name]")))
	checkWidth("form")
	c.do(chromedp.Click(chromedp.CSS(".close")), chromedp.WaitNotPresent(chromedp.CSS("dialog")),
		chromedp.Click(chromedp.CSS("#d-side summary")))
	c.do(chromedp.Click(chromedp.Search(`//a[contains(., 'Launch plan')]`)))
	c.waitFor("h1", "Launch plan")
	c.do(chromedp.Click(chromedp.CSS("#d-inspector summary")))
	checkWidth("inspector")
	c.do(chromedp.Navigate(w.address + "/oauthcallback/"))
	checkWidth("homepage")
}

func TestRealBrowser_AccessibleNames(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t), openChromium(t)
	b := w.browser(t, ada)
	b.connect()
	w.seedActivity(t)
	b.say("/createspace Launch plan")
	controlRoles := []string{
		"button", "link", "textbox", "combobox", "checkbox", "radio", "switch", "listbox", "option",
		"dialog", "navigation", "complementary", "DisclosureTriangle", "group",
	}
	type axTree = accessibility.GetFullAXTreeResult
	checkNames := func(view string) {
		t.Helper()
		tree, err := chromedp.Run(c.ctx, func(ctx context.Context, t *chromedp.Target) (axTree, error) {
			return cdp.Call(ctx, t, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
		})
		if err != nil {
			t.Fatal(err)
		}
		controls := 0
		for _, n := range tree.Nodes {
			role, name := "", ""
			if n.Role != nil {
				role = strings.Trim(string(n.Role.Value), `"`)
			}
			if n.Name != nil {
				name = strings.Trim(string(n.Name.Value), `" `)
			}
			if slices.Contains(controlRoles, role) {
				if controls++; !n.Ignored && name == "" && role != "group" {
					t.Errorf("%s: a %s has no name", view, role)
				}
			}
		}
		if controls < 2 {
			t.Errorf("%s: only %d controls", view, controls)
		}
	}
	c.do(chromedp.EmulateViewport(1440, 900))
	c.open(w, "")
	c.do(chromedp.SendKeys(chromedp.ID("text"), "/"), chromedp.WaitVisible(chromedp.ID("menu")))
	for _, section := range []string{"Event", "Switches", "Security events"} {
		c.do(chromedp.Click(chromedp.Search(`//summary[starts-with(., '` + section + `')]`)))
	}
	checkNames("the conversation")
	c.setDark()
	c.screenshot("dark")
	c.clickUntilOpen("Create a space", "dialog input[name=name]")
	checkNames("the form")
	c.screenshot("dark-form")
	c.do(chromedp.KeyEvent("\x1b"), chromedp.WaitNotPresent(chromedp.CSS("dialog"))) // Escape
	c.click("button", "Home")
	c.do(chromedp.WaitVisible(chromedp.CSS(".home .card")))
	checkNames("the Home tab")
	c.screenshot("dark-home")
	c.do(chromedp.Navigate(w.consentURL()), chromedp.WaitVisible(chromedp.CSS(".accounts a")))
	checkNames("the accounts")
	c.do(chromedp.Click(chromedp.CSS(".accounts a")), chromedp.WaitVisible(chromedp.ID("allow")))
	checkNames("the consent")
	pages := []string{"/oauthcallback/", "/oauthcallback/privacy", "/oauthcallback/terms", "/createspace/"}
	for _, path := range pages {
		c.do(chromedp.Navigate(w.address + path))
		checkNames(path)
	}
}

// consentURL returns a URL of the consent page that names no account.
func (w *world) consentURL() string {
	return w.address + "/google/o/oauth2/v2/auth?" + url.Values{
		"client_id": {w.google.ClientID}, "redirect_uri": w.google.RedirectURIs, "response_type": {"code"},
		"scope": {"openid email https://www.googleapis.com/auth/chat.spaces"},
		"state": {"s"}, "nonce": {"n"}, "code_challenge": {"c"}, "code_challenge_method": {"S256"},
	}.Encode()
}
