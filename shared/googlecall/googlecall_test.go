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

// staticActor acts as everyone with one token.
type staticActor struct{}

// Act implements googlecall.Actor.
func (staticActor) Act(
	_ context.Context, _ resource.Person, _ []capability.Capability, do func(oauth2.TokenSource) error,
) error {
	return do(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "ya29.x"}))
}

// Email implements googlecall.Actor.
func (staticActor) Email(context.Context, resource.Person) (string, error) { return "", nil }

// call returns errs in order, one per attempt.
type call struct {
	header http.Header
	errs   []error
	tries  int
}

func (c *call) Context(context.Context) *call { return c }
func (c *call) Header() http.Header           { return c.header }
func (c *call) Do(...googleapi.CallOption) (int, error) {
	c.tries++
	return c.tries, c.errs[c.tries-1]
}

func do(ctx context.Context, api googlecall.ErrorTexts, errs ...error) (*call, int, error) {
	c := &call{header: http.Header{}, errs: errs}
	got, err := googlecall.Do(ctx, api, googlecall.Target{Actor: staticActor{}}, c)
	return c, got, err
}

func TestDo_SendsToken(t *testing.T) {
	c, got, err := do(t.Context(), googlecall.ErrorTexts{}, nil)
	if err != nil || got != 1 || c.header.Get("Authorization") != "Bearer ya29.x" {
		t.Errorf("%v, %v, %v", got, err, c.header)
	}
}

func TestErrorTexts_Fault(t *testing.T) {
	texts := googlecall.ErrorTexts{
		Conflict: i18n.English("exists"), NoResponse: i18n.English("silent"), RateLimited: i18n.English("busy"),
		Forbidden: i18n.English("forbidden"), BadRequest: i18n.English("refused: %s"),
	}
	body := func(status, reason string) string {
		return `{"error":{"status":"` + status + `","message":"marked","details":[{"reason":"` + reason + `"}],` +
			`"errors":[{"reason":"` + reason + `"}]}}`
	}
	noScope := body("PERMISSION_DENIED", "ACCESS_TOKEN_SCOPE_INSUFFICIENT")
	for name, c := range map[string]struct {
		api    googlecall.ErrorTexts
		code   int
		body   string
		kind   fault.Kind
		public string
		is     error
	}{
		"invalid token":          {texts, 401, "", fault.NeedsConsent, "", googlecall.ErrToken},
		"missing scope":          {texts, 403, noScope, fault.NeedsConsent, "", googlecall.ErrScope},
		"Calendar rate limit":    {texts, 403, body("", "rateLimitExceeded"), fault.RateLimited, "busy", nil},
		"forbidden":              {texts, 403, body("PERMISSION_DENIED", ""), fault.Denied, "forbidden", nil},
		"bad request":            {texts, 400, "", fault.Invalid, "refused: marked", nil},
		"already exists":         {texts, 409, body("ALREADY_EXISTS", ""), fault.Conflict, "exists", nil},
		"duplicate in Calendar":  {texts, 409, body("", "duplicate"), fault.Conflict, "", nil},
		"precondition failed":    {texts, 412, "", fault.Conflict, "", nil},
		"aborted":                {texts, 409, body("ABORTED", ""), fault.Unavailable, "silent", nil},
		"text not set":           {texts, 404, "", fault.Unavailable, "silent", nil},
		"server error":           {texts, 502, "<html>", fault.Unavailable, "silent", nil},
		"invalid operator token": {googlecall.ErrorTexts{OwnCredentials: true}, 401, "", fault.Unavailable, "", nil},
	} {
		err := c.api.Fault("op", &googleapi.Error{Code: c.code, Message: "marked", Body: c.body})
		public := fault.Public(i18n.In("en"), err, "")
		if fault.KindOf(err) != c.kind || c.public != "" && public != c.public || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s: %v, %q", name, err, public)
		}
		if strings.Contains(err.Error(), "marked") != c.api.OwnCredentials { // may contain what a person typed
			t.Errorf("%s: in the log: %v", name, err)
		}
	}
	urlErr := &url.Error{Op: "Get", URL: "https://x.example/marked", Err: errors.New("reset")}
	lost := texts.Fault("op", urlErr)
	if fault.KindOf(lost) != fault.Unavailable || strings.Contains(lost.Error(), "marked") {
		t.Errorf("no response: %v", lost)
	}
}

func TestDo_Retries(t *testing.T) {
	busy := func(code int, retryAfter string) error {
		e := &googleapi.Error{Code: code, Header: http.Header{}}
		e.Header.Set("Retry-After", retryAfter)
		return e
	}
	unavailable := busy(503, "")
	const s = time.Second
	for name, c := range map[string]struct {
		errs  []error
		tries int
		waits [2]time.Duration // minimum, maximum
		ok    bool
	}{
		"first attempt succeeds": {[]error{nil}, 1, [2]time.Duration{0, 0}, true},
		"busy twice":             {[]error{unavailable, busy(500, ""), nil}, 3, [2]time.Duration{0, s}, true},
		"Retry-After":            {[]error{busy(429, "3"), nil}, 2, [2]time.Duration{3 * s, 4 * s}, true},
		"always unavailable": {
			[]error{unavailable, unavailable, unavailable, unavailable, nil}, 4, [2]time.Duration{0, 8 * s}, false,
		},
		"Retry-After past deadline": {[]error{busy(429, "60"), nil}, 1, [2]time.Duration{0, 0}, false},
		"forbidden":                 {[]error{busy(403, ""), nil}, 1, [2]time.Duration{0, 0}, false},
		"connection reset":          {[]error{errors.New("reset"), nil}, 2, [2]time.Duration{0, s}, true},
		"canceled":                  {[]error{context.Canceled, nil}, 1, [2]time.Duration{0, 0}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				start := time.Now()
				made, _, err := do(ctx, googlecall.ErrorTexts{}, c.errs...)
				took, tries := time.Since(start), made.tries
				if tries != c.tries || (err == nil) != c.ok || took < c.waits[0] || took > c.waits[1] {
					t.Errorf("%d tries in %v, %v", tries, took, err)
				}
			})
		})
	}
}
