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

// chatTexts holds the texts for failed calls to the Chat API (Chat API reference: spaces).
var chatTexts = googlecall.ErrorTexts{
	NoResponse: words.ErrorChatSilent, ServerError: words.ErrorChatInternal, RateLimited: words.ErrorChatBusy,
	Forbidden: words.ErrorChatDenied,
	Conflict:  i18n.InternalError, NotFound: words.ErrorSpaceNotFound, BadRequest: words.ErrorChatRejected,
	TurnedOff: words.ErrorChatTurnedOff, NotSetUp: words.ErrorChatNotSetUp, NotSetUpMarker: "Chat app not found",
}

// do makes a call as a person who needs these capabilities; see Capabilities for useAdminAccess.
func do[T any, C googlecall.Call[C, T]](
	ctx context.Context, s *Spaces, person resource.Person, call C, needed ...capability.Capability,
) (T, error) {
	needs, err := s.Capabilities(needed...)
	if err != nil {
		var none T
		return none, err
	}
	return googlecall.Do(ctx, chatTexts, googlecall.Target{Actor: s.auth, Person: person, Capabilities: needs}, call)
}

// withTakenName names the taken name in a Conflict.
func withTakenName(name string, err error) error {
	if err != nil && name != "" && fault.KindOf(err) == fault.Conflict {
		return &fault.Error{
			Op: "spaces", Kind: fault.Conflict, Public: words.ErrorNameTaken, Args: []any{name},
			Err: err,
		}
	}
	return err
}
