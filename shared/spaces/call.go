package spaces

import (
	"context"

	"google.golang.org/api/googleapi"

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

// do makes a call as a person who needs these capabilities, with useAdminAccess if s uses it.
func do[T any, C googlecall.Call[C, T]](
	ctx context.Context, s *Spaces, person resource.Person, call C, needed ...capability.Capability,
) (T, error) {
	return doWith(ctx, s, chatTexts, person, call, needed...)
}

func doWith[T any, C googlecall.Call[C, T]](
	ctx context.Context, s *Spaces, texts googlecall.ErrorTexts, person resource.Person, call C,
	needed ...capability.Capability,
) (none T, _ error) {
	needs, err := s.Capabilities(needed...)
	if err != nil {
		return none, err
	}
	var options []googleapi.CallOption
	if s.admin && needed[0] != capability.ResolveGroups { // which is not a call to Chat
		options = append(options, googleapi.QueryParameter("useAdminAccess", "true"))
	}
	target := googlecall.Target{Actor: s.auth, Person: person, Capabilities: needs}
	return googlecall.Do(ctx, texts, target, call, options...)
}

// pages returns a fetch of the pages of a list call. read returns the items of a response and its next token.
func pages[T, R any, C interface {
	googlecall.Call[C, R]
	PageSize(size int64) C
	PageToken(token string) C
}](
	ctx context.Context, s *Spaces, person resource.Person, call C, read func(R) googlecall.Page[T],
	needed ...capability.Capability,
) googlecall.Fetch[T] {
	return func(size int64, token string) (none googlecall.Page[T], _ error) {
		if token != "" {
			call.PageToken(token)
		}
		res, err := do(ctx, s, person, call.PageSize(size), needed...)
		if err != nil {
			return none, err
		}
		return read(res), nil
	}
}

// withTakenName names the taken name in a Conflict.
func withTakenName(name string, err error) error {
	if err != nil && name != "" && fault.KindOf(err) == fault.Conflict {
		return &fault.Error{
			Op: "spaces", Kind: fault.Conflict, Public: words.ErrorNameTaken, Args: []any{name}, Err: err,
		}
	}
	return err
}
