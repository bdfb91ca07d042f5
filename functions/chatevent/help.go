package chatevent

import (
	"context"
	"strings"

	"example.com/deputy/shared/chat"
)

// help lists the commands, made from their table.
func help(context.Context, function, chat.Event, invocation) (chat.Reply, error) {
	return say(words.helpTitle, list()...), nil
}

// welcome greets whoever added the app.
func welcome() chat.Reply {
	return say(words.welcome, append([]chat.Widget{{Text: words.welcomeText}}, list()...)...)
}

func list() []chat.Widget {
	var out []chat.Widget
	for _, c := range commands() {
		out = append(out, chat.Widget{Label: strings.TrimSpace(c.name + " " + c.args), Text: c.description})
	}
	return out
}
