package spaces

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestTakenName_Next(t *testing.T) {
	long := strings.Repeat("ä", 128)
	for _, c := range []struct{ asked, taken, want string }{
		{"Plan", "Plan", "Plan 2"},
		{"Plan", "Plan 2", "Plan 3"},
		{"Plan", "Plan 99", "Plan 100"},
		{"Plan 2", "Plan 2", "Plan 2 2"},
		{"Incident 911", "Incident 911", "Incident 911 2"},
		{"Incident 911", "Incident 911 2", "Incident 911 3"},
		{"007", "007", "007 2"},
		{"", "Plan 7", "Plan 7 2"},
		{"Plan", "Another 2", "Another 2 2"}, // changed in the form
		{long, long, strings.Repeat("ä", 126) + " 2"},
		{long, strings.Repeat("ä", 126) + " 9", strings.Repeat("ä", 125) + " 10"},
	} {
		taken := TakenName{Name: c.taken, Asked: c.asked}
		if got := taken.Next(); got != c.want || utf8.RuneCountInString(got) > 128 {
			t.Errorf("%q, %q: got %q, want %q", c.asked, c.taken, got, c.want)
		}
	}
}
