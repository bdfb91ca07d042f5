package spaces

import (
	"cmp"
	"context"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"strings"

	chatapi "google.golang.org/api/chat/v1"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
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
	own, err := s.messageID(m.Space, strings.ReplaceAll(id, "-", "")[:messageKey])
	if err != nil {
		return PostedMessage{}, err
	}
	message := &chatapi.Message{Text: m.Text, MarkupSyntax: cmp.Or(m.Markup, chatMarkup)}
	call := s.api.Spaces.Messages.Create(string(m.Space), message).RequestId(id).MessageId(own)
	if m.Thread != "" {
		message.Thread = &chatapi.Thread{Name: m.Thread}
		call.MessageReplyOption("REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD")
	}
	posted, err := do(ctx, s, person, call, capability.PostMessages)
	if err != nil {
		return PostedMessage{}, fault.Wrap("spaces.PostMessage", err)
	}
	out := PostedMessage{Name: string(m.Space) + "/messages/" + own, Text: posted.Text}
	if posted.Thread != nil {
		out.Thread = posted.Thread.Name
	}
	return out, nil
}

// messageKey is the length of a message's key in its ID.
const messageKey = 24

// messageID returns the ID that Deputy gives the message with this key in a space (clientAssignedMessageId). Its end
// proves that Deputy posted it: nobody else has the keys.
func (s *Spaces) messageID(space resource.SpaceName, key string) (string, error) {
	proof, err := s.keys.MAC("message", string(space), key)
	if err != nil {
		return "", fault.Wrap("spaces.messageID", err)
	}
	return "client-" + key + "-" + hex.EncodeToString(proof[:messageKey/2]), nil
}

// checkPosted returns a Denied fault unless Deputy posted the message with this ID in the space.
func (s *Spaces) checkPosted(space resource.SpaceName, id string) error {
	key, _, _ := strings.Cut(strings.TrimPrefix(id, "client-"), "-")
	own, err := s.messageID(space, key)
	if err == nil && subtle.ConstantTimeCompare([]byte(own), []byte(id)) != 1 {
		err = &fault.Error{
			Op: "spaces.checkPosted", Kind: fault.Denied, Err: errors.New("not posted by Deputy"),
			Public: i18n.English("Deputy can change only the messages that it posted. Use the name from its answer."),
		}
	}
	return err
}

// EditMessage replaces the text of a message that Deputy posted in m.Space as the person.
func (s *Spaces) EditMessage(ctx context.Context, person resource.Person, id string, m Message) (PostedMessage, error) {
	if len(m.Text) > maxMessage {
		return PostedMessage{}, fault.New(fault.Invalid, words.ErrorMessageTooLong)
	}
	if err := s.checkPosted(m.Space, id); err != nil {
		return PostedMessage{}, err
	}
	name := string(m.Space) + "/messages/" + id
	change := &chatapi.Message{Text: m.Text, MarkupSyntax: cmp.Or(m.Markup, chatMarkup)}
	edited, err := do(ctx, s, person, s.api.Spaces.Messages.Patch(name, change).UpdateMask("text"),
		capability.EditMessages)
	if err != nil {
		return PostedMessage{}, fault.Wrap("spaces.EditMessage", goneMessage(err))
	}
	return PostedMessage{Name: name, Text: edited.Text}, nil
}

// DeleteMessage deletes a message that Deputy posted in a space as the person.
func (s *Spaces) DeleteMessage(
	ctx context.Context, person resource.Person, space resource.SpaceName, id string,
) error {
	err := s.checkPosted(space, id)
	if err == nil {
		call := s.api.Spaces.Messages.Delete(string(space) + "/messages/" + id)
		_, err = do(ctx, s, person, call, capability.EditMessages)
	}
	return fault.Wrap("spaces.DeleteMessage", goneMessage(err))
}

// goneMessage names the message in an error of Google's that finds nothing.
func goneMessage(err error) error {
	if err == nil || fault.KindOf(err) != fault.NotFound {
		return err
	}
	return &fault.Error{
		Op: "spaces.goneMessage", Kind: fault.NotFound, Err: err,
		Public: i18n.English("This message was deleted, or the person is no longer in the space."),
	}
}
