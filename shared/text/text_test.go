package text_test

import (
	"testing"

	"example.com/deputy/shared/text"
)

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"":                               "",
		" Launch plan\t\n":               "Launch plan",
		"\u200b":                         "",
		"\ufeff \u200b\u2060":            "",
		"\u2800\u3164\u115f":             "",
		"\ufeffPlan":                     "Plan",
		"Plan\u200e":                     "Plan",
		"\u2068Plan\u2069":               "Plan",
		"a\u200fb":                       "a\u200fb", // a mark for one character
		"a\u202eb":                       "ab",
		"a\x00\x1b[2Jb":                  "a[2Jb",
		"a\u0085b":                       "ab",
		"one\r\ntwo\n\tthree":            "one\ntwo\n\tthree",
		"\U0001f469\u200d\U0001f4bb":     "\U0001f469\u200d\U0001f4bb",     // a woman at a computer
		"\u0645\u06cc\u200c\u062e\u0648": "\u0645\u06cc\u200c\u062e\u0648", // Persian
		"a\xffb":                         "ab",
		"\u00ad\u00ad":                   "",
		"\ufe0f":                         "",
	} {
		if got := text.Clean(in); got != want {
			t.Errorf("%+q: %+q, want %+q", in, got, want)
		}
	}
}

func TestLine(t *testing.T) {
	for in, want := range map[string]string{
		"a\n b\tc": "a b c", "\u00a0a\u00a0\u2003b": "a b", "\u200b\n\u200b": "", "a \u200b b": "a \u200b b",
	} {
		if got := text.Line(in); got != want {
			t.Errorf("%+q: %+q, want %+q", in, got, want)
		}
	}
}

func TestVisible(t *testing.T) {
	for in, want := range map[string]string{
		"a\u200bb@x": "ab@x", "10\u200e:30 am": "10:30 am", "a\x00b\nc": "ab\nc", "\ufeff": "",
	} {
		if got := text.Visible(in); got != want {
			t.Errorf("%+q: %+q, want %+q", in, got, want)
		}
	}
}

func TestComparable(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"Caf\u00e9", "Cafe\u0301", true},
		{"Plan ", " Plan", true},
		{"Plan\u200b", "Plan", true},
		{"Plan  B", "Plan B", true},
		{"Plan", "plan", false},
		{"Plan", "Plan 2", false},
	} {
		if got := text.Comparable(c.a) == text.Comparable(c.b); got != c.want {
			t.Errorf("%+q, %+q: %v", c.a, c.b, got)
		}
	}
}
