package googlecall_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/api/googleapi"
	"google.golang.org/genproto/googleapis/api/error_reason"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/i18n"
)

var allTexts = googlecall.ErrorTexts{
	NoResponse: i18n.English("silent"), ServerError: i18n.English("broken"),
	RateLimited: i18n.English("busy"),
	Forbidden:   i18n.English("forbidden"), Conflict: i18n.English("exists"),
	NotFound:   i18n.English("missing"),
	BadRequest: i18n.English("refused: %s"), TurnedOff: i18n.English("turned off"),
	NotSetUp: i18n.English("not set up"),
}

// answer is an error of Google in each order of its details.
func answers(t *testing.T, code int, body string) []*googleapi.Error {
	t.Helper()
	var parsed struct {
		Error map[string]any `json:"error"`
	}
	if err := json.Unmarshal([]byte(body), &parsed); err != nil {
		t.Fatal(err)
	}
	details, _ := parsed.Error["details"].([]any)
	var out []*googleapi.Error
	for i := range max(1, len(details)) {
		if len(details) > 0 {
			parsed.Error["details"] = slices.Concat(details[i:], details[:i])
		}
		text, err := json.Marshal(parsed)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, &googleapi.Error{Code: code, Message: "m", Body: string(text), Header: http.Header{}})
	}
	return out
}

// errorInfo returns an error body with details of three types.
func errorInfo(status, reason string) string {
	return `{"error":{"status":"` + status + `","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo",` +
		`"reason":"` + reason + `","metadata":{"service":"x.googleapis.com"}},` +
		`{"@type":"type.googleapis.com/google.rpc.LocalizedMessage","locale":"en","message":"m"},` +
		`{"@type":"type.googleapis.com/google.rpc.Help","links":[]}]}}`
}

func legacy(reason string) string {
	return `{"error":{"errors":[{"domain":"global","reason":"` + reason + `","message":"m"}],"message":"m"}}`
}

