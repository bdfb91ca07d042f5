package main

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	keyboard "github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// open shows the page to Ada, in her direct message or another space.
func (c *chromium) open(w *world, space string) {
	c.t.Helper()
	if space == "" {
		space = "DM" + ada.Sub
	}
	c.do(chromedp.Navigate(w.address+"/?as="+ada.Sub+"&in="+space), chromedp.WaitReady(chromedp.ID("head")))
}

// waits until a text stands in a part of the page: tags, #ids and .classes,
// within each other.
func (c *chromium) waits(part, text string) {
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

// allowsAnew allows what Google asks a second time, since it sent no refresh token
// for more than it gave before: that page has no boxes.
func (c *chromium) allowsAnew() {
	c.t.Helper()
	c.do(chromedp.WaitNotPresent(chromedp.CSS("[name=scope][type=checkbox]")), chromedp.WaitVisible(chromedp.ID("allow")), chromedp.Click(chromedp.ID("allow")))
}

// saying finds an element by what is written on it, all of it.
func saying(tag, text string) chromedp.Search {
	return chromedp.Search(fmt.Sprintf(`//%s[normalize-space(.)=%q]`, tag, text))
}

// clicks a link or a button by what is written on it.
func (c *chromium) clicks(tag, text string) {
	c.t.Helper()
	c.do(chromedp.Click(saying(tag, text)))
}

// opens presses a button until what it opens is there: the page may be drawn anew
// between the look for the button and the click.
func (c *chromium) opens(button, what string) {
	c.t.Helper()
	for range 5 {
		ctx, cancel := context.WithTimeout(c.ctx, 4*time.Second)
		err := chromedp.Do(ctx, chromedp.Click(saying("button", button)), chromedp.WaitVisible(chromedp.CSS(what)))
		cancel()
		if err == nil {
			return
		}
	}
	c.do(chromedp.WaitVisible(chromedp.CSS(what)))
}

// key presses a key as a keyboard does: what the page prevents does not happen.
func key(name string, code int64, text string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, keyboard.DispatchKeyEvent, keyboard.DispatchKeyEventParams{Type: keyboard.DispatchKeyEventTypeKeyDown, Key: name, Code: name, WindowsVirtualKeyCode: code, Text: text})
		return err
	})
}

// evaluate is the value of an expression in the page.
func evaluate[T any](c *chromium, expression string) T {
	c.t.Helper()
	value, err := chromedp.Run(c.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		c.t.Fatal(err)
	}
	return value
}

func (c *chromium) dark() {
	c.t.Helper()
	c.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}})
		return err
	}))
}

func TestInARealBrowserTheWrongAccountIsToldApart(t *testing.T) {
	t.Parallel()
	w, c := begin(t), openChromium(t)
	c.open(w, "")
	c.do(c.write("/connect"), chromedp.WaitVisible(chromedp.CSS("a.configure")), chromedp.Click(chromedp.CSS("a.configure")))
	c.waits("main", "ada@example.com")
	c.clicks("a", "Use another account")
	c.waits("h1", "Choose an account")
	c.picture("accounts")
	c.do(chromedp.Click(chromedp.Search(`//a[contains(., 'grace@example.com')]`)), chromedp.WaitVisible(chromedp.ID("allow")), chromedp.Click(chromedp.ID("allow")))
	c.waits("h1", "Wrong account")
	c.picture("another-account")
	if w.google.Count("chat.spaces.setup") != 0 || w.google.RefreshToken(grace) != "" && w.google.AccessTokenValid(w.google.RefreshToken(grace)) {
		t.Error("something was done as Grace")
	}
	c.clicks("a", "Choose another account")
	c.waits("main", "ada@example.com")
	c.do(chromedp.Click(chromedp.ID("allow")))
	c.waits("#talk", "You're connected")
}

func TestInARealBrowserABoxLeftUntickedIsAskedForAgain(t *testing.T) {
	t.Parallel()
	w, c := begin(t), openChromium(t)
	c.open(w, "")
	c.do(c.write("/createspace Launch plan"), chromedp.WaitVisible(chromedp.CSS("a.configure")), chromedp.Click(chromedp.CSS("a.configure")), chromedp.WaitVisible(chromedp.ID("allow")))
	c.do(chromedp.Click(chromedp.CSS("label:has([name=scope])")), chromedp.Click(chromedp.ID("allow")))
	c.waits("h1", "One permission is missing")
	c.picture("unticked")
	if got := w.spaces(ada); got != nil {
		t.Errorf("made all the same: %v", got)
	}
	c.do(chromedp.Click(chromedp.CSS("main a")), chromedp.WaitVisible(chromedp.ID("allow")), chromedp.Click(chromedp.ID("allow")))
	c.allowsAnew()
	c.waits("#talk", "Space created")
}

