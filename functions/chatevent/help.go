package chatevent

import (
	"context"
	"strings"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/words"
)

// help lists the commands, made from their table, and explains how Chat shows
// what Deputy does.
func help(ctx context.Context, f function, e chat.Event, _ invocation) (chat.Reply, error) {
	say := i18n.In(e.Locale)
	widgets := append(explained(say), chat.Widget{Text: say(words.HelpAttribution)})
	return card(say(words.HelpTitle), append(widgets, f.offer(ctx, e)...)...), nil
}

// welcome greets whoever added the app.
func welcome(ctx context.Context, f function, e chat.Event) (chat.Reply, error) {
	say := i18n.In(e.Locale)
	widgets := append([]chat.Widget{{Text: say(words.WelcomeText)}}, f.offer(ctx, e)...)
	return card(say(words.WelcomeTitle), append(widgets, explained(say)...)...), nil
}

// offer is a button to connect, for whoever is not. Nobody has asked for it:
// when it cannot be known, there is none.
func (f function) offer(ctx context.Context, e chat.Event) []chat.Widget {
	c, err := f.Grants.Connection(ctx, e.Person.Name)
	if err != nil || c.Connected {
		f.try(ctx, err)
		return nil
	}
	connect, err := f.allow(ctx, i18n.In(e.Locale)(words.ButtonConnect), e, capability.CreateSpaces)
	if err != nil {
		f.try(ctx, err)
		return nil
	}
	connect.Strong = true
	return []chat.Widget{buttons(connect)}
}

// explained are the commands with their help.
func explained(say i18n.Say) []chat.Widget {
	var out []chat.Widget
	for _, c := range commands() {
		name := c.name
		if c.quick() {
			name = say(words.HelpInMenu, name)
		}
		out = append(out, chat.Widget{Label: strings.TrimSpace(name + " " + say(c.args)), Text: say(c.help)})
	}
	return out
}
