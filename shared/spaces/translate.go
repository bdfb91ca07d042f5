package spaces

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"google.golang.org/api/googleapi"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/words"
)

// translate turns an error of the Chat API into a fault (chat-protocol.md 6.6).
// name is that of the space, if one is made.
func translate(op string, err error, name string) error {
	if err == nil {
		return nil
	}
	e, ok := errors.AsType[*googleapi.Error](err)
	if !ok {
		return &fault.Error{Op: op, Kind: fault.Unavailable, Public: words.ChatSilent, Err: err}
	}
	status, reason := statusOf(e)
	// Google's message stays out of it: it may quote what the person typed.
	f := &fault.Error{Op: op, Err: fmt.Errorf("%d %s %s", e.Code, status, reason)}
	switch {
	case status == "ALREADY_EXISTS":
		f.Kind, f.Public, f.Args = fault.Conflict, words.NameTaken, []any{name}
	case e.Code == http.StatusUnauthorized:
		f.Kind, f.Err = fault.NeedsConsent, errToken
	case reason == "ACCESS_TOKEN_SCOPE_INSUFFICIENT":
		f.Kind, f.Err = fault.NeedsConsent, errScope
	case e.Code == http.StatusForbidden:
		f.Kind, f.Public = fault.Denied, words.ChatForbids
	case e.Code == http.StatusNotFound && strings.Contains(e.Message, "Chat app not found"):
		f.Kind, f.Public = fault.Unavailable, words.ChatNotSetUp
	case e.Code == http.StatusNotFound:
		f.Kind, f.Public = fault.NotFound, words.SpaceNotFound
	case e.Code == http.StatusTooManyRequests:
		f.Kind, f.Public = fault.RateLimited, words.ChatBusy
	case e.Code == http.StatusBadRequest:
		f.Kind, f.Public, f.Args = fault.Invalid, words.ChatRefuses, []any{e.Message}
	case e.Code >= http.StatusInternalServerError, status == "ABORTED":
		f.Kind, f.Public = fault.Unavailable, words.ChatBroken
	}
	return f
}

// What Google finds wrong with a token, for errors.Is.
var (
	errToken = errors.New("401: the token is not accepted")
	errScope = errors.New("403: the token lacks a scope")
)

// statusOf is the canonical name of the error, which tells a taken name from
// the other causes of 409, and the reason in its details, if there is one.
func statusOf(e *googleapi.Error) (status, reason string) {
	var body struct {
		Error struct {
			Status  string `json:"status"`
			Details []struct {
				Reason string `json:"reason"`
			} `json:"details"`
		} `json:"error"`
	}
	_ = json.Unmarshal([]byte(e.Body), &body) // not JSON: no status
	for _, d := range body.Error.Details {
		reason = d.Reason
	}
	return body.Error.Status, reason
}
