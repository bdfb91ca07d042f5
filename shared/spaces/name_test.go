package spaces

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestNextName(t *testing.T) {
	long := strings.Repeat("ä", 128)
	for name, want := range map[string]string{
		"Plan": "Plan 2", "Plan 2": "Plan 3", "Plan 99": "Plan 100", "Plan 2027": "Plan 2027 2", "7": "7 2",
		long: strings.Repeat("ä", 126) + " 2",
	} {
		if got := NextName(name); got != want || utf8.RuneCountInString(got) > 128 {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}
