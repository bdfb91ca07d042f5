package chatevent

import (
	"context"

	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/userauth"
)

// invite is the one place that asks a person to connect (design stop 6). In a
// direct message Chat's own prompt does it, and Chat repeats the command by
// itself afterwards. Elsewhere that repetition would publish what the person
// typed, and a click cannot be repeated: there a private card has Connect and
// Continue.
func (f function) invite(ctx context.Context, e chat.Event, i invocation, needs *userauth.Needs) (chat.Reply, error) {
	prompt := e.Space.Direct && e.Complete != ""
	if !prompt {
		e.Complete = ""
	}
	link, err := f.Auth.Invite(ctx, e.Person.Name, e.Complete, needs.Capabilities...)
	if err != nil {
		return chat.Reply{}, fault.Wrap("chatevent.invite", err)
	}
	if prompt {
		return chat.Reply{Connect: link}, nil
	}
	again, err := f.button(words.goOn, runAgain, e, i)
	if err != nil {
		return chat.Reply{}, err
	}
	return chat.Reply{Card: &chat.Card{
		Title: words.connectTitle,
		Sections: []chat.Section{{Widgets: []chat.Widget{
			{Text: words.connectText},
			{Buttons: []chat.Button{{Text: words.connect, Link: link, Strong: true}, again}},
		}}},
	}}, nil
}
