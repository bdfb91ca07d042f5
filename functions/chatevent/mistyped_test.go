package chatevent_test

import (
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
		for _, typed := range []string{"hello", "/", "/x", "/foo", "space", "/äöü", ""} {
			e.send(message(direct(ada), typed)).wantText(t, typed, "What Deputy can do")
		}
	})
}
