package spaces

import (
	"context"

	chatapi "google.golang.org/api/chat/v1"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/words"
)

// maxMessage is Chat's limit for a message, in bytes (chat-protocol.md 5).
const maxMessage = 32_000

// chatMarkup is the syntax that every message names: Chat's own, in which people
// type. Without it, the app's setting would decide, which is Markdown for new
// apps.
const chatMarkup = "MARKUP_SYNTAX_CHAT"

// Posted is a message that stands in a space.
type Posted struct {
	Name string // spaces/.../messages/...
	Text string // of the first that came with the same source
}

// Say posts a text as a person into a space, in a thread if one is named
// (spaces/.../threads/...). The same person and source post once: a repetition
// gives the message there is, with its own text.
func (s *Spaces) Say(ctx context.Context, person, source, space, thread, text string) (Posted, error) {
	if len(text) > maxMessage {
		return Posted{}, fault.New(fault.Invalid, words.SayTooLong)
	}
	id, err := requestID(s.keys, "say", person, source, space, thread)
	if err != nil {
		return Posted{}, fault.Wrap("spaces.Say", err)
	}
	message := &chatapi.Message{Text: text, MarkupSyntax: chatMarkup}
	call := s.api.Spaces.Messages.Create(space, message).RequestId(id)
	if thread != "" {
		message.Thread = &chatapi.Thread{Name: thread}
		call.MessageReplyOption("REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD")
	}
	posted, err := do(ctx, s, person, call, capability.PostMessages)
	if err != nil {
		return Posted{}, fault.Wrap("spaces.Say", err)
	}
	return Posted{posted.Name, posted.Text}, nil
}
