package createspace

import (
	"context"
	"strings"

	"example.com/deputy/shared/api"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/spaces"
)

// CreateMessage posts a text as a person.
func (f function) CreateMessage(ctx context.Context, in api.CreateMessageRequestObject) (api.CreateMessageResponseObject, error) {
	m := spaces.Message{Space: spaceIn(in.Space), Thread: api.Value(in.Body.Thread), Text: strings.TrimSpace(in.Body.Text)}
	switch {
	case m.Text == "":
		return nil, invalid(i18n.English("text must not be empty."))
	case m.Thread != "" && !strings.HasPrefix(m.Thread, string(m.Space)+"/threads/"):
		return nil, invalid(i18n.English("thread must be one of this space: spaces/%s/threads/{thread}."), in.Space)
	}
	posted, err := f.Operations.CreateMessage(ctx, call(ctx, in.Body.ActAs, in.Body.Authority, in.Params.IdempotencyKey), m)
	return api.CreateMessage201JSONResponse{Name: posted.Name, Text: posted.Text}, err
}

// CreateMeeting opens a Meet room and posts its address.
func (f function) CreateMeeting(ctx context.Context, in api.CreateMeetingRequestObject) (api.CreateMeetingResponseObject, error) {
	m := spaces.Message{Space: spaceIn(in.Space), Text: strings.TrimSpace(api.Value(in.Body.Text))}
	posted, err := f.Operations.CreateMeeting(ctx, call(ctx, in.Body.ActAs, in.Body.Authority, in.Params.IdempotencyKey), m, i18n.In("en"))
	return api.CreateMeeting201JSONResponse{Name: posted.Name, Text: posted.Text}, err
}
