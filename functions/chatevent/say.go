package chatevent

import (
	"context"

	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/words"
)

// speak writes as the person, in the thread the command was typed in. What it
// wrote stands there for all: there is nothing more to show.
func speak(ctx context.Context, f function, e chat.Event, i invocation) (chat.Reply, error) {
	switch {
	case e.Space.Direct:
		return chat.Reply{}, fault.New(fault.Invalid, words.SayWhere)
	case i.Args == "":
		return chat.Reply{}, fault.New(fault.Invalid, words.SayWhat)
	}
	if _, err := f.Operations.CreateMessage(ctx, operations.Self(e.Person.Name, i.Source), spaces.Message{Space: e.Space.Name, Thread: i.Thread, Text: i.Args}); err != nil {
		return chat.Reply{}, err
	}
	return told(e), nil
}

// told is the answer to what stands in the conversation for all: nothing, or,
// in place of a card that was clicked, that it is done.
func told(e chat.Event) chat.Reply {
	if e.Kind != chat.Click {
		return chat.Reply{}
	}
	say := i18n.In(e.Locale)
	return card(say(words.SayTitle), chat.Widget{Text: say(words.SayText)})
}
