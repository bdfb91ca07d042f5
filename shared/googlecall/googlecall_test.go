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

// call returns errs in order, one per attempt. Without errs, it never gets a response.
type call struct {
	ctx    context.Context
	header http.Header
	errs   []error
	tries  int
}

func (c *call) Context(ctx context.Context) *call { c.ctx = ctx; return c }
func (c *call) Header() http.Header               { return c.header }
func (c *call) Do(...googleapi.CallOption) (int, error) {
	c.tries++
	if len(c.errs) == 0 {
		<-c.ctx.Done()
		return 0, c.ctx.Err()
	}
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

// tokenless is an Actor whose source has no token.
type tokenless struct{ staticActor }

var errNoToken = errors.New("no token")

// Act implements googlecall.Actor.
func (tokenless) Act(
	_ context.Context, _ resource.Person, _ []capability.Capability, do func(oauth2.TokenSource) error,
) error {
	return do(failingSource{})
}

type failingSource struct{}

func (failingSource) Token() (*oauth2.Token, error) { return nil, errNoToken }

func TestDo_NoToken(t *testing.T) {
	c := &call{header: http.Header{}, errs: []error{nil}}
	_, err := googlecall.Do(t.Context(), googlecall.ErrorTexts{}, googlecall.Target{Actor: tokenless{}}, c)
	if !errors.Is(err, errNoToken) || c.tries != 0 {
		t.Errorf("%v after %d calls", err, c.tries)
	}
}

func TestDo_NoResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		c, _, err := do(t.Context(), googlecall.ErrorTexts{NoResponse: i18n.English("silent")})
		const four = 4 * 8 * time.Second
		if took := time.Since(start); c.tries != 4 || took < four || took > four+2*time.Second {
			t.Errorf("%d attempts in %v", c.tries, took)
		}
		if public := fault.Public(i18n.In("en"), err, ""); public != "silent" {
			t.Errorf("text: %q", public)
		}
		if !strings.HasPrefix(err.Error(), "*googlecall_test.call: unavailable") {
			t.Errorf("log: %v", err)
		}
	})
}

// body returns the body of an error response, with the reason where old and new APIs put it.
func body(status, reason string) string {
	return `{"error":{"status":"` + status + `","message":"marked","details":[{"@type":"type.googleapis.com/` +
		`google.rpc.ErrorInfo","reason":"` + reason + `"}],"errors":[{"reason":"` + reason + `"}]}}`
}

func TestErrorTexts_Fault(t *testing.T) {
	texts := googlecall.ErrorTexts{
		Conflict: i18n.English("exists"), NoResponse: i18n.English("silent"), RateLimited: i18n.English("busy"),
		Forbidden: i18n.English("forbidden"), BadRequest: i18n.English("refused: %s"),
	}
	all := texts
	all.NotFound, all.ServerError = i18n.English("missing"), i18n.English("broken")
	setUp := all
	setUp.NotSetUp, setUp.NotSetUpMarker = i18n.English("not set up"), "mark"
	otherMarker := setUp
	otherMarker.NotSetUpMarker = "other"
	operator := all
	operator.OwnCredentials = true
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
		"operator's scopes":      {operator, 403, noScope, fault.Denied, "forbidden", nil},
		"not found":              {all, 404, "", fault.NotFound, "missing", nil},
		"server error, own text": {all, 502, "", fault.Unavailable, "broken", nil},
		"not set up":             {setUp, 404, "", fault.Unavailable, "not set up", nil},
		"message has no marker":  {otherMarker, 404, "", fault.NotFound, "missing", nil},
		"marker in another code": {setUp, 400, "", fault.Invalid, "refused: marked", nil},
	} {
		err := c.api.Fault("op", &googleapi.Error{Code: c.code, Message: "marked", Body: c.body})
		public := fault.Public(i18n.In("en"), err, "")
		if fault.KindOf(err) != c.kind || c.public != "" && public != c.public || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s: %v, %q", name, err, public)
		}
		if strings.Contains(err.Error(), "marked") != c.api.OwnCredentials { // may contain what a person typed
			t.Errorf("%s: in the log: %v", name, err)
		}
		if errors.Is(err, googlecall.ErrNotSetUp) != (public == "not set up") {
			t.Errorf("%s: not set up, in the log: %v", name, err)
		}
	}
	conflict := texts.Fault("op", &googleapi.Error{Code: 409, Body: body("ALREADY_EXISTS", "why")})
	if got := conflict.Error(); got != `op: conflict: 409 ALREADY_EXISTS why (undocumented reason "why")` {
		t.Errorf("log: %q", got)
	}
	urlErr := &url.Error{Op: "Get", URL: "https://x.example/marked", Err: errors.New("reset")}
	lost := texts.Fault("op", urlErr)
	if fault.KindOf(lost) != fault.Unavailable || strings.Contains(lost.Error(), "marked") {
		t.Errorf("no response: %v", lost)
	}
}

func TestRetryDelay(t *testing.T) {
	reason := func(in string) string {
		return `{"error":{"` + in +
			`":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"quotaExceeded"}]}}`
	}
	for name, c := range map[string]struct {
		code  int
		body  string
		retry bool
	}{
		"invalid":               {400, "", false},
		"last client error":     {499, "", false},
		"forbidden":             {403, body("PERMISSION_DENIED", "forbidden"), false},
		"conflict":              {409, body("ALREADY_EXISTS", ""), false},
		"aborted":               {409, body("ABORTED", ""), true},
		"too many":              {429, "", true},
		"exhausted":             {403, body("RESOURCE_EXHAUSTED", ""), true},
		"reason of an old API":  {403, reason("errors"), true},
		"reason of a new API":   {403, reason("details"), true},
		"rateLimitExceeded":     {403, body("", "rateLimitExceeded"), true},
		"userRateLimitExceeded": {403, body("", "userRateLimitExceeded"), true},
		"dailyLimitExceeded":    {403, body("", "dailyLimitExceeded"), true},
		"rate limit, new API":   {403, body("", "RATE_LIMIT_EXCEEDED"), true},
		"quota, new API":        {403, body("", "RESOURCE_QUOTA_EXCEEDED"), true},
		"server error":          {500, "", true},
	} {
		e := &googleapi.Error{Code: c.code, Body: c.body, Header: http.Header{"Retry-After": {"7"}}}
		var want time.Duration
		if c.retry {
			want = 7 * time.Second
		}
		if wait, retry := googlecall.RetryDelay(e); retry != c.retry || wait != want {
			t.Errorf("%s: %v, %v", name, wait, retry)
		}
	}
	if wait, retry := googlecall.RetryDelay(errors.New("reset")); wait != 0 || !retry {
		t.Errorf("no response: %v, %v", wait, retry)
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
