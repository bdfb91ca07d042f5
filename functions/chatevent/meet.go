package chatevent

import (
	"context"
	"log/slog"
	"strings"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/words"
)

// meet opens a Meet room and tells of it as the person, where it was typed. In
// the direct message with the app there is nobody to tell: a card has it.
func meet(ctx context.Context, f function, e chat.Event, i invocation) (chat.Reply, error) {
	say := words.In(e.Locale)
	if e.Space.Direct {
		room, err := f.Meetings.Room(ctx, e.Person.Name)
		if err != nil {
			return chat.Reply{}, err
		}
		f.Log.InfoContext(ctx, "audit", slog.String("act", "meet"), slog.String("authority", "user"))
		join := chat.Button{Text: say(words.Join), Link: config.NewSecret(room), Strong: true}
		return card(say(words.MeetRoom), chat.Widget{Text: say(words.MeetHere)}, buttons(join)), nil
	}
	// Chat may send an event again, and Meet has no key for a room: the first
	// one is kept before it is posted.
	q := operations.Request{ID: operations.Digest("chat", "meet", e.Person.Name, e.Space.Name, i.Source), Caller: "chat", Person: e.Person.Name, Hash: operations.Digest(i.Args)}
	made, _, err := f.Operations.Once(ctx, q, func(try operations.Try) ([]byte, bool, error) {
		room, err := f.Meetings.RoomOnce(ctx, e.Person.Name, try, capability.PostMessages)
		if err != nil {
			return nil, false, err
		}
		text := strings.TrimSpace(i.Args + " " + say(words.MeetSaid, room))
		posted, err := f.Spaces.Say(ctx, e.Person.Name, i.Source, e.Space.Name, i.Thread, text)
		return []byte(posted.Name), true, err
	})
	if err != nil {
		return chat.Reply{}, err
	}
	f.Log.InfoContext(ctx, "audit", slog.String("act", "meet"), slog.String("authority", "user"), slog.String("made", string(made)))
	return told(e), nil
}
