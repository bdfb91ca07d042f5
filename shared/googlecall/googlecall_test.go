package googlecall_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"
	"google.golang.org/api/googleapi"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/resource"
)

// anybody acts with one token.
type anybody struct{}

// Act implements googlecall.Actor.
func (anybody) Act(_ context.Context, _ resource.Person, _ []capability.Capability, do func(oauth2.TokenSource) error) error {
	return do(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "ya29.x"}))
}

// Email implements googlecall.Actor.
func (anybody) Email(context.Context, resource.Person) (string, error) { return "", nil }

// call answers one error after the other.
type call struct {
	header  http.Header
	answers []error
	tries   int
}

func (c *call) Context(context.Context) *call { return c }
func (c *call) Header() http.Header           { return c.header }
func (c *call) Do(...googleapi.CallOption) (int, error) {
	c.tries++
	return c.tries, c.answers[c.tries-1]
}

func do(ctx context.Context, api googlecall.API, answers ...error) (*call, int, error) {
	c := &call{header: http.Header{}, answers: answers}
	got, err := googlecall.Do(ctx, api, googlecall.As{Actor: anybody{}}, c)
	return c, got, err
}

func TestThePersonsTokenIsOnTheCall(t *testing.T) {
	c, got, err := do(t.Context(), googlecall.API{}, nil)
	if err != nil || got != 1 || c.header.Get("Authorization") != "Bearer ya29.x" {
		t.Errorf("%v, %v, %v", got, err, c.header)
	}
}

func TestWhatGoogleSaysBecomesOneFaultForAllOfItsAPIs(t *testing.T) {
	texts := googlecall.API{Exists: i18n.English("exists"), Silent: i18n.English("silent"), Busy: i18n.English("busy"), Forbids: i18n.English("forbidden"), Refuses: i18n.English("refused: %s")}
	body := func(status, reason string) string {
		return `{"error":{"status":"` + status + `","message":"marked","details":[{"reason":"` + reason + `"}],"errors":[{"reason":"` + reason + `"}]}}`
	}
	for name, c := range map[string]struct {
		api    googlecall.API
		code   int
		body   string
		kind   fault.Kind
		public string
		is     error
	}{
		"the token":               {texts, 401, "", fault.NeedsConsent, "", googlecall.ErrToken},
		"a scope":                 {texts, 403, body("PERMISSION_DENIED", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"), fault.NeedsConsent, "", googlecall.ErrScope},
		"Calendar's busy":         {texts, 403, body("", "rateLimitExceeded"), fault.RateLimited, "busy", nil},
		"forbidden":               {texts, 403, body("PERMISSION_DENIED", ""), fault.Denied, "forbidden", nil},
		"refused":                 {texts, 400, "", fault.Invalid, "refused: marked", nil},
		"there already":           {texts, 409, body("ALREADY_EXISTS", ""), fault.Conflict, "exists", nil},
		"in Calendar already":     {texts, 409, body("", "duplicate"), fault.Conflict, "", nil},
		"changed meanwhile":       {texts, 412, "", fault.Conflict, "", nil},
		"aborted":                 {texts, 409, body("ABORTED", ""), fault.Unavailable, "silent", nil},
		"no text, so unavailable": {texts, 404, "", fault.Unavailable, "silent", nil},
		"Google's own fault":      {texts, 502, "<html>", fault.Unavailable, "silent", nil},
		"the operator's token":    {googlecall.API{Operator: true}, 401, "", fault.Unavailable, "", nil},
	} {
		err := c.api.Fault("op", &googleapi.Error{Code: c.code, Message: "marked", Body: c.body})
		public := fault.Public(i18n.In("en"), err, "")
		if fault.KindOf(err) != c.kind || c.public != "" && public != c.public || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s: %v, %q", name, err, public)
		}
		if strings.Contains(err.Error(), "marked") != c.api.Operator { // what a person typed may be in it
			t.Errorf("%s: in the log: %v", name, err)
		}
	}
	lost := texts.Fault("op", &url.Error{Op: "Get", URL: "https://x.example/marked", Err: errors.New("reset")})
	if fault.KindOf(lost) != fault.Unavailable || strings.Contains(lost.Error(), "marked") {
		t.Errorf("no answer: %v", lost)
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
				start := time.Now()
				made, _, err := do(ctx, googlecall.API{}, c.answers...)
				took, tries := time.Since(start), made.tries
				if tries != c.tries || (err == nil) != c.good || took < c.waits[0] || took > c.waits[1] {
					t.Errorf("%d tries in %v, %v", tries, took, err)
				}
			})
		})
	}
}
