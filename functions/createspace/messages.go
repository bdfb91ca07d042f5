package createspace

import (
	"context"
	"strings"

	"example.com/deputy/functions/createspace/api"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/userauth"
	"example.com/deputy/shared/words"
)

// CreateMessage posts a text as a person.
func (f function) CreateMessage(ctx context.Context, in api.CreateMessageRequestObject) (api.CreateMessageResponseObject, error) {
	text, thread := strings.TrimSpace(in.Body.Text), value(in.Body.Thread)
	switch {
	case text == "":
		return nil, invalid(words.English("text must not be empty."))
	case thread != "" && !strings.HasPrefix(thread, "spaces/"+in.Space+"/threads/"):
		return nil, invalid(words.English("thread must be one of this space: spaces/%s/threads/{thread}."), in.Space)
	}
	a := act{callers.CreateMessages, in.Body.ActAs, "spaces/" + in.Space, in.Params.IdempotencyKey, []userauth.Capability{userauth.PostMessages}}
	return as(ctx, f, a, in.Body, func(person, source string) (api.CreateMessage201JSONResponse, string, error) {
		posted, err := f.Spaces.Say(ctx, person, source, a.space, thread, text)
		return api.CreateMessage201JSONResponse{Name: posted.Name, Text: posted.Text}, posted.Name, err
	})
}

// CreateMeeting opens a Meet room and tells of it. The API of Meet has no key:
// repeated, it opens another, and the message stays the first.
func (f function) CreateMeeting(ctx context.Context, in api.CreateMeetingRequestObject) (api.CreateMeetingResponseObject, error) {
	needs := []userauth.Capability{userauth.Meet, userauth.PostMessages}
	a := act{callers.CreateMeetings, in.Body.ActAs, "spaces/" + in.Space, in.Params.IdempotencyKey, needs}
	return as(ctx, f, a, in.Body, func(person, source string) (api.CreateMeeting201JSONResponse, string, error) {
		room, err := f.Meetings.Room(ctx, person, userauth.PostMessages)
		if err != nil {
			return api.CreateMeeting201JSONResponse{}, "", err
		}
		text := strings.TrimSpace(strings.TrimSpace(value(in.Body.Text)) + " " + words.In("en")(words.MeetSaid, room))
		posted, err := f.Spaces.Say(ctx, person, source, a.space, "", text)
		return api.CreateMeeting201JSONResponse{Name: posted.Name, Text: posted.Text}, posted.Name, err
	})
}
