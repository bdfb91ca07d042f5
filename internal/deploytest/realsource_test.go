package deploytest

import (
	"strings"
	"testing"
)

// Cloud Run builds each function from this directory, as the account deputy-build. A second run changes nothing.
func TestReal_FromSource(t *testing.T) {
	inRelease(t)
	c := newRealCloud(t)
	c.must("--from-source", "--client-secrets", c.client)
	builds := 0
	for _, call := range c.Calls() {
		isBuild := strings.HasSuffix(call.URL, "/builds:submit")
		if isBuild && strings.Contains(call.Body, "serviceAccounts/deputy-build@") {
			builds++
		}
	}
	if builds != 4 {
		t.Errorf("%d builds by deputy-build", builds)
	}
	if changes := c.must("--from-source"); len(changes) > 0 {
		t.Errorf("a second run changes %s", strings.Join(changes, "\n"))
	}
}
