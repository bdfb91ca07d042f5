package googlecall

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/api/googleapi"
)

// meaning is what an error of Google means for Deputy.
type meaning int

const (
	unknown      meaning = iota // the reason is not in reasons
	tooMany                     // a rate limit or quota is exceeded
	noToken                     // the token is not accepted
	noScope                     // the token lacks a scope
	notSetUp                    // the project is not set up for the API; only an operator can change that
	turnedOff                   // the service is turned off for the account
	notAllowed                  // the account may not do this
	exists                      // the resource exists, or has changed
	notFound                    // the resource doesn't exist, or isn't visible
	badRequest                  // the request is invalid
	serverFailed                // an error on Google's side
)

// reasons maps the documented reasons of Google's errors to what they mean. Sources: the enum ErrorReason of
// google.api, for ErrorInfo (AIP-193), and the pages "Handle API errors" of Calendar and "Standard error responses" of
// Google's older APIs, for errors[].reason.
var reasons = map[string]meaning{
	"RATE_LIMIT_EXCEEDED": tooMany, "RESOURCE_QUOTA_EXCEEDED": tooMany, "EMULATOR_QUOTA_EXCEEDED": tooMany,
	"rateLimitExceeded": tooMany, "userRateLimitExceeded": tooMany, "quotaExceeded": tooMany,
	"dailyLimitExceeded": tooMany, "limitExceeded": tooMany, "servingLimitExceeded": tooMany,
	"concurrentLimitExceeded": tooMany, "variableTermLimitExceeded": tooMany, "calendarUsageLimitsExceeded": tooMany,

	"ACCESS_TOKEN_EXPIRED": noToken, "ACCESS_TOKEN_TYPE_UNSUPPORTED": noToken, "CREDENTIALS_MISSING": noToken,
	"JWT_TOKEN_INVALID": noToken, "CREDENTIAL_TYPE_UNSUPPORTED": noToken, "SESSION_COOKIE_INVALID": noToken,
	"CREDENTIAL_ANDROID_APP_INVALID": noToken,
	"authError":                      noToken, "required": noToken, "expired": noToken,

	"ACCESS_TOKEN_SCOPE_INSUFFICIENT": noScope, "insufficientPermissions": noScope,
	"insufficientAuthorizedParty": noScope,

	"SERVICE_DISABLED": notSetUp, "SERVICE_NOT_VISIBLE": notSetUp, "BILLING_DISABLED": notSetUp,
	"USER_PROJECT_DENIED": notSetUp, "CONSUMER_SUSPENDED": notSetUp, "CONSUMER_INVALID": notSetUp,
	"RESOURCE_PROJECT_INVALID": notSetUp, "GCP_SUSPENDED": notSetUp, "IAM_PERMISSION_DENIED": notSetUp,
	"API_KEY_INVALID": notSetUp, "API_KEY_SERVICE_BLOCKED": notSetUp, "API_KEY_HTTP_REFERRER_BLOCKED": notSetUp,
	"API_KEY_IP_ADDRESS_BLOCKED": notSetUp, "API_KEY_ANDROID_APP_BLOCKED": notSetUp,
	"API_KEY_IOS_APP_BLOCKED": notSetUp, "MCP_SERVER_DISABLED": notSetUp, "MISSING_ORIGIN": notSetUp,
	"OVERLOADED_CREDENTIALS": notSetUp,
	"accessNotConfigured":    notSetUp, "keyInvalid": notSetUp, "ipRefererBlocked": notSetUp,

	"failedPrecondition": turnedOff, "notACalendarUser": turnedOff, "ACCOUNT_STATE_INVALID": turnedOff,
	"ACCOUNT_TYPE_UNSUPPORTED": turnedOff,

	"USER_BLOCKED_BY_ADMIN": notAllowed, "ORG_RESTRICTION_VIOLATION": notAllowed,
	"SECURITY_POLICY_VIOLATED": notAllowed, "RESOURCE_USAGE_RESTRICTION_VIOLATED": notAllowed,
	"LOCATION_POLICY_VIOLATED": notAllowed, "LOCATION_ORG_POLICY_VIOLATED": notAllowed,
	"LOCATION_TAX_POLICY_VIOLATED": notAllowed, "ORG_RESTRICTION_HEADER_INVALID": notAllowed,
	"TLS_ORG_POLICY_VIOLATED": notAllowed, "TLS_CIPHER_RESTRICTION_VIOLATED": notAllowed,
	"ENDPOINT_USAGE_RESTRICTION_VIOLATED": notAllowed,
	"forbidden":                           notAllowed, "domainPolicy": notAllowed,
	"forbiddenForNonOrganizer": notAllowed, "accountDisabled": notAllowed,

	"duplicate": exists, "conflict": exists, "conditionNotMet": exists, "alreadyExists": exists,
	"notFound": notFound, "deleted": notFound,

	"badRequest": badRequest, "invalid": badRequest, "invalidParameter": badRequest, "parseError": badRequest,
	"timeRangeEmpty": badRequest, "invalidArgument": badRequest, "SYSTEM_PARAMETER_UNSUPPORTED": badRequest,
	"aborted": serverFailed, "backendError": serverFailed, "internalError": serverFailed,
}

