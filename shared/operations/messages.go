package operations

import (
	"context"
	"strings"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/words"
)

// CreateMessage posts a text as a person.
func (o *Operations) CreateMessage(ctx context.Context, c Call, m spaces.Message) (spaces.Posted, error) {
	op := operation{name: "createMessage", actions: only(callers.CreateMessages), space: m.Space, needs: []capability.Capability{capability.PostMessages}}
	return run(ctx, o, c, op, m, func(who actor) (spaces.Posted, done, error) {
		posted, err := who.spaces.Say(ctx, who.person, who.key, m)
		return posted, done{made: posted.Name}, err
	})
}

// CreateMeeting opens a Meet room and posts its address behind the text of a
// message. say is the language of the post. The API of Meet has no key, so the
// room is kept before it is posted: a repetition names the same.
func (o *Operations) CreateMeeting(ctx context.Context, c Call, m spaces.Message, say i18n.Say) (spaces.Posted, error) {
	needs := []capability.Capability{capability.Meet, capability.PostMessages}
	op := operation{name: "createMeeting", actions: []string{callers.CreateMeetings, callers.CreateMessages}, space: m.Space, needs: needs, once: true}
	return run(ctx, o, c, op, m, func(who actor) (spaces.Posted, done, error) {
		room, err := who.meetings.RoomOnce(ctx, who.person, who.try, capability.PostMessages)
		if err != nil {
			return spaces.Posted{}, done{}, err
		}
		said := m
		said.Text = strings.TrimSpace(m.Text + " " + say(words.MeetMessage, room))
		posted, err := who.spaces.Say(ctx, who.person, who.key, said)
		return posted, done{made: posted.Name}, err
	})
}