func TestInARealBrowserSomebodyWhoIsNotAddedIsNamed(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		b := w.browser(t, ada)
		b.connect()
		b.say("/createspace Launch plan")
		space, ok := w.google.SpaceByName("Launch plan")
		if !ok {
			t.Fatal("there is no space")
		}
		b.in = space.ID
		b.post(w.address+"/add", map[string][]string{"as": {ada.Sub}, "in": {space.ID}})
		b.connectThere("/invite @Alan Turing")
		c := openChromium(t)
		c.do(chromedp.EmulateViewport(1440, 900))
		c.open(w, space.ID)
		c.do(c.write("/invite @Grace Hopper @Kim Park"))
		c.waits(".card", "Some people weren't added")
		c.sees("Added\nGrace Hopper", "Kim Park", "denied adding this person")
		c.picture("left-out")
	})
}

func TestInARealBrowserDisconnectingEndsIt(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		w.browser(t, ada).connect()
		c := openChromium(t)
		c.open(w, "")
		c.do(c.write("/disconnect"))
		c.waits(".card", "Disconnect")
		c.picture("disconnect")
		c.do(chromedp.Click(chromedp.Search(`(//*[@class='card']//button[.='Disconnect'])[last()]`)))
		c.waits("#talk", "You're disconnected")
		c.do(c.write("/createspace Too late"), chromedp.WaitVisible(chromedp.CSS("a.configure")))
		if got := w.spaces(ada); got != nil {
			t.Errorf("made all the same: %v", got)
		}
	})
}

func TestInARealBrowserTheInspectorShowsWhatHappenedAndSendsItAgain(t *testing.T) {
	t.Parallel()
	w, c := begin(t), openChromium(t)
	w.browser(t, ada).connect()
	c.do(chromedp.EmulateViewport(1440, 900))
	c.open(w, "")
	c.do(c.write("/createspace Launch plan"))
	c.waits("#talk", "Space created")
	c.waits("#inspector", "chat.spaces.setup")
	c.clicks("summary", "Event")
	c.sees("configCompleteRedirectUrl", `"type": "MESSAGE"`, "actionResponse")
	c.picture("inspector")
	c.clicks("button", "Send again")
	c.waits("#inspector h2", "#4 command")
	if got := w.spaces(ada); len(got) != 1 {
		t.Errorf("the event that came twice made %v", got)
	}
	if !evaluate[bool](c, `document.getElementById("d-event").open`) {
		t.Error("what was unfolded is folded")
	}
	c.clicks("button", "add-on")
	c.do(chromedp.WaitVisible(chromedp.CSS("button[value=addon][aria-pressed=true]")), c.write("/help"))
	c.waits("#inspector", "appCommandPayload")
	c.clicks("summary", "Switches")
	c.do(chromedp.Click(chromedp.CSS("button[value='429']")), chromedp.WaitVisible(chromedp.CSS("button[value='429'][aria-pressed=true]")))
	c.do(c.write("/createspace Another plan"))
	c.waits("#inspector table", "429")
	c.picture("switched")
	c.clicks("button", "Forget everything")
	c.waits("#talk", "No messages yet")
	if evaluate[bool](c, `!!document.querySelector("[value='429'][aria-pressed=true]")`) || len(w.spaces(ada)) != 0 {
		t.Error("something was kept")
	}
	c.do(c.write("/createspace Launch plan"), chromedp.WaitVisible(chromedp.CSS("a.configure")))
}

func TestInARealBrowserCommandsAndPeopleAreOfferedWhileOneTypes(t *testing.T) {
	t.Parallel()
	w, c := begin(t), openChromium(t)
	c.open(w, "AAAAteam")
	c.do(chromedp.SendKeys(chromedp.ID("text"), "/in"), chromedp.WaitVisible(chromedp.CSS("#menu [aria-selected=true]")))
	c.picture("menu")
	open := chromedp.WaitVisible(chromedp.CSS("#menu [aria-selected=true]"))
	c.do(key("Enter", 13, "\r"), chromedp.KeyEvent("@gr"), open, key("Tab", 9, "\t"), chromedp.KeyEvent("@"), open, key("ArrowDown", 40, ""), key("ArrowDown", 40, ""))
	c.picture("menu-people")
	c.do(key("Enter", 13, "\r"))
	if got := evaluate[string](c, `document.getElementById("text").value`); got != "/invite @Grace Hopper @Alan Turing " {
		t.Errorf("the menu wrote %q", got)
	}
}