// failure is the part of a Google API error that is safe to log: all but its messages.
type failure struct {
	code    int      // HTTP status
	status  string   // the canonical name, such as ALREADY_EXISTS
	reasons []string // of ErrorInfo first, then those of older APIs
	service string   // metadata of ErrorInfo: the API's name, such as chat.googleapis.com
	wait    time.Duration
}

func parseError(e *googleapi.Error) failure {
	var body struct {
		Error struct {
			Status  string `json:"status"`
			Details []struct {
				Type     string            `json:"@type"`
				Reason   string            `json:"reason"`
				Metadata map[string]string `json:"metadata"`
				Delay    string            `json:"retryDelay"` // of RetryInfo
			} `json:"details"`
			Errors []struct { // of older APIs
				Reason string `json:"reason"`
			} `json:"errors"`
		} `json:"error"`
	}
	_ = json.Unmarshal([]byte(e.Body), &body) // not JSON: no status
	f := failure{code: e.Code, status: body.Error.Status, wait: retryAfter(e.Header)}
	for _, d := range body.Error.Details {
		switch d.Type {
		case "type.googleapis.com/google.rpc.ErrorInfo":
			f.addReason(d.Reason)
			f.service = d.Metadata["service"]
		case "type.googleapis.com/google.rpc.RetryInfo":
			delay, _ := time.ParseDuration(d.Delay) // invalid: 0
			f.wait = max(f.wait, delay)
		}
	}
	for _, d := range body.Error.Errors {
		f.addReason(d.Reason)
	}
	return f
}

func (f *failure) addReason(reason string) {
	if reason != "" && !slices.Contains(f.reasons, reason) {
		f.reasons = append(f.reasons, reason)
	}
}

// retryAfter returns the seconds or the time of the header Retry-After (RFC 9110, section 10.2.3).
func retryAfter(h http.Header) time.Duration {
	text := h.Get("Retry-After")
	if at, err := http.ParseTime(text); err == nil {
		return max(0, time.Until(at))
	}
	seconds, _ := strconv.Atoi(text) // absent or invalid: 0
	return time.Duration(seconds) * time.Second
}

// meaning returns what the first documented reason means, or else what the status means.
func (f failure) meaning() meaning {
	if f.code == http.StatusUnauthorized {
		return noToken // a reason says why
	}
	general := unknown // a reason that says no more than the HTTP status does
	for _, r := range f.reasons {
		switch m := reasons[r]; m {
		case unknown, badRequest, notAllowed, notFound, serverFailed:
			general = cmp.Or(general, m)
		case noToken: // in a 400, "required" is about a field
			if f.code == http.StatusForbidden {
				return m
			}
		default:
			return m
		}
	}
	switch {
	case f.code == http.StatusTooManyRequests || f.status == "RESOURCE_EXHAUSTED":
		return tooMany
	case f.status == "ALREADY_EXISTS" || f.code == http.StatusPreconditionFailed:
		return exists
	case f.status == "FAILED_PRECONDITION":
		return turnedOff
	case f.status == "ABORTED":
		return serverFailed
	case general != unknown:
		return general
	case f.code == http.StatusForbidden:
		return notAllowed
	case f.code == http.StatusNotFound || f.code == http.StatusGone:
		return notFound
	case f.code == http.StatusBadRequest:
		return badRequest
	case f.code >= http.StatusInternalServerError:
		return serverFailed
	}
	return unknown
}

// String returns the failure for the log. It marks a reason that is not in the table, so that it can be added.
func (f failure) String() string {
	parts := append([]string{strconv.Itoa(f.code), f.status}, f.reasons...)
	if f.service != "" {
		parts = append(parts, f.service)
	}
	for _, r := range f.reasons {
		if reasons[r] == unknown {
			parts = append(parts, "(undocumented reason "+strconv.Quote(r)+")")
		}
	}
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), " ")
}
