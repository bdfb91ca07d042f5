package main

import (
	"fmt"
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"example.com/deputy/emulator/chatpage"
)

// newcomer is a person who gives each consent that Deputy asks for, and counts them.
type newcomer struct {
	*browser
	everything bool // what they choose before the first
	consents   int
	seen       int // links to consents on the page
}

var consentLink = regexp.MustCompile(`href="([^"]*/start\?invitation=[^"]*)"`)

// does does something in a space, and consents until it is done. The last page must show want.
func (n *newcomer) does(space, want string, act func() page) {
	n.t.Helper()
	n.space = space
	p := act()
	for range 3 {
		links := consentLink.FindAllStringSubmatch(p.body, -1)
		if len(links) <= n.seen {
			break
		}
		n.seen = len(links)
		inDialog := strings.Contains(p.body, `<div class="dialog"`)
		prompt := strings.Contains(p.body, "Configure</a>")
		start := n.get(html.UnescapeString(links[len(links)-1][1]))
		if strings.Contains(start.body, "ask=needed") {
			choice := "Continue with only this"
			if n.everything {
				choice = "Allow everything Deputy can do"
			}
			start = n.get(n.link(start, choice))
		}
		n.submit(start, decision{account: n.person})
		n.consents++
		switch {
		case inDialog:
			p = n.send(n.chat(), "Continue", nil)
		case prompt:
			p = n.chat() // Chat repeats the command
		default:
			p = n.press("Continue")
		}
	}
	n.wantText(p, want)
	n.seen = len(consentLink.FindAllStringSubmatch(n.chat().body, -1))
}

// A newcomer's first session asks at most twice, and once if they choose everything.
func TestConsents_FirstSession(t *testing.T) {
	t.Parallel()
	for _, format := range []chatpage.Format{chatpage.Classic, chatpage.AddOn} {
		for _, first := range []string{"DM" + ada.Sub, "AAAAteam"} {
			for everything, most := range map[bool]int{false: 2, true: 1} {
				t.Run(fmt.Sprint(format, " ", first, " ", everything), func(t *testing.T) {
					t.Parallel()
					w := newWorldFormat(t, format)
					w.google.SetStrict(0)
					n := &newcomer{browser: w.browser(t, ada), everything: everything}
					n.firstSession(first)
					if n.consents < 1 || n.consents > most {
						t.Errorf("%d consents, want at most %d", n.consents, most)
					}
				})
			}
		}
	}
}

func (n *newcomer) firstSession(first string) {
	n.t.Helper()
	say := func(text string) func() page { return func() page { return n.say(text) } }
	press := func(button string) func() page { return func() page { return n.press(button) } }
	send := func(button, name string) func() page {
		return func() page { return n.send(n.chat(), button, url.Values{"name": {name}}) }
	}
	n.does(first, "Space created", say("/createspace Launch plan @Grace Hopper @Alan Turing"))
	n.does(first, "Rename space", press("Rename"))
	n.does(first, "Space renamed", send("Rename", "Better plan"))
	n.does("AAAAteam", "People added", say("/invite @Alan Turing"))
	n.does("AAAAteam", "meet.google.com", say("/meet"))
	n.does("AAAAteam", "Meeting scheduled", say("/kickoff tomorrow 10:00"))
	n.does(first, "Delete space?", press("Delete"))
	n.does(first, "Space deleted", send("Delete", "Better plan"))
}
