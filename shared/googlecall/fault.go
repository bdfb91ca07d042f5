package googlecall

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/api/googleapi"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
)

// ErrorTexts contains the messages that people see when a call to one Google API fails. If a
// text is not set, the error is Unavailable with the text NoResponse.
type ErrorTexts struct {
	NoResponse  i18n.Text // no response, or an unknown one
	ServerError i18n.Text // an error on Google's side
	RateLimited i18n.Text // too many requests
	Forbidden   i18n.Text
	Conflict    i18n.Text // the resource already exists, or has changed
	NotFound    i18n.Text // the resource doesn't exist, or isn't visible
	BadRequest  i18n.Text // the request is invalid; the argument is Google's message

	// NotSetUp is for a project that is not set up for the API: Google answers 404
	// with a message that contains NotSetUpMarker.
	NotSetUp       i18n.Text
	NotSetUpMarker string
	// OwnCredentials means that calls use Deputy's own credentials. A 401 then says nothing
	// about a person's token, and Google's message may be logged: it quotes no person.
	OwnCredentials bool
}

// Fault converts the error of a call to a fault with a kind and a text for people.
// It wraps ErrToken or ErrScope when the API rejects the person's token. It omits
// Google's message, which may quote what a person typed, unless a.Operator is set.
func (a ErrorTexts) Fault(op string, err error) error {
	if err == nil {
		return nil
	}
	e, answered := errors.AsType[*googleapi.Error](err)
	if !answered {
		if urlErr, ok := errors.AsType[*url.Error](err); ok {
			err = urlErr.Err // the URL may contain what a person typed
		}
		return &fault.Error{Op: op, Kind: fault.Unavailable, Public: a.NoResponse, Err: err}
	}
	parsed := parseError(e)
	f := &fault.Error{Op: op, Kind: fault.Unavailable, Public: a.NoResponse, Err: errors.New(parsed.String())}
	set := func(kind fault.Kind, public i18n.Text, args ...any) {
		if public != fault.NoText {
			f.Kind, f.Public, f.Args = kind, public, args
		}
	}
	switch {
	case parsed.status == "ALREADY_EXISTS" || parsed.reason == "duplicate" || e.Code == http.StatusPreconditionFailed:
		set(fault.Conflict, a.Conflict)
	case e.Code == http.StatusUnauthorized && !a.OwnCredentials:
		f.Kind, f.Err = fault.NeedsConsent, ErrToken
	case parsed.reason == "ACCESS_TOKEN_SCOPE_INSUFFICIENT" && !a.OwnCredentials:
		f.Kind, f.Err = fault.NeedsConsent, ErrScope
	case parsed.rateLimited():
		set(fault.RateLimited, a.RateLimited)
	case e.Code == http.StatusForbidden:
		set(fault.Denied, a.Forbidden)
	case e.Code == http.StatusNotFound && a.NotSetUpMarker != "" && strings.Contains(e.Message, a.NotSetUpMarker):
		set(fault.Unavailable, a.NotSetUp)
		f.Err = fmt.Errorf("%w: %s", f.Err, NotSetUp)
	case e.Code == http.StatusNotFound:
		set(fault.NotFound, a.NotFound)
	case e.Code == http.StatusBadRequest:
		set(fault.Invalid, a.BadRequest, e.Message)
	default:
		set(fault.Unavailable, a.ServerError)
	}
	if a.OwnCredentials {
		f.Err = fmt.Errorf("%w: %s", f.Err, e.Message)
	}
	return f
}

// NotSetUp marks errors in the log when the project is not set up for an API.
const NotSetUp = "not_set_up"

// RetryDelay reports whether a call that failed with err may succeed later, and how long
// Google asks to wait (Retry-After; 0 if absent).
func RetryDelay(err error) (time.Duration, bool) {
	e, ok := errors.AsType[*googleapi.Error](err)
	if !ok {
		return 0, true // no response: a timeout or a broken connection
	}
	if f := parseError(e); !f.rateLimited() && e.Code < http.StatusInternalServerError && f.status != "ABORTED" {
		return 0, false
	}
	seconds, _ := strconv.Atoi(e.Header.Get("Retry-After")) // absent, or a date: 0
	return time.Duration(seconds) * time.Second, true
}

// failure is the part of a Google API error that is safe to log: all but its message.
type failure struct {
	code   int    // HTTP status
	status string // the canonical name, such as ALREADY_EXISTS
	reason string // such as ACCESS_TOKEN_SCOPE_INSUFFICIENT
}

func (f failure) String() string {
	return strings.TrimSpace(strings.Join([]string{strconv.Itoa(f.code), f.status, f.reason}, " "))
}

// rateLimited reports whether a rate limit or quota is exceeded. Some APIs answer 403 for it: Calendar
// (its guide "Handle API errors"), and all that send google.api.ErrorReason.
func (f failure) rateLimited() bool {
	return f.code == http.StatusTooManyRequests || f.status == "RESOURCE_EXHAUSTED" ||
		slices.Contains(quotaReasons, f.reason)
}

var quotaReasons = []string{
	"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "dailyLimitExceeded",
	"RATE_LIMIT_EXCEEDED", "RESOURCE_QUOTA_EXCEEDED",
}

func parseError(e *googleapi.Error) failure {
	var body struct {
		Error struct {
			Status  string `json:"status"`
			Details []struct {
				Reason string `json:"reason"`
			} `json:"details"`
			Errors []struct { // of older APIs
				Reason string `json:"reason"`
			} `json:"errors"`
		} `json:"error"`
	}
	_ = json.Unmarshal([]byte(e.Body), &body) // not JSON: no status
	f := failure{code: e.Code, status: body.Error.Status}
	for _, d := range body.Error.Errors {
		f.reason = d.Reason
	}
	for _, d := range body.Error.Details {
		f.reason = d.Reason
	}
	return f
}
