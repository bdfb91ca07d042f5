package spaces

import (
	"cmp"
	"context"

	chatapi "google.golang.org/api/chat/v1"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/words"
)

// maxMessage is Chat's limit for a message, in bytes (Chat API reference: cards).
const maxMessage = 32_000

// chatMarkup is the syntax of a message that names none: Chat's own. Without a syntax, Google applies the app's
// setting, which is Markdown for new apps.
const chatMarkup = "MARKUP_SYNTAX_CHAT"

// PostedMessage is a message in a space.
type PostedMessage struct {
	Name string `json:"name"` // spaces/.../messages/...
	Text string `json:"text"` // of the first message with the same key
	// Thread is spaces/.../threads/...; empty if Google doesn't say.
	Thread  string `json:"thread,omitempty"`
	Meeting string `json:"meeting,omitempty"` // address of the meeting that was created for it
}

// Message is a text to post.
type Message struct {
	Space  resource.SpaceName
	Thread string // spaces/{id}/threads/{id} of the same space; empty for a new one
	Text   string
	Markup string `json:",omitempty"` // MARKUP_SYNTAX_CHAT or MARKUP_SYNTAX_MARKDOWN; empty for Chat's own
}

// PostMessage posts a text as a person. The same person and key post once: a repetition
// returns the existing message with its text.
func (s *Spaces) PostMessage(ctx context.Context, person resource.Person, key resource.Key, m Message) (PostedMessage,
	error,
) {
	if len(m.Text) > maxMessage {
		return PostedMessage{}, fault.New(fault.Invalid, words.ErrorMessageTooLong)
	}
	id, err := requestID(s.keys, "say", string(person), string(key), string(m.Space), m.Thread)
	if err != nil {
		return PostedMessage{}, fault.Wrap("spaces.PostMessage", err)
	}
	message := &chatapi.Message{Text: m.Text, MarkupSyntax: cmp.Or(m.Markup, chatMarkup)}
	call := s.api.Spaces.Messages.Create(string(m.Space), message).RequestId(id)
	if m.Thread != "" {
		message.Thread = &chatapi.Thread{Name: m.Thread}
		call.MessageReplyOption("REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD")
	}
	posted, err := do(ctx, s, person, call, capability.PostMessages)
	if err != nil {
		return PostedMessage{}, fault.Wrap("spaces.PostMessage", err)
	}
	out := PostedMessage{Name: posted.Name, Text: posted.Text}
	if posted.Thread != nil {
		out.Thread = posted.Thread.Name
	}
	return out, nil
}
