package googlecall

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"google.golang.org/api/googleapi"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/words"
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
	TurnedOff   i18n.Text // the service is turned off for the account

	// NotSetUp replaces the text for a project that is not set up for the API. If NotSetUpMarker is not empty, a 404
	// whose message contains it also means that.
	NotSetUp       i18n.Text
	NotSetUpMarker string
	// OwnCredentials means that calls use Deputy's own credentials. A 401 then says nothing
	// about a person's token, and Google's message may be logged: it quotes no person.
	OwnCredentials bool
}

// Fault converts the error of a call to a fault with a kind and a text for people.
// It wraps ErrToken or ErrScope when the API rejects the person's token. It omits
// Google's message, which may quote what a person typed, unless a.OwnCredentials is set.
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
	means := parsed.meaning()
	if means == notFound && a.NotSetUpMarker != "" && strings.Contains(e.Message, a.NotSetUpMarker) {
		means = notSetUp
	}
	f := &fault.Error{Op: op, Kind: fault.Unavailable, Public: a.NoResponse, Err: errors.New(parsed.String())}
	set := func(kind fault.Kind, public i18n.Text, args ...any) {
		if public != fault.NoText {
			f.Kind, f.Public, f.Args = kind, public, args
		}
	}
	switch means {
	case noToken:
		if !a.OwnCredentials {
			f.Kind, f.Err = fault.NeedsConsent, fmt.Errorf("%w: %w", ErrToken, f.Err)
		}
	case noScope:
		if a.OwnCredentials {
			set(fault.Denied, a.Forbidden)
		} else {
			f.Kind, f.Err = fault.NeedsConsent, fmt.Errorf("%w: %w", ErrScope, f.Err)
		}
	case tooMany:
		set(fault.RateLimited, a.RateLimited)
	case notSetUp:
		f.Public, f.Err = words.ErrorSetUpBroken, fmt.Errorf("%w: %w", ErrNotSetUp, f.Err)
		set(fault.Unavailable, a.NotSetUp)
	case turnedOff:
		set(fault.Denied, a.TurnedOff)
	case notAllowed:
		set(fault.Denied, a.Forbidden)
	case exists:
		set(fault.Conflict, a.Conflict)
	case notFound:
		set(fault.NotFound, a.NotFound)
	case badRequest:
		set(fault.Invalid, a.BadRequest, e.Message)
		f.Err = &messageError{f.Err, e.Message}
	case serverFailed, unknown:
		set(fault.Unavailable, a.ServerError)
	}
	if a.OwnCredentials {
		f.Err = fmt.Errorf("%w: %s", f.Err, e.Message)
	}
	return f
}

// messageError is an error with Google's message, which its text omits: it may quote what a person typed.
type messageError struct {
	error
	message string
}

// HasMessage reports whether err is a BadRequest with this message, for the errors that have no reason of their own.
func HasMessage(err error, message string) bool {
	e, ok := errors.AsType[*messageError](err)
	return ok && e.message == message
}

// ErrNotSetUp says that the project is not set up for an API. Its text marks such errors in the log.
var ErrNotSetUp = errors.New("not_set_up")

// RetryDelay reports whether a call that failed with err may succeed later, and how long
// Google asks to wait (Retry-After or RetryInfo; 0 if absent).
func RetryDelay(err error) (time.Duration, bool) {
	e, ok := errors.AsType[*googleapi.Error](err)
	if !ok {
		return 0, true // no response: a timeout or a broken connection
	}
	f := parseError(e)
	if m := f.meaning(); m != tooMany && m != serverFailed {
		return 0, false
	}
	return f.wait, true
}
