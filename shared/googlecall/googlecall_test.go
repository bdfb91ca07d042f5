package googlecall_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"
	"google.golang.org/api/googleapi"

	"example.com/deputy/shared/googlecall"
)

var source = oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "ya29.x"})

func TestThePersonsTokenIsOnTheCall(t *testing.T) {
	header := http.Header{}
	if err := googlecall.Do(t.Context(), header, source, func(context.Context) error { return nil }); err != nil || header.Get("Authorization") != "Bearer ya29.x" {
		t.Errorf("%v, %v", header, err)
	}
}

func TestWhatGoogleSaysIsReadWithoutItsMessage(t *testing.T) {
	e := &googleapi.Error{Code: 403, Message: "marked", Body: `{"error":{"status":"PERMISSION_DENIED","message":"marked","details":[{"reason":"ACCESS_TOKEN_SCOPE_INSUFFICIENT"}]}}`}
	if got, want := googlecall.Read(e), (googlecall.Failure{403, "PERMISSION_DENIED", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := googlecall.Read(&googleapi.Error{Code: 502, Body: "<html>"}); got != (googlecall.Failure{Code: 502}) {
		t.Errorf("no JSON: got %v", got)
	}
}

func TestRetriesAreBoundedAndWaitAsLongAsGoogleAsks(t *testing.T) {
	busy := func(code int, after string) error {
		e := &googleapi.Error{Code: code, Header: http.Header{}}
		e.Header.Set("Retry-After", after)
		return e
	}
	for name, c := range map[string]struct {
		answers []error
		tries   int
		waits   [2]time.Duration // at least, at most
		good    bool
	}{
		"good at once":              {[]error{nil}, 1, [2]time.Duration{0, 0}, true},
		"busy, then good":           {[]error{busy(503, ""), busy(500, ""), nil}, 3, [2]time.Duration{0, time.Second}, true},
		"waits as told":             {[]error{busy(429, "3"), nil}, 2, [2]time.Duration{3 * time.Second, 4 * time.Second}, true},
		"never good":                {[]error{busy(503, ""), busy(503, ""), busy(503, ""), busy(503, ""), nil}, 4, [2]time.Duration{0, 8 * time.Second}, false},
		"told to wait for too long": {[]error{busy(429, "60"), nil}, 1, [2]time.Duration{0, 0}, false},
		"refused":                   {[]error{busy(403, ""), nil}, 1, [2]time.Duration{0, 0}, false},
		"no connection":             {[]error{errors.New("reset"), nil}, 2, [2]time.Duration{0, time.Second}, true},
		"the caller has gone":       {[]error{context.Canceled, nil}, 1, [2]time.Duration{0, 0}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				start, tries := time.Now(), 0
				err := googlecall.Do(ctx, http.Header{}, source, func(context.Context) error {
					tries++
					return c.answers[tries-1]
				})
				took := time.Since(start)
				if tries != c.tries || (err == nil) != c.good || took < c.waits[0] || took > c.waits[1] {
					t.Errorf("%d tries in %v, %v", tries, took, err)
				}
			})
		})
	}
}
