package spaces

import (
	"context"

	"golang.org/x/oauth2"
	chatapi "google.golang.org/api/chat/v1"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/userauth"
	"example.com/deputy/shared/words"
)

// maxMessage is Chat's limit for a message, in bytes (chat-protocol.md 5).
const maxMessage = 32_000

// Say posts a text as a person into a space, in a thread if one is named
// (spaces/.../threads/...). The same person, source and text post once. It
// gives the message's resource name.
func (s *Spaces) Say(ctx context.Context, person, source, space, thread, text string) (string, error) {
	if len(text) > maxMessage {
		return "", fault.New(fault.Invalid, words.SayTooLong)
	}
	id, err := requestID(s.keys, "say", person, source, space, thread, text)
	if err != nil {
		return "", fault.Wrap("spaces.Say", err)
	}
	message := &chatapi.Message{Text: text}
	call := s.api.Spaces.Messages.Create(space, message).RequestId(id)
	if thread != "" {
		message.Thread = &chatapi.Thread{Name: thread}
		call.MessageReplyOption("REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD")
	}
	var posted *chatapi.Message
	needed := []userauth.Capability{userauth.PostMessages}
	err = s.as(ctx, person, needed, userauth.PostMessages, func(token oauth2.TokenSource) error {
		if err := authorize(call.Header(), token); err != nil {
			return err
		}
		err := repeat(ctx, func(ctx context.Context) (err error) {
			posted, err = call.Context(ctx).Do()
			return err
		})
		return translate("spaces.messages.create", err, "")
	})
	if err != nil {
		return "", fault.Wrap("spaces.Say", err)
	}
	return posted.Name, nil
}
