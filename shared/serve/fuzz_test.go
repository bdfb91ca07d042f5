package serve

import (
	"net/http"
	"regexp"
	"testing"
)

// FuzzTraceContext checks that only a valid trace reaches the log, whatever the header holds.
func FuzzTraceContext(f *testing.F) {
	f.Add("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "")
	f.Add("", "105445aa7843bc8bf206b12000100000/1;o=1")
	f.Add("00-x", "\n")
	valid := regexp.MustCompile(`^([0-9a-f]{32})?$`)
	f.Fuzz(func(t *testing.T, parent, cloud string) {
		trace, span := traceContext(http.Header{"Traceparent": {parent}, "X-Cloud-Trace-Context": {cloud}})
		if !valid.MatchString(trace) || len(span) > 20 {
			t.Errorf("%q, %q: got %q, %q", parent, cloud, trace, span)
		}
	})
}
