package googleauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"golang.org/x/oauth2"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/strictjson"
	"example.com/deputy/shared/words"
)

// Errors of the token endpoint, for errors.Is.
var (
	// ErrInvalidGrant means that the code or refresh token is expired, revoked or invalid. The fault is NeedsConsent.
	ErrInvalidGrant = errors.New("invalid_grant")
	// ErrReauth means that a session policy requires a new sign-in. The grant itself is
	// still valid. The fault is NeedsConsent.
	ErrReauth = errors.New("invalid_rapt")
	// ErrClient means that Google rejects the OAuth client, which only the operator can
	// correct. The fault is Unavailable.
	ErrClient = errors.New("OAuth client rejected")
)

// tokenErrors maps the codes of the token endpoint to what a person reads and what becomes of the grant: nothing,
// except for ErrInvalidGrant and ErrReauth. A code that is not here is reported with its name. Sources: RFC 6749,
// section 5.2; identity/protocols/oauth2/web-server and limited-input-device; error codes that people reported.
var tokenErrors = map[string]struct {
	kind   fault.Kind
	public i18n.Text
	is     error // for errors.Is
}{
	"invalid_grant": {fault.NeedsConsent, fault.NoText, ErrInvalidGrant},
	"invalid_rapt":  {fault.NeedsConsent, fault.NoText, ErrReauth}, // an error_subtype of invalid_grant
	"rapt_required": {fault.NeedsConsent, fault.NoText, ErrReauth}, // another one

	"invalid_client":        {fault.Unavailable, words.ErrorSetUpBroken, ErrClient},
	"deleted_client":        {fault.Unavailable, words.ErrorSetUpBroken, ErrClient},
	"disabled_client":       {fault.Unavailable, words.ErrorSetUpBroken, ErrClient},
	"unauthorized_client":   {fault.Unavailable, words.ErrorSetUpBroken, ErrClient},
	"redirect_uri_mismatch": {fault.Unavailable, words.ErrorSetUpBroken, ErrClient},

	"access_denied":         {fault.Denied, words.ErrorAccountRestricted, nil}, // such as "Account restricted"
	"admin_policy_enforced": {fault.Denied, words.ErrorAdminPolicy, nil},
	"org_internal":          {fault.Denied, words.ErrorMembersOnly, nil},

	"invalid_request":        {fault.Internal, fault.NoText, nil},
	"invalid_scope":          {fault.Internal, fault.NoText, nil},
	"unsupported_grant_type": {fault.Internal, fault.NoText, nil},

	"rate_limit_exceeded":     {fault.Unavailable, words.ErrorGoogleSilent, errTransient},
	"slow_down":               {fault.Unavailable, words.ErrorGoogleSilent, errTransient},
	"temporarily_unavailable": {fault.Unavailable, words.ErrorGoogleSilent, errTransient},
	"server_error":            {fault.Unavailable, words.ErrorGoogleSilent, errTransient},
	"internal_failure":        {fault.Unavailable, words.ErrorGoogleSilent, errTransient},
}

var errTransient = errors.New("transient")

// tokenFault converts an error of the token endpoint to a fault. It uses the codes, which are no secrets, never the
// description, and omits the body, which may contain tokens.
func tokenFault(op string, err error) error {
	e, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		return &fault.Error{Op: op, Kind: fault.Unavailable, Public: words.ErrorGoogleSilent, Err: withoutBody(err)}
	}
	var body struct {
		Subtype string `json:"error_subtype"`
	}
	_ = strictjson.Decode(e.Body, &body) // not JSON: no subtype
	code := e.ErrorCode
	if _, known := tokenErrors[body.Subtype]; known && code == "invalid_grant" {
		code = body.Subtype
	}
	known, ok := tokenErrors[code]
	cause := fmt.Errorf("status %d %.40q", e.Response.StatusCode, code)
	switch {
	case ok && known.is != nil:
		cause = fmt.Errorf("%w: %w", known.is, cause)
	case ok:
	case isTransientAnswer(e.Response.StatusCode, code):
		known.kind, known.public = fault.Unavailable, words.ErrorGoogleSilent
	default:
		known.kind, known.public = fault.Denied, words.ErrorAccountRefused
	}
	return &fault.Error{Op: op, Kind: known.kind, Public: known.public, Err: cause}
}

// retryToken reports whether an error of the token endpoint is transient.
func retryToken(err error) (wait time.Duration, retry bool) {
	e, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		return 0, true // no response, or an unreadable one
	}
	seconds, _ := strconv.Atoi(e.Response.Header.Get("Retry-After")) // absent, or a date: 0
	transient := isTransientAnswer(e.Response.StatusCode, e.ErrorCode)
	return time.Duration(seconds) * time.Second, transient || errors.Is(tokenErrors[e.ErrorCode].is, errTransient)
}

func isTransient(status int) bool {
	return status == http.StatusTooManyRequests || status >= http.StatusInternalServerError
}

// isTransientAnswer is isTransient for the token endpoint. An answer without a code isn't its own.
func isTransientAnswer(status int, code string) bool { return isTransient(status) || code == "" }

// withoutBody replaces an error of x/oauth2 for an unreadable response, because its text may quote the response.
func withoutBody(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return err
	}
	return errors.New("unreadable response")
}
