package chatevent

import (
	"context"
	"log/slog"

	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/words"
)

// meet opens a Meet room and tells of it as the person, where it was typed. In
// the direct message with the app there is nobody to tell: a card has it.
func meet(ctx context.Context, f function, e chat.Event, i invocation) (chat.Reply, error) {
	say := i18n.In(e.Locale)
	if e.Space.Direct {
		room, err := f.Meetings.Room(ctx, e.Person.Name)
		if err != nil {
			return chat.Reply{}, err
		}
		f.Log.InfoContext(ctx, "audit", slog.String("act", "meet"), slog.String("authority", "user"))
		join := chat.Button{Text: say(words.ButtonJoin), Link: config.NewSecret(room), Strong: true}
		return card(say(words.MeetTitle), chat.Widget{Text: say(words.MeetText)}, buttons(join)), nil
	}
	_, err := f.Operations.CreateMeeting(ctx, operations.Self(e.Person.Name, i.Source), spaces.Message{Space: e.Space.Name, Thread: i.Thread, Text: i.Args}, say)
	if err != nil {
		return chat.Reply{}, err
	}
	return told(e), nil
}
