package buildpack

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// firedAlert returns the name of a metric in deploy/alerts that counts one of these log lines, "5xx" if a function did
// not start, which Cloud Run counts itself, or "".
func firedAlert(lines string) string {
	files, _ := filepath.Glob(root + "/deploy/alerts/*.metric")
	for line := range strings.Lines(lines) {
		var fields map[string]any
		if json.Unmarshal([]byte(line), &fields) != nil || fields["severity"] != "ERROR" {
			continue
		}
		for _, file := range files {
			filter, err := os.ReadFile(file)
			if err == nil && matches(strings.TrimSpace(string(filter)), fields) {
				return filepath.Base(file)
			}
		}
		if fields["message"] == "start failed" {
			return "5xx"
		}
	}
	return ""
}

// matches evaluates what deploy/alerts uses of the Logging query language on a line of a function.
func matches(filter string, line map[string]any) bool {
	for filter != "" {
		var term string
		if strings.HasPrefix(filter, "(") {
			term, filter, _ = strings.Cut(filter[1:], ")")
			filter = strings.TrimPrefix(filter, " AND ")
		} else {
			term, filter, _ = strings.Cut(filter, " AND ")
		}
		any := false
		for option := range strings.SplitSeq(term, " OR ") {
			name, ofLine := strings.CutPrefix(option, "jsonPayload.")
			key, want, isEqual := strings.Cut(name, "=")
			key, has := strings.CutSuffix(key, ":*")
			_, there := line[key]
			any = any || !ofLine || has && there || isEqual && line[key] == strings.Trim(want, `"`)
		}
		if !any {
			return false
		}
	}
	return true
}

func TestMatches(t *testing.T) {
	line := map[string]any{"message": "request", "outcome": "unavailable"}
	for filter, want := range map[string]bool{
		`resource.type="cloud_run_revision" AND jsonPayload.message="request"`:                              true,
		`jsonPayload.message="request" AND (jsonPayload.outcome="internal" OR jsonPayload.outcome="ok")`:    false,
		`jsonPayload.message="request" AND (jsonPayload.outcome="unavailable" OR jsonPayload.outcome="ok")`: true,
		`jsonPayload.alarm:*`: false, `jsonPayload.outcome:*`: true,
		`(jsonPayload.outcome="unavailable") AND jsonPayload.message="start failed"`: false,
	} {
		if got := matches(filter, line); got != want {
			t.Errorf("%s: %v", filter, got)
		}
	}
}