func TestReason_Kinds(t *testing.T) {
	file := func(name string) string {
		text, err := os.ReadFile("testdata/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for name, c := range map[string]struct {
		code  int
		body  string
		want  string
		retry bool
	}{
		"captured rate limit":   {403, file("rate-limit"), "busy", true},
		"captured scope":        {403, file("scope"), "scope", false},
		"captured older scope":  {403, file("scope-older"), "scope", false},
		"captured disabled API": {403, file("service-disabled"), "not set up", false},
		"captured precondition": {400, file("failed-precondition"), "turned off", false},
		"captured conference":   {400, file("insert-400"), "refused: m", false},
		"quota":                 {403, errorInfo("PERMISSION_DENIED", "RESOURCE_QUOTA_EXCEEDED"), "busy", true},
		"exhausted":             {403, errorInfo("RESOURCE_EXHAUSTED", "NEW"), "busy", true},
		"user limit":            {403, legacy("userRateLimitExceeded"), "busy", true},
		"Calendar usage":        {403, legacy("calendarUsageLimitsExceeded"), "busy", true},
		"billing":               {403, errorInfo("PERMISSION_DENIED", "BILLING_DISABLED"), "not set up", false},
		"suspended project":     {403, errorInfo("PERMISSION_DENIED", "CONSUMER_SUSPENDED"), "not set up", false},
		"older disabled API":    {403, legacy("accessNotConfigured"), "not set up", false},
		"disabled API as 400":   {400, errorInfo("INVALID_ARGUMENT", "API_KEY_INVALID"), "not set up", false},
		"no Calendar":           {403, legacy("notACalendarUser"), "turned off", false},
		"account deleted":       {400, errorInfo("FAILED_PRECONDITION", "ACCOUNT_STATE_INVALID"), "turned off", false},
		"administrator":         {403, errorInfo("PERMISSION_DENIED", "USER_BLOCKED_BY_ADMIN"), "forbidden", false},
		"organization":          {403, errorInfo("PERMISSION_DENIED", "ORG_RESTRICTION_VIOLATION"), "forbidden", false},
		"no reason":             {403, `{"error":{"status":"PERMISSION_DENIED"}}`, "forbidden", false},
		"unknown reason":        {403, errorInfo("PERMISSION_DENIED", "TOMORROW"), "forbidden", false},
		"duplicate":             {409, legacy("duplicate"), "exists", false},
		"exists":                {409, errorInfo("ALREADY_EXISTS", ""), "exists", false},
		"aborted":               {409, errorInfo("ABORTED", ""), "broken", true},
		"conflict":              {412, "{}", "exists", false},
		"missing":               {404, legacy("notFound"), "missing", false},
		"deleted":               {410, legacy("deleted"), "missing", false},
		"field":                 {400, legacy("required"), "refused: m", false},
		"argument":              {400, errorInfo("INVALID_ARGUMENT", ""), "refused: m", false},
		"token":                 {401, errorInfo("UNAUTHENTICATED", "ACCESS_TOKEN_EXPIRED"), "token", false},
		"older token":           {401, legacy("authError"), "token", false},
		"too many":              {429, "{}", "busy", true},
		"server":                {500, legacy("backendError"), "broken", true},
		"gateway":               {502, "{}", "broken", true},
		"unavailable":           {503, errorInfo("UNAVAILABLE", ""), "broken", true},
		"odd status":            {418, "{}", "broken", false},
	} {
		for _, e := range answers(t, c.code, c.body) {
			err := allTexts.Fault("op", e)
			got := fault.Public(i18n.In("en"), err, "")
			switch {
			case errors.Is(err, googlecall.ErrScope):
				got = "scope"
			case errors.Is(err, googlecall.ErrToken):
				got = "token"
			}
			if _, retry := googlecall.RetryDelay(e); got != c.want || retry != c.retry {
				t.Errorf("%s: %q, retry %v; %v; %s", name, got, retry, err, e.Body)
			}
			if isSetUp := errors.Is(err, googlecall.ErrNotSetUp); isSetUp != (c.want == "not set up") {
				t.Errorf("%s: not set up: %v", name, isSetUp)
			}
			unknown := strings.Contains(c.body, "TOMORROW") || strings.Contains(c.body, "NEW")
			if strings.Contains(err.Error(), "undocumented") != unknown {
				t.Errorf("%s: the log names an unknown reason: %v", name, err)
			}
		}
	}
}

// Each reason that Google documents for all APIs is known.
func TestReason_Documented(t *testing.T) {
	for _, name := range error_reason.ErrorReason_name {
		err := allTexts.Fault("op", &googleapi.Error{Code: 403, Body: errorInfo("PERMISSION_DENIED", name)})
		if unknown := strings.Contains(err.Error(), "undocumented"); unknown != (name == "ERROR_REASON_UNSPECIFIED") {
			t.Errorf("%v", err)
		}
	}
}

func TestReason_NamesAPI(t *testing.T) {
	e := &googleapi.Error{Code: 403, Body: errorInfo("PERMISSION_DENIED", "SERVICE_DISABLED")}
	const want = "not_set_up: 403 PERMISSION_DENIED SERVICE_DISABLED x.googleapis.com"
	if err := allTexts.Fault("op", e); !strings.Contains(err.Error(), want) {
		t.Error(err)
	}
}

func TestRetryDelay_Forms(t *testing.T) {
	inAnHour := time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
	info := `{"error":{"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"3.5s"}]}}`
	for name, c := range map[string]struct {
		header, body string
		min, max     time.Duration
	}{
		"seconds":            {"7", "", 7 * time.Second, 7 * time.Second},
		"date":               {inAnHour, "", 59 * time.Minute, time.Hour},
		"past date":          {"Sun, 06 Nov 1994 08:49:37 GMT", "", 0, 0},
		"RetryInfo":          {"", info, 3500 * time.Millisecond, 3500 * time.Millisecond},
		"longer of both":     {"7", info, 7 * time.Second, 7 * time.Second},
		"neither":            {"", "", 0, 0},
		"not a time":         {"soon", `{"error":{"details":[{"retryDelay":"soon"}]}}`, 0, 0},
		"negative RetryInfo": {"", strings.ReplaceAll(info, "3.5s", "-3s"), 0, 0},
	} {
		e := &googleapi.Error{Code: 429, Body: c.body, Header: http.Header{"Retry-After": {c.header}}}
		if wait, retry := googlecall.RetryDelay(e); !retry || wait < c.min || wait > c.max {
			t.Errorf("%s: %v, %v", name, wait, retry)
		}
	}
}
