package spaces

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"google.golang.org/api/googleapi"

	"example.com/deputy/shared/fault"
)

// translate turns an error of the Chat API into a fault (chat-protocol.md 6.6).
// taken is what to say when the name is there already.
func translate(op string, err error, taken string) error {
	e, ok := errors.AsType[*googleapi.Error](err)
	if !ok {
		return &fault.Error{Op: op, Kind: fault.Unavailable, Public: "Google Chat did not answer in time. Please try again.", Err: err}
	}
	status, reason := statusOf(e)
	// Google's message stays out of it: it may quote what the person typed.
	f := &fault.Error{Op: op, Err: fmt.Errorf("%d %s %s", e.Code, status, reason)}
	switch {
	case status == "ALREADY_EXISTS":
		f.Kind, f.Public = fault.Conflict, taken
	case e.Code == http.StatusUnauthorized:
		f.Kind, f.Err = fault.NeedsConsent, errToken
	case reason == "ACCESS_TOKEN_SCOPE_INSUFFICIENT":
		f.Kind, f.Err = fault.NeedsConsent, errScope
	case e.Code == http.StatusForbidden:
		f.Kind, f.Public = fault.Denied, "Google Chat does not allow you this. Your administrator may have restricted the app or the making of spaces."
	case e.Code == http.StatusNotFound && strings.Contains(e.Message, "Chat app not found"):
		f.Kind, f.Public = fault.Unavailable, "Deputy is not set up completely at Google: its Chat API configuration is missing. Please tell your administrator."
	case e.Code == http.StatusNotFound:
		f.Kind, f.Public = fault.NotFound, "Google Chat does not find that space, or does not show it to you."
	case e.Code == http.StatusTooManyRequests:
		f.Kind, f.Public = fault.RateLimited, "Google Chat takes no more requests from Deputy for the moment. Please try again in a minute."
	case e.Code == http.StatusBadRequest:
		f.Kind, f.Public = fault.Invalid, "Google Chat did not accept the request: "+e.Message
	case e.Code >= http.StatusInternalServerError, status == "ABORTED":
		f.Kind, f.Public = fault.Unavailable, "Google Chat has a fault of its own. Please try again in a minute."
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
