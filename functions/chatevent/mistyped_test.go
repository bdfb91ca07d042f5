package chatevent_test

import (
	"strings"
	"testing"

	"example.com/deputy/shared/capability"
)

// message is the event of a message that is no command.
func message(space, text string) object {
	return event(ada, space, "MESSAGE", func(e object) {
		e["message"] = object{"name": space + "/messages/m.m", "argumentText": text, "text": text}
	})
}

// A mistyped command names the nearest ones, and their buttons do what was typed.
func TestMistyped(t *testing.T) {
	inBubble(t, func(e *env) {
		e.connect(ada, capability.CreateSpaces)
		for typed, want := range map[string][]string{
			"/craetespace Launch plan": {"/craetespace isn't one of Deputy's commands", "[/createspace]"},
			"/space":                   {"[/spaces]\n[/createspace]"},
			"/Hlep":                    {"[/help]"},
			"/conect now":              {"[/connect]"},
		} {
			r := e.send(message(direct(ada), typed))
			r.wantText(t, typed, append([]string{"Deputy doesn't have this command"}, want...)...)
			if typed == "/craetespace Launch plan" {
				again := e.send(click(ada, direct(ada), r.buttons["/createspace"]))
				again.wantText(t, "its button", "Space created: Launch plan")
			}
		}
		// The button of a command that posts its text posts all of it.
		e.connect(ada, capability.PostMessages)
		posts := e.send(message(team, "/sya\nhello big\nworld"))
		e.send(click(ada, team, posts.buttons["/say"])).wantText(t, "/say", "Message posted")
		if got := lastMessage(e); got != "hello big\nworld" {
			t.Errorf("posted %q", got)
		}
		long := e.send(message(direct(ada), "/space "+strings.Repeat("x", 20_000)))
		long.wantText(t, "too long for a button", "What Deputy can do")
		for _, typed := range []string{"hello", "/", "/x", "/foo", "space", "/äöü", ""} {
			e.send(message(direct(ada), typed)).wantText(t, typed, "What Deputy can do")
		}
	})
}

// lastMessage returns the text of the last message that Ada posted in the space Team.
func lastMessage(e *env) (text string) {
	for _, space := range e.google.SpacesOf(ada) {
		for _, m := range space.Messages {
			if space.DisplayName == "Team" && m.Sender.Sub == ada.Sub {
				text = m.Text
			}
		}
	}
	return text
}