func TestInARealBrowserThePageFitsAPhone(t *testing.T) {
	t.Parallel()
	w, c := begin(t), openChromium(t)
	c.do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch))
	fits := func(where string) {
		t.Helper()
		if wide := evaluate[int](c, "document.documentElement.scrollWidth"); wide > 390 {
			t.Errorf("%s is %d wide", where, wide)
		}
		c.picture("phone-" + where)
	}
	c.open(w, "")
	fits("empty")
	c.do(c.write("/createspace Launch plan"), chromedp.WaitVisible(chromedp.CSS("a.configure")))
	fits("prompt")
	c.do(chromedp.Click(chromedp.CSS("a.configure")), chromedp.WaitVisible(chromedp.ID("allow")))
	fits("consent")
	c.do(chromedp.Click(chromedp.ID("allow")))
	c.waits("#talk", "Space created")
	fits("created")
	c.clicks("button", "Create a space")
	c.do(chromedp.WaitVisible(chromedp.CSS("dialog input[name=name]")))
	fits("form")
	c.do(chromedp.Click(chromedp.CSS(".close")), chromedp.WaitNotPresent(chromedp.CSS("dialog")), chromedp.Click(chromedp.CSS("#d-side summary")))
	c.do(chromedp.Click(chromedp.Search(`//a[contains(., 'Launch plan')]`)))
	c.waits("h1", "Launch plan")
	c.do(chromedp.Click(chromedp.CSS("#d-inspector summary")))
	fits("inspector")
	c.do(chromedp.Navigate(w.address + "/oauthcallback/"))
	fits("homepage")
}

func TestInARealBrowserEveryControlHasAName(t *testing.T) {
	t.Parallel()
	w, c := begin(t), openChromium(t)
	b := w.browser(t, ada)
	b.connect()
	w.known(t)
	b.say("/createspace Launch plan")
	named := func(where string) {
		t.Helper()
		tree, err := chromedp.Run(c.ctx, func(ctx context.Context, t *chromedp.Target) (accessibility.GetFullAXTreeResult, error) {
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
			switch role {
			case "button", "link", "textbox", "combobox", "checkbox", "radio", "switch", "listbox", "option", "dialog", "navigation", "complementary", "DisclosureTriangle", "group":
				if controls++; !n.Ignored && name == "" && role != "group" {
					t.Errorf("%s: a %s has no name", where, role)
				}
			}
		}
		if controls < 2 {
			t.Errorf("%s: there are %d controls", where, controls)
		}
	}
	c.do(chromedp.EmulateViewport(1440, 900))
	c.open(w, "")
	c.do(chromedp.SendKeys(chromedp.ID("text"), "/"), chromedp.WaitVisible(chromedp.ID("menu")))
	for _, fold := range []string{"Event", "Switches", "Security events"} {
		c.do(chromedp.Click(chromedp.Search(`//summary[starts-with(., '` + fold + `')]`)))
	}
	named("the conversation")
	c.dark()
	c.picture("dark")
	c.opens("Create a space", "dialog input[name=name]")
	named("the form")
	c.picture("dark-form")
	c.do(chromedp.KeyEvent("\x1b"), chromedp.WaitNotPresent(chromedp.CSS("dialog"))) // Escape
	c.clicks("button", "Home")
	c.do(chromedp.WaitVisible(chromedp.CSS(".home .card")))
	named("the Home tab")
	c.picture("dark-home")
	c.do(chromedp.Navigate(w.asking()), chromedp.WaitVisible(chromedp.CSS(".accounts a")))
	named("the accounts")
	c.do(chromedp.Click(chromedp.CSS(".accounts a")), chromedp.WaitVisible(chromedp.ID("allow")))
	named("the consent")
	for _, address := range []string{"/oauthcallback/", "/oauthcallback/privacy", "/oauthcallback/terms", "/createspace/"} {
		c.do(chromedp.Navigate(w.address + address))
		named(address)
	}
}

// asking is an address of Google's that asks for a consent, of nobody in
// particular.
func (w *world) asking() string {
	return w.address + "/google/o/oauth2/v2/auth?" + url.Values{
		"client_id": {w.google.ClientID}, "redirect_uri": w.google.RedirectURIs, "response_type": {"code"}, "scope": {"openid email https://www.googleapis.com/auth/chat.spaces"},
		"state": {"s"}, "nonce": {"n"}, "code_challenge": {"c"}, "code_challenge_method": {"S256"},
	}.Encode()
}
