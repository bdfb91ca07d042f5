package main

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/emulator/google"
)

func TestKickoff_PersonTimeZone(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		w.google.SetStrict(0) // the usual shapes of answers
		b := w.browser(t, ada)
		b.space = "AAAAteam"
		b.connectWith("/kickoff 2099-12-01 14:00 45m")
		b.wantChat("Meeting scheduled", "Kickoff: Team", "1 December 2099, 14:00 CET", "Grace Hopper, Alan Turing",
			"Not invited", "Google doesn't show you their email addresses",
			"Open in Calendar", "Join", "Only visible to you")
		zone, err := time.LoadLocation(google.TimeZone)
		if err != nil {
			t.Fatal(err)
		}
		got := w.google.Events(ada)
		if len(got) != 1 {
			t.Fatalf("events: %v", got)
		}
		start := time.Date(2099, 12, 1, 14, 0, 0, 0, zone)
		if !got[0].Start.Equal(start) || !got[0].End.Equal(start.Add(45*time.Minute)) {
			t.Errorf("from %v to %v", got[0].Start, got[0].End)
		}
		if diff := cmp.Diff([]string{"grace@example.com", "alan@example.com"}, got[0].Guests); diff != "" {
			t.Error(diff)
		}
	})
}

func TestKickoff_InvalidTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser(t, ada)
	b.space = "AAAAteam"
	b.wantText(b.say("/kickoff next week"), "Deputy doesn't recognize this time. Enter a time such as tomorrow 10:00")
	b.space = "DM" + ada.Sub
	b.wantText(b.say("/kickoff"), "Only you and Deputy are here")
	b.space = "AAAAteam"
	b.connectWith("/kickoff")
	b.wantText(b.say("/kickoff 2020-01-01 10:00"), "That time is in the past")
	if got := len(w.google.Events(ada)); got != 1 {
		t.Errorf("events: got %d, want 1", got)
	}
}

func TestKickoff_CalendarError(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser(t, ada)
	b.space = "AAAAteam"
	b.connectWith("/kickoff")
	w.google.FailAs("calendar.events.insert", google.RateLimited, google.RateLimited)
	b.wantText(b.say("/kickoff tomorrow 10:00"), "Meeting scheduled") // Deputy retries silently
	w.google.FailAs("calendar.events.insert", slices.Repeat([]google.Fault{google.RateLimited}, 4)...)
	b.wantText(b.say("/kickoff tomorrow 11:00"), "Google Calendar is receiving too many requests", "Try again")
	w.google.FailAs("calendar.events.insert", google.Fault{Status: 400, Message: "Invalid attendee email."})
	b.wantText(b.say("/kickoff tomorrow 12:00"), "Google Calendar rejected the request: Invalid attendee email.")
}
