package meetings_test

import (
	"testing"
	"time"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/meetings"
)

func berlin(t *testing.T) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func TestParseTimeSlot(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 7, 30, 0, berlin(t))
	for text, want := range map[string]string{
		"":                        "2026-11-23T09:15:00+01:00 30m0s",
		"1h":                      "2026-11-23T09:15:00+01:00 1h0m0s",
		"10:00":                   "2026-11-23T10:00:00+01:00 30m0s",
		"9:30 45m":                "2026-11-23T09:30:00+01:00 45m0s",
		"today 15:30":             "2026-11-23T15:30:00+01:00 30m0s",
		"Tomorrow  10:00":         "2026-11-24T10:00:00+01:00 30m0s",
		"明天 10:00 1h30m":          "2026-11-24T10:00:00+01:00 1h30m0s",
		"明天 １０：００":                "2026-11-24T10:00:00+01:00 30m0s",
		"明天10:00":                 "2026-11-24T10:00:00+01:00 30m0s",
		"2026-12-01 14:00 45m":    "2026-12-01T14:00:00+01:00 45m0s",
		"2027-06-01 14:00":        "2027-06-01T14:00:00+02:00 30m0s",
		"2027-03-28 03:00 1h":     "2027-03-28T03:00:00+02:00 1h0m0s",
		"\t2026-12-31 23:45 24h ": "2026-12-31T23:45:00+01:00 24h0m0s",
	} {
		if got, err := meetings.ParseTimeSlot(text, now); err != nil || got.String() != want {
			t.Errorf("%q: got %v, %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{
		"soon", "tomorrow", "2026-12-01", "25:00", "10:60", "10", "10:00 0m", "10:00 25h", "10:00 99999999999999h",
		"2026-13-01 10:00", "2026-02-30 10:00",
		"08:00", "2026-11-22 10:00", // in the past
		"2027-03-28 02:30", // skipped when the clocks change
		"next week 10:00", "10:00 45", "10:00 45m please",
	} {
		if got, err := meetings.ParseTimeSlot(text, now); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: got %v, %v", text, got, err)
		}
	}
}

// Only a date that is past everywhere is refused before the person's zone is known.
func TestCheckTimeSlot(t *testing.T) {
	now := time.Date(2026, 11, 23, 8, 7, 30, 0, time.UTC) // in UTC-12, it is still the day before
	for text, ok := range map[string]bool{
		"": true, "15:30 1h": true, "today 18:00": true, "0:00": true, "tomorrow 10:00": true, "2026-11-22 23:00": true,
		"2026-11-22 10:00": false, "2026-11-21 23:00": false, "soon": false,
	} {
		if err := meetings.CheckTimeSlot(text, now); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzParseTimeSlot(f *testing.F) {
	for _, text := range []string{"", "tomorrow 10:00", "2026-12-01 14:00 45m", "明天 9:00"} {
		f.Add(text)
	}
	now := time.Date(2026, 11, 23, 9, 7, 30, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		got, err := meetings.ParseTimeSlot(text, now)
		if err == nil && (got.Start.Before(now) || got.Length <= 0 || got.Length > 24*time.Hour) {
			t.Errorf("%q: %v", text, got)
		}
		if err != nil && fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v", text, err)
		}
	})
}
