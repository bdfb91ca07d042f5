package spaces

import (
	"context"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/words"
)

// chatAPI is what a person reads when a call of the Chat API fails
// (chat-protocol.md 6.6).
var chatAPI = googlecall.API{
	Silent: words.ErrorChatSilent, Broken: words.ErrorChatInternal, Busy: words.ErrorChatBusy, Forbids: words.ErrorChatDenied, Exists: i18n.Surprise, Missing: words.ErrorSpaceNotFound, Refuses: words.ErrorChatRejected,
	Unready: words.ErrorChatNotSetUp, UnreadyMark: "Chat app not found",
}

// do makes a call as a person, by the capabilities that it takes; by an
// administrator's right, by those that this takes in their place.
func do[T any, C googlecall.Call[C, T]](ctx context.Context, s *Spaces, person resource.Person, call C, takes ...capability.Capability) (T, error) {
	needs, err := s.Needs(takes...)
	if err != nil {
		var none T
		return none, err
	}
	return googlecall.Do(ctx, chatAPI, googlecall.As{Actor: s.auth, Person: person, Needs: needs}, call)
}

// named tells which name is taken, if that is why an error is a Conflict.
func named(name string, err error) error {
	if err != nil && name != "" && fault.KindOf(err) == fault.Conflict {
		return &fault.Error{Op: "spaces", Kind: fault.Conflict, Public: words.ErrorNameTaken, Args: []any{name}, Err: err}
	}
	return err
}
