package chatevent

import (
	"context"
	"strings"

	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/words"
)

// help lists the commands, made from their table.
func help(_ context.Context, _ function, e chat.Event, _ invocation) (chat.Reply, error) {
	say := words.In(e.Locale)
	return card(say(words.HelpTitle), list(say)...), nil
}

// welcome greets whoever added the app.
func welcome(say words.Say) chat.Reply {
	return card(say(words.Welcome), append([]chat.Widget{{Text: say(words.WelcomeText)}}, list(say)...)...)
}

func list(say words.Say) []chat.Widget {
	var out []chat.Widget
	for _, c := range commands() {
		out = append(out, chat.Widget{Label: strings.TrimSpace(c.name + " " + c.args), Text: say(c.help)})
	}
	return out
}
