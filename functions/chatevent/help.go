package chatevent

import (
	"context"
	"strings"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/words"
)

// help lists the commands and explains how Chat attributes what Deputy does.
func help(ctx context.Context, f function, e chat.Event, _ invocation) (chat.Reply, error) {
	say := i18n.In(e.Locale)
	widgets := append(commandWidgets(say), chat.Widget{Text: say(words.HelpAttribution)})
	return cardReply(say(words.HelpTitle), append(widgets, f.connectOffer(ctx, e)...)...), nil
}

func welcome(ctx context.Context, f function, e chat.Event) (chat.Reply, error) {
	say := i18n.In(e.Locale)
	widgets := append([]chat.Widget{{Text: say(words.WelcomeText)}}, f.connectOffer(ctx, e)...)
	return cardReply(say(words.WelcomeTitle), append(widgets, commandWidgets(say)...)...), nil
}

// connectOffer returns a button to connect, for a person who isn't connected. It returns none on errors.
func (f function) connectOffer(ctx context.Context, e chat.Event) []chat.Widget {
	c, err := f.Grants.Connection(ctx, e.Person.Name)
	if err != nil || c.Connected {
		f.logError(ctx, err)
		return nil
	}
	connect, err := f.consentButton(ctx, i18n.In(e.Locale)(words.ButtonConnect), e, capability.CreateSpaces)
	if err != nil {
		f.logError(ctx, err)
		return nil
	}
	connect.Primary = true
	return []chat.Widget{buttons(connect)}
}

func commandWidgets(say i18n.Say) []chat.Widget {
	var out []chat.Widget
	for _, c := range commands() {
		name := c.name
		if c.isQuick() {
			name = say(words.HelpInMenu, name)
		}
		out = append(out, chat.Widget{Label: strings.TrimSpace(name + " " + say(c.args)), Text: say(c.help)})
	}
	return out
}
