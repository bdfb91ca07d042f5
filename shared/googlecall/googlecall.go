// Package googlecall is what every call of a Google REST API as a person needs:
// the person's token on it, repetition while it may pass, and what Google says
// went wrong, apart from its message.
//
// It does not say what an error means to a person: the package that makes the
// call does.
package googlecall

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"golang.org/x/oauth2"
	"google.golang.org/api/googleapi"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/retry"
)

var policy = retry.Policy{Tries: 4, Each: 8 * time.Second}

// Do puts the token on a call's header and makes the call until it succeeds or
// fails for good. Only what is safe to repeat may come here: reads, and writes
// that carry a requestId or find what is there already.
func Do(ctx context.Context, header http.Header, source oauth2.TokenSource, call func(context.Context) error) error {
	token, err := source.Token()
	if err != nil {
		return fault.Wrap("googlecall.Do", err)
	}
	header.Set("Authorization", "Bearer "+token.AccessToken)
	return policy.Do(ctx, later, func(ctx context.Context) error {
		err := call(ctx)
		if broken, ok := errors.AsType[*url.Error](err); ok {
			return broken.Err // without the address: a person's words may be in it
		}
		return err
	})
}

// later tells whether err may pass, and how long Google asks to wait.
func later(err error) (time.Duration, bool) {
	e, ok := errors.AsType[*googleapi.Error](err)
	if !ok {
		return 0, true // no answer: a time-out, a broken connection
	}
	if f := Read(e); !f.Busy() && e.Code < http.StatusInternalServerError && f.Status != "ABORTED" {
		return 0, false
	}
	seconds, _ := strconv.Atoi(e.Header.Get("Retry-After")) // absent, or a date: 0
	return time.Duration(seconds) * time.Second, true
}

// Failure is what an error of Google's says, without its message, which may
// quote what a person typed.
type Failure struct {
	Code   int    // of HTTP
	Status string // the canonical name, such as ALREADY_EXISTS
	Reason string // such as ACCESS_TOKEN_SCOPE_INSUFFICIENT
}

// Busy reports whether Google takes no more requests for the moment. Some APIs
// say so by 403: Calendar (its guide "Handle API errors"), and all that send
// google.api.ErrorReason.
func (f Failure) Busy() bool {
	return f.Code == http.StatusTooManyRequests || f.Status == "RESOURCE_EXHAUSTED" || slices.Contains(busy, f.Reason)
}

var busy = []string{"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "dailyLimitExceeded", "RATE_LIMIT_EXCEEDED", "RESOURCE_QUOTA_EXCEEDED"}

// Read is what an error says.
func Read(e *googleapi.Error) Failure {
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
	f := Failure{Code: e.Code, Status: body.Error.Status}
	for _, d := range body.Error.Errors {
		f.Reason = d.Reason
	}
	for _, d := range body.Error.Details {
		f.Reason = d.Reason
	}
	return f
}
