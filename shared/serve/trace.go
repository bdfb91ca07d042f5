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

// traceOf reads the W3C header, else Google's older one, else invents a trace,
// so that a user always has a reference to quote. The older header's span is a
// decimal number, which Cloud Logging does not take: it is left out.
func traceOf(h http.Header) (trace, span string) {
	if m := traceparent.FindStringSubmatch(h.Get("Traceparent")); m != nil {
		return m[1], m[2]
	}
	if m := cloudContext.FindStringSubmatch(h.Get("X-Cloud-Trace-Context")); m != nil {
		return m[1], ""
	}
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand
	return hex.EncodeToString(b[:]), ""
}
