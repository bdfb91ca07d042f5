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

// API is what a person reads when a call of one of Google's APIs fails. A text that
// is not set counts as Silent, and its kind of error as Unavailable.
type API struct {
	Silent  i18n.Text // no answer, or none that is known
	Broken  i18n.Text // a fault of Google's
	Busy    i18n.Text // too many requests
	Forbids i18n.Text
	Exists  i18n.Text // it is there already, or has changed
	Missing i18n.Text // the named thing is not there, or not visible
	Refuses i18n.Text // with a place for Google's message

	// Unready says that the project is not set up for the API: Google answers 404,
	// with UnreadyMark in its message.
	Unready     i18n.Text
	UnreadyMark string
	// Operator tells that calls are made with Deputy's own rights: nothing ends a
	// person's token, and Google's message may stand in the log, since it quotes
	// nobody.
	Operator bool
}

// Fault is an error of a call as a fault: its kind, and what a person reads.
// ErrToken and ErrScope are in it when the API refuses the person's token. Google's
// message stays out of the log: it may quote what a person typed.
func (a API) Fault(op string, err error) error {
	if err == nil {
		return nil
	}
	e, answered := errors.AsType[*googleapi.Error](err)
	if !answered {
		if broken, ok := errors.AsType[*url.Error](err); ok {
			err = broken.Err // without the address: a person's words may be in it
		}
		return &fault.Error{Op: op, Kind: fault.Unavailable, Public: a.Silent, Err: err}
	}
	said := read(e)
	f := &fault.Error{Op: op, Kind: fault.Unavailable, Public: a.Silent, Err: errors.New(said.String())}
	is := func(kind fault.Kind, public i18n.Text, args ...any) {
		if public != fault.None {
			f.Kind, f.Public, f.Args = kind, public, args
		}
	}
	switch {
	case said.status == "ALREADY_EXISTS" || said.reason == "duplicate" || e.Code == http.StatusPreconditionFailed:
		is(fault.Conflict, a.Exists)
	case e.Code == http.StatusUnauthorized && !a.Operator:
		f.Kind, f.Err = fault.NeedsConsent, ErrToken
	case said.reason == "ACCESS_TOKEN_SCOPE_INSUFFICIENT" && !a.Operator:
		f.Kind, f.Err = fault.NeedsConsent, ErrScope
	case said.busy():
		is(fault.RateLimited, a.Busy)
	case e.Code == http.StatusForbidden:
		is(fault.Denied, a.Forbids)
	case e.Code == http.StatusNotFound && a.UnreadyMark != "" && strings.Contains(e.Message, a.UnreadyMark):
		is(fault.Unavailable, a.Unready)
		f.Err = fmt.Errorf("%w: %s", f.Err, NotSetUp)
	case e.Code == http.StatusNotFound:
		is(fault.NotFound, a.Missing)
	case e.Code == http.StatusBadRequest:
		is(fault.Invalid, a.Refuses, e.Message)
	default:
		is(fault.Unavailable, a.Broken)
	}
	if a.Operator {
		f.Err = fmt.Errorf("%w: %s", f.Err, e.Message)
	}
	return f
}

// NotSetUp stands in the log when the project is not set up for an API.
const NotSetUp = "not_set_up"

// Later reports whether an error of a Google API may pass, and how long Google asks
// to wait.
func Later(err error) (time.Duration, bool) {
	e, ok := errors.AsType[*googleapi.Error](err)
	if !ok {
		return 0, true // no answer: a time-out, a broken connection
	}
	if said := read(e); !said.busy() && e.Code < http.StatusInternalServerError && said.status != "ABORTED" {
		return 0, false
	}
	seconds, _ := strconv.Atoi(e.Header.Get("Retry-After")) // absent, or a date: 0
	return time.Duration(seconds) * time.Second, true
}

// failure is what an error of Google's says, without its message.
type failure struct {
	code   int    // of HTTP
	status string // the canonical name, such as ALREADY_EXISTS
	reason string // such as ACCESS_TOKEN_SCOPE_INSUFFICIENT
}

func (f failure) String() string {
	return strings.TrimSpace(strings.Join([]string{strconv.Itoa(f.code), f.status, f.reason}, " "))
}

// busy reports whether Google takes no more requests for the moment. Some APIs
// say so by 403: Calendar (its guide "Handle API errors"), and all that send
// google.api.ErrorReason.
func (f failure) busy() bool {
	return f.code == http.StatusTooManyRequests || f.status == "RESOURCE_EXHAUSTED" || slices.Contains(busyReasons, f.reason)
}

var busyReasons = []string{"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "dailyLimitExceeded", "RATE_LIMIT_EXCEEDED", "RESOURCE_QUOTA_EXCEEDED"}

func read(e *googleapi.Error) failure {
	var body struct {
		Error struct {
			Status  string `json:"status"`
			Details []struct {
				Reason string `json:"reason"`
			} `json:"details"`
			Errors []struct { // of the older APIs
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
