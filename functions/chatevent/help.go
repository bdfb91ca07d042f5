package chatevent

import (
	"context"
	"strings"

	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/words"
)

// help lists the commands and explains how Chat attributes what Deputy does.
func help(ctx context.Context, v *view, _ invocation) (chat.Reply, error) {
	v.add(commandWidgets(v.say)...)
	v.text(words.HelpAttribution)
	v.offerConnect(ctx)
	return v.reply(words.HelpTitle)
}

func welcome(ctx context.Context, v *view) (chat.Reply, error) {
	v.text(words.WelcomeText)
	v.offerConnect(ctx)
	v.add(commandWidgets(v.say)...)
	return v.reply(words.WelcomeTitle)
}

// offerConnect adds a button to connect, for a person who isn't connected. It adds none on errors.
func (v *view) offerConnect(ctx context.Context) {
	c, err := v.Grants.Connection(ctx, v.event.Person.Name)
	if err != nil || c.Connected {
		v.logError(ctx, err)
		return
	}
	connect := v.connectButton(ctx, c)
	if v.err != nil {
		v.logError(ctx, v.err)
		v.err = nil
		return
	}
	connect.Primary = true
	v.row(connect)
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
