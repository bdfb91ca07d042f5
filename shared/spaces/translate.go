package spaces

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"google.golang.org/api/googleapi"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/userauth"
	"example.com/deputy/shared/words"
)

// NotSetUp stands in the log when Google knows of no Chat app in the project.
const NotSetUp = "chat_app_not_found"

// translate turns an error of the Chat API into a fault (chat-protocol.md 6.6).
// name is the one that a space is given, if it is given one.
func translate(op string, err error, name string) error {
	if err == nil {
		return nil
	}
	e, ok := errors.AsType[*googleapi.Error](err)
	if !ok {
		return &fault.Error{Op: op, Kind: fault.Unavailable, Public: words.ChatSilent, Err: err}
	}
	said := googlecall.Read(e)
	// Google's message stays out of it: it may quote what the person typed.
	f := &fault.Error{Op: op, Err: fmt.Errorf("%d %s %s", said.Code, said.Status, said.Reason)}
	switch {
	case said.Status == "ALREADY_EXISTS" && name != "":
		f.Kind, f.Public, f.Args = fault.Conflict, words.NameTaken, []any{name}
	case said.Status == "ALREADY_EXISTS":
		f.Kind = fault.Conflict
	case e.Code == http.StatusUnauthorized:
		f.Kind, f.Err = fault.NeedsConsent, userauth.ErrToken
	case said.Reason == "ACCESS_TOKEN_SCOPE_INSUFFICIENT":
		f.Kind, f.Err = fault.NeedsConsent, userauth.ErrScope
	case said.Busy():
		f.Kind, f.Public = fault.RateLimited, words.ChatBusy
	case e.Code == http.StatusForbidden:
		f.Kind, f.Public = fault.Denied, words.ChatForbids
	case e.Code == http.StatusNotFound && strings.Contains(e.Message, "Chat app not found"):
		f.Kind, f.Public = fault.Unavailable, words.ChatNotSetUp
		f.Err = fmt.Errorf("%d %s: %s", said.Code, said.Status, NotSetUp)
	case e.Code == http.StatusNotFound:
		f.Kind, f.Public = fault.NotFound, words.SpaceNotFound
	case e.Code == http.StatusBadRequest:
		f.Kind, f.Public, f.Args = fault.Invalid, words.ChatRefuses, []any{e.Message}
	case e.Code >= http.StatusInternalServerError, said.Status == "ABORTED":
		f.Kind, f.Public = fault.Unavailable, words.ChatBroken
	}
	return f
}
