package createspace

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"example.com/deputy/shared/api"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/logging"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/serve"
)

// kinds maps each kind of error to its HTTP status and problem name.
var kinds = map[fault.Kind]struct {
	status int
	name   string
}{
	fault.Invalid:         {http.StatusBadRequest, "invalid_request"},
	fault.Unauthenticated: {http.StatusUnauthorized, "unauthenticated"},
	fault.NeedsConsent:    {http.StatusForbidden, "consent_required"},
	fault.NeedsApproval:   {http.StatusForbidden, "approval_required"},
	fault.Denied:          {http.StatusForbidden, "denied"},
	fault.NotFound:        {http.StatusNotFound, "not_found"},
	fault.Conflict:        {http.StatusConflict, "conflict"},
	fault.RateLimited:     {http.StatusTooManyRequests, "rate_limited"},
	fault.Unavailable:     {http.StatusServiceUnavailable, "unavailable"},
}

// seconds returns a time in whole seconds, rounded up.
func seconds(d time.Duration) string { return strconv.Itoa(int(math.Ceil(d.Seconds()))) }

// setQuota sets the fields of draft-ietf-httpapi-ratelimit-headers: the caller's requests per minute, and what is left.
func setQuota(h http.Header, q callers.Quota) {
	h.Set("RateLimit-Policy", fmt.Sprintf(`"caller";q=%d;w=60`, q.PerMinute))
	h.Set("RateLimit", fmt.Sprintf(`"caller";r=%d;t=%s`, q.Left, seconds(q.Reset)))
}

// fail writes the response for an error.
func (s server) fail(w http.ResponseWriter, r *http.Request, err error) {
	reference := logging.Reference(r.Context())
	kind, ok := kinds[fault.KindOf(err)]
	if !ok {
		kind.status, kind.name = http.StatusInternalServerError, "internal"
	}
	p := api.Problem{Detail: fault.Public(i18n.In("en"), err, reference), Reference: reference}
	if field, ok := errors.AsType[*api.FieldError](err); ok {
		p.Errors = &[]api.FieldProblem{{
			Detail: p.Detail, Pointer: api.Some(field.Pointer), Parameter: api.Some(field.Parameter),
		}}
	}
	if n, ok := errors.AsType[*methodError](err); ok {
		kind.status, kind.name = http.StatusMethodNotAllowed, "method_not_allowed"
		w.Header().Set("Allow", n.allowed)
	}
	switch {
	case errors.Is(err, operations.ErrKeyReused):
		kind.status, kind.name = http.StatusUnprocessableEntity, "key_reused"
	case errors.Is(err, serve.ErrTooLarge):
		kind.status, kind.name = http.StatusRequestEntityTooLarge, "too_large"
	case errors.Is(err, api.ErrMediaType):
		kind.status, kind.name = http.StatusUnsupportedMediaType, "unsupported_media_type"
	case errors.Is(err, operations.ErrChanged):
		kind.status, kind.name = http.StatusPreconditionFailed, "changed"
	case errors.Is(err, serve.ErrFull):
		kind = kinds[fault.Unavailable]
	}
	if r, ok := errors.AsType[*operations.RunningError](err); ok {
		kind.name = "in_progress"
		w.Header().Set("Retry-After", seconds(r.RetryAfter()))
	}
	if i, ok := errors.AsType[*operations.InvitationError](err); ok {
		p.Invitation = api.Some(i.Link.Reveal())
		missing := capability.Names(i.Needs.Missing)
		p.Missing = &missing
	}
	p.Type, p.Title = "urn:deputy:problem:"+kind.name, http.StatusText(kind.status)
	p.Status = int32(kind.status) //nolint:gosec // below 600
	switch kind.status {
	case http.StatusUnauthorized:
		challenge := "Bearer"
		if r.Header.Get("Authorization") != "" {
			challenge = `Bearer error="invalid_token"` // RFC 6750, section 3.1
		}
		w.Header().Set("WWW-Authenticate", challenge)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
		if errors.Is(err, serve.ErrFull) {
			w.Header().Set("Retry-After", "2")
		}
		if q, ok := errors.AsType[*callers.QuotaError](err); ok {
			w.Header().Set("Retry-After", seconds(q.Next))
			setQuota(w.Header(), q.Quota)
		}
	}
	if st := stateFrom(r.Context()); st != nil { // the caller is known
		setQuota(w.Header(), s.Callers.Quota(st.caller))
	}
	w.Header().Set("Request-Id", reference)
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(kind.status)
	if err := json.NewEncoder(w).Encode(p); err != nil {
		panic(err) // the endpoint responds with 500
	}
}
