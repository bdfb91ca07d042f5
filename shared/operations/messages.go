package operations

import (
	"context"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/text"
	"example.com/deputy/shared/words"
)

// CreateMessage posts a text as a person.
func (o *Operations) CreateMessage(ctx context.Context, c Call, m spaces.Message) (spaces.PostedMessage, error) {
	needs := []capability.Capability{capability.PostMessages}
	op := operation{name: "createMessage", actions: []string{callers.CreateMessages}, space: m.Space, needs: needs}
	return run(ctx, o, c, op, m, func(a actor) (spaces.PostedMessage, error) {
		return a.postMessage(ctx, m)
	})
}

// CreateMeeting creates a Meet room and posts the text of m with the room's address.
// say gives the language of the post. The Meet API accepts no idempotency key, so
// the address is saved before it is posted: a repetition posts the same room.
func (o *Operations) CreateMeeting(ctx context.Context, c Call, m spaces.Message, say i18n.Say) (spaces.PostedMessage,
	error,
) {
	needs := []capability.Capability{capability.Meet, capability.PostMessages}
	actions := []string{callers.CreateMeetings, callers.CreateMessages}
	op := operation{name: "createMeeting", actions: actions, space: m.Space, needs: needs, alwaysRecord: true}
	return run(ctx, o, c, op, m, func(a actor) (spaces.PostedMessage, error) {
		room, err := a.meetings.CreateRoomOnce(ctx, a.person, a.attempt, capability.PostMessages)
		if err != nil {
			return spaces.PostedMessage{}, err
		}
		post := m
		post.Text = text.Clean(m.Text + " " + say(words.MeetMessage, room))
		posted, err := a.postMessage(ctx, post)
		posted.Meeting = room
		return posted, err
	})
}

// UpdateMessage replaces the text of a message that Deputy posted as the person.
func (o *Operations) UpdateMessage(
	ctx context.Context, c Call, id string, m spaces.Message,
) (spaces.PostedMessage, error) {
	needs := []capability.Capability{capability.EditMessages}
	op := operation{name: "updateMessage", actions: []string{callers.UpdateMessages}, space: m.Space, needs: needs}
	return run(ctx, o, c, op, []any{id, m}, func(a actor) (spaces.PostedMessage, error) {
		return a.spaces.EditMessage(ctx, a.person, id, m)
	})
}

// DeleteMessage deletes a message that Deputy posted as the person.
func (o *Operations) DeleteMessage(ctx context.Context, c Call, space resource.SpaceName, id string) error {
	needs := []capability.Capability{capability.EditMessages}
	op := operation{name: "deleteMessage", actions: []string{callers.DeleteMessages}, space: space, needs: needs}
	_, err := run(ctx, o, c, op, id, func(a actor) (struct{}, error) {
		return struct{}{}, a.spaces.DeleteMessage(ctx, a.person, space, id)
	})
	return err
}

func (a actor) postMessage(ctx context.Context, m spaces.Message) (spaces.PostedMessage, error) {
	posted, err := a.spaces.PostMessage(ctx, a.person, a.key, m)
	a.done.created = posted.Name
	return posted, err
}
