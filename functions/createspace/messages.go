package createspace

import (
	"context"
	"strings"

	"example.com/deputy/shared/api"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/text"
)

var errEmptyText = invalid(i18n.English("text must not be empty."))

func (s server) CreateMessage(
	ctx context.Context, in api.CreateMessageRequestObject,
) (api.CreateMessageResponseObject, error) {
	b := in.Body
	m := spaces.Message{Space: spaceName(in.Space), Thread: api.Value(b.Thread), Text: text.Clean(b.Text)}
	switch {
	case m.Text == "":
		return nil, errEmptyText
	case m.Thread != "" && !strings.HasPrefix(m.Thread, string(m.Space)+"/threads/"):
		return nil, invalid(i18n.English("thread must belong to this space: spaces/%s/threads/{thread}."), in.Space)
	}
	c := newCall(ctx, b.ActAs, b.Authority, in.Params.IdempotencyKey)
	posted, err := s.Operations.CreateMessage(ctx, c, m)
	return api.CreateMessage201JSONResponse(apiMessage(posted)), err
}

func (s server) UpdateMessage(
	ctx context.Context, in api.UpdateMessageRequestObject,
) (api.UpdateMessageResponseObject, error) {
	m := spaces.Message{Space: spaceName(in.Space), Text: text.Clean(in.Body.Text)}
	if m.Text == "" {
		return nil, errEmptyText
	}
	c := newCall(ctx, in.Body.ActAs, in.Body.Authority, in.Params.IdempotencyKey)
	edited, err := s.Operations.UpdateMessage(ctx, c, in.Message, m)
	return api.UpdateMessage200JSONResponse(apiMessage(edited)), err
}

func (s server) DeleteMessage(
	ctx context.Context, in api.DeleteMessageRequestObject,
) (api.DeleteMessageResponseObject, error) {
	c := newCall(ctx, in.Params.ActAs, in.Params.Authority, in.Params.IdempotencyKey)
	return api.DeleteMessage204Response{}, s.Operations.DeleteMessage(ctx, c, spaceName(in.Space), in.Message)
}

func (s server) CreateMeeting(
	ctx context.Context, in api.CreateMeetingRequestObject,
) (api.CreateMeetingResponseObject, error) {
	m := spaces.Message{Space: spaceName(in.Space), Text: text.Clean(api.Value(in.Body.Text))}
	c := newCall(ctx, in.Body.ActAs, in.Body.Authority, in.Params.IdempotencyKey)
	posted, err := s.Operations.CreateMeeting(ctx, c, m, i18n.In("en"))
	return api.CreateMeeting201JSONResponse(apiMessage(posted)), err
}

func apiMessage(m spaces.PostedMessage) api.Message {
	return api.Message{Name: m.Name, Text: m.Text, Thread: api.Some(m.Thread), Meeting: api.Some(m.Meeting)}
}
