package serve

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"regexp"
)

var (
	traceparent  = regexp.MustCompile(`^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}`)
	cloudContext = regexp.MustCompile(`^([0-9a-f]{32})(?:/(\d{1,20}))?`)
)

// traceContext returns the trace and span IDs of the W3C header or of Google's older
// header, or a random trace ID, so that a user always has a reference. The older
// header's span is omitted: it is decimal, which Cloud Logging does not accept.
func traceContext(h http.Header) (trace, span string) {
	if m := traceparent.FindStringSubmatch(h.Get("Traceparent")); m != nil {
		return m[1], m[2]
	}
	if m := cloudContext.FindStringSubmatch(h.Get("X-Cloud-Trace-Context")); m != nil {
		return m[1], ""
	}
	var b [16]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never returns an error
	return hex.EncodeToString(b[:]), ""
}
