package createspace

import (
	"context"
	"regexp"
	"strings"
	"unicode/utf8"

	"example.com/deputy/shared/api"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/words"
)

// CreateMessage posts a text as a person.
func (f function) CreateMessage(ctx context.Context, in api.CreateMessageRequestObject) (api.CreateMessageResponseObject, error) {
	text, thread := strings.TrimSpace(in.Body.Text), value(in.Body.Thread)
	switch {
	case thread != "" && !threadName.MatchString(thread):
		return nil, invalid(words.English("thread must be spaces/{space}/threads/{thread}."))
	case text == "":
		return nil, invalid(words.English("text must not be empty."))
	case thread != "" && !strings.HasPrefix(thread, "spaces/"+in.Space+"/threads/"):
		return nil, invalid(words.English("thread must be one of this space: spaces/%s/threads/{thread}."), in.Space)
	}
	a := act{only(callers.CreateMessages), in.Body.ActAs, by(in.Body.Authority), "spaces/" + in.Space, in.Params.IdempotencyKey, []capability.Capability{capability.PostMessages}}
	return final(as(ctx, f, a, in.Body, func(who actor) (api.CreateMessage201JSONResponse, done, error) {
		posted, err := who.spaces.Say(ctx, who.person, who.source, a.space, thread, text)
		return api.CreateMessage201JSONResponse{Name: posted.Name, Text: posted.Text}, done{made: posted.Name}, err
	}))
}

var threadName = regexp.MustCompile(`^spaces/[A-Za-z0-9_-]{1,64}/threads/[A-Za-z0-9_.-]{1,128}$`)

// maxText is how many characters a text beside something else may have.
const maxText = 4_000

// CreateMeeting opens a Meet room and posts its address. The API of Meet has no
// key, so the room is kept before it is posted: a repetition names the same.
func (f function) CreateMeeting(ctx context.Context, in api.CreateMeetingRequestObject) (api.CreateMeetingResponseObject, error) {
	if utf8.RuneCountInString(value(in.Body.Text)) > maxText {
		return nil, invalid(words.English("text has more than %d characters."), maxText)
	}
	needs := []capability.Capability{capability.Meet, capability.PostMessages}
	a := act{[]string{callers.CreateMeetings, callers.CreateMessages}, in.Body.ActAs, by(in.Body.Authority), "spaces/" + in.Space, in.Params.IdempotencyKey, needs}
	return final(as(ctx, f, a, in.Body, func(who actor) (api.CreateMeeting201JSONResponse, done, error) {
		room, err := who.meetings.RoomOnce(ctx, who.person, who.try, capability.PostMessages)
		if err != nil {
			return api.CreateMeeting201JSONResponse{}, done{}, err
		}
		text := strings.TrimSpace(strings.TrimSpace(value(in.Body.Text)) + " " + words.In("en")(words.MeetSaid, room))
		posted, err := who.spaces.Say(ctx, who.person, who.source, a.space, "", text)
		return api.CreateMeeting201JSONResponse{Name: posted.Name, Text: posted.Text}, done{made: posted.Name}, err
	}))
}
