package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"

	"example.com/deputy/internal/chromiumtest"
)

// center is where an element is on the screen.
const center = `(() => { const r = document.querySelector(%q).getBoundingClientRect();
	return [screenX + r.x + r.width / 2, screenY + outerHeight - innerHeight + r.y + r.height / 2].map(Math.round) })()`

// The attacker's window covers Deputy's question, wholly or in part. The first half of a double click closes it, and
// the second half lands on Allow, however long Deputy has shown it before.
func TestAttack_DoubleClickjacking(t *testing.T) {
	screen := chromiumtest.OpenScreen(t, "a double click across two windows")
	w, c := newUnapprovedWorld(t), &chromium{t, screen.Tab}
	attacker := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(rw, `<title>Attacker</title><h1>Double-click here</h1>`+
			`<script>onmousedown = () => close()</script>`)
	}))
	t.Cleanup(attacker.Close)
	c.allowGoogle(w.invitation(t, "approval_required"), allowSystem)
	question := c.address()
	at := evaluate[[]int](c, fmt.Sprintf(center, allowSystem))
	x, y := at[0], at[1]
	for n := range 6 {
		c.do(chromedp.Navigate("about:blank"))
		evaluate[bool](c, fmt.Sprintf("open(%q, '', 'width=500,height=300'), true", attacker.URL))
		screen.Mouse("search", "--sync", "--onlyvisible", "--name", "Attacker")
		if part := n%2 == 1; part {
			screen.Mouse("search", "--name", "Attacker", "windowsize", "--sync", "500", "300",
				"windowmove", strconv.Itoa(x-250), strconv.Itoa(y-200))
		}
		c.do(chromedp.Navigate(question), chromedp.WaitVisible(chromedp.CSS(allowSystem)))
		c.until("document.visibilityState === 'hidden' || " + acceptsPointer) // a second has passed, or does not begin
		evaluate[bool](c, "addEventListener('mousedown', () => { window.pressed = true }, true), true")
		screen.Mouse("mousemove", strconv.Itoa(x), strconv.Itoa(y), "click", "--repeat", "2", "--delay", "90", "1")
		c.until("window.pressed === true")
		if c.until("document.visibilityState === 'visible'"); c.address() != question || w.countApprovals(t, ada) != 0 {
			t.Fatalf("double click %d allowed the system: %s", n, c.text())
		}
	}
	c.until(acceptsPointer) // a person who has had time to read can press
	screen.Mouse("click", "1")
	c.do(chromedp.WaitVisible(chromedp.CSS("main.good")))
}

// One tap of a finger suffices on a machine that also has a mouse.
func TestRealBrowser_TapWithMouse(t *testing.T) {
	screen := chromiumtest.OpenScreen(t, "a tap on a machine with a mouse")
	w, c := newUnapprovedWorld(t), &chromium{t, screen.Tab}
	screen.Mouse("mousemove", "1399", "999") // outside the window
	c.allowGoogle(w.invitation(t, "approval_required"), allowSystem)
	if !evaluate[bool](c, "matchMedia('(hover:hover)').matches") {
		t.Error("this browser has no mouse")
	}
	c.until(acceptsPointer)
	c.tap(true)
	c.do(chromedp.WaitVisible(chromedp.CSS("main.good")))
}

const acceptsPointer = `getComputedStyle(document.querySelector("` + allowSystem + `")).pointerEvents !== "none"`

// tap touches the middle of the button that allows, or clicks it with the mouse.
func (c *chromium) tap(touch bool) {
	c.t.Helper()
	at := evaluate[[]float64](c, fmt.Sprintf(`(() => { const r = document.querySelector(%q).getBoundingClientRect();
		return [r.x + r.width / 2, r.y + r.height / 2] })()`, allowSystem))
	c.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		finger := []*input.TouchPoint{{X: at[0], Y: at[1]}}
		for _, e := range []input.DispatchTouchEventParams{
			{Type: input.DispatchTouchEventTypeTouchStart, TouchPoints: finger},
			{Type: input.DispatchTouchEventTypeTouchEnd, TouchPoints: finger[:0]},
		} {
			if !touch {
				break
			}
			if _, err := cdp.Call(ctx, t, input.DispatchTouchEvent, e); err != nil {
				return err
			}
		}
		for _, kind := range []input.DispatchMouseEventType{
			input.DispatchMouseEventTypeMousePressed, input.DispatchMouseEventTypeMouseReleased,
		} {
			if touch {
				break
			}
			_, err := cdp.Call(ctx, t, input.DispatchMouseEvent, input.DispatchMouseEventParams{
				Type: kind, X: at[0], Y: at[1], Button: input.MouseButtonLeft, ClickCount: 1,
			})
			if err != nil {
				return err
			}
		}
		return nil
	}))
}

// enabledButtons returns the names of the buttons that assistive technology can press.
func (c *chromium) enabledButtons() []string {
	c.t.Helper()
	type axTree = accessibility.GetFullAXTreeResult
	tree, err := chromedp.Run(c.ctx, func(ctx context.Context, t *chromedp.Target) (axTree, error) {
		return cdp.Call(ctx, t, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	})
	if err != nil {
		c.t.Fatal(err)
	}
	var names []string
	for _, n := range tree.Nodes {
		isDisabled := func(p *accessibility.Property) bool { return p.Name == "disabled" }
		disabled := slices.ContainsFunc(n.Properties, isDisabled)
		if n.Role != nil && string(n.Role.Value) == `"button"` && !n.Ignored && !disabled {
			names = append(names, strings.Trim(string(n.Name.Value), `"`))
		}
	}
	return names
}

// For a second, the button ignores mouse and finger. Keyboard and assistive technology can press it at once.
func TestRealBrowser_AllowAfterReading(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		touch    bool
		viewport []chromedp.EmulateViewportOption
	}{
		"mouse": {false, nil}, "finger": {true, []chromedp.EmulateViewportOption{chromedp.EmulateTouch}},
		"phone": {true, []chromedp.EmulateViewportOption{chromedp.EmulateTouch, chromedp.EmulateMobile}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, b := newUnapprovedWorld(t), openChromium(t)
			b.do(chromedp.EmulateViewport(600, 800, c.viewport...))
			b.allowGoogle(w.invitation(t, "approval_required"), allowSystem)
			evaluate[bool](b, "addEventListener('click', () => { window.clicked = true }, true), true")
			b.tap(c.touch) // the second half of a double click
			b.until("window.clicked === true")
			if evaluate[bool](b, acceptsPointer) || w.countApprovals(t, ada) != 0 {
				t.Error("the first press counts")
			}
			b.until(acceptsPointer)
			b.tap(c.touch)
			b.do(chromedp.WaitVisible(chromedp.CSS("main.good")))
		})
	}
	t.Run("keyboard", func(t *testing.T) {
		t.Parallel()
		w, b := newUnapprovedWorld(t), openChromium(t)
		b.allowGoogle(w.invitation(t, "approval_required"), allowSystem)
		b.do(pressKey("Tab", 9, ""), pressKey("Enter", 13, "\r"))
		b.do(chromedp.WaitVisible(chromedp.CSS("main.good")))
	})
	t.Run("accessibility tree", func(t *testing.T) {
		t.Parallel()
		w, b := newUnapprovedWorld(t), openChromium(t)
		b.allowGoogle(w.invitation(t, "approval_required"), allowSystem)
		if diff := cmp.Diff([]string{"Allow", "Don't allow"}, b.enabledButtons()); diff != "" {
			t.Error(diff)
		}
	})
}
