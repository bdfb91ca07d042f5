package chatevent

import (
	"context"
	"log/slog"

	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/words"
)

// meet creates a Meet room and posts its link as the person. In the direct message with the app, a card shows the link.
func meet(ctx context.Context, v *view, i invocation) (chat.Reply, error) {
	if v.event.Space.Direct {
		room, err := v.Meetings.CreateRoom(ctx, v.event.Person.Name)
		if err != nil {
			return chat.Reply{}, err
		}
		v.Log.InfoContext(ctx, "audit", slog.String("action", "meet"), slog.String("authority", "user"))
		v.text(words.MeetText)
		v.row(chat.Button{Text: v.say(words.ButtonJoin), Link: config.NewSecret(room), Primary: true})
		return v.reply(words.MeetTitle)
	}
	message := spaces.Message{Space: v.event.Space.Name, Thread: i.Thread, Text: i.Args, Markup: i.Markup}
	_, err := v.Operations.CreateMeeting(ctx, operations.Self(v.event.Person.Name, i.Key), message, v.say)
	if err != nil {
		return chat.Reply{}, err
	}
	return v.postedReply()
}
