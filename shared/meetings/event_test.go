package meetings_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/emulator/google"
	"example.com/deputy/internal/googletest"
	"example.com/deputy/internal/seed"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/meetings"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/seal"
)

var ada = google.People()[0]

var adaName = resource.Person(ada.User())

// fixture is Meetings at an emulated Google.
type fixture struct {
	*meetings.Meetings
	google *googletest.Google
	actor  *googletest.Actor
}

// inBubble runs a test in a synctest bubble.
func inBubble(t *testing.T, test func(*testing.T, fixture)) {
	t.Helper()
	inSeededBubble(t, seed.Get(t), test)
}

func inSeededBubble(t *testing.T, strict uint64, test func(*testing.T, fixture)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		keyset, lookup, err := seal.Generate()
		if err != nil {
			t.Fatal(err)
		}
		keys, err := seal.New(keyset, lookup, "p", "c")
		if err != nil {
			t.Fatal(err)
		}
		g := googletest.New(google.Config{Strict: strict})
		actor := &googletest.Actor{Google: g}
		urls := meetings.Endpoints{Meet: googletest.URL + "/", Calendar: googletest.URL + "/calendar/v3/"}
		m, err := meetings.New(t.Context(), actor, keys, urls, g)
		if err != nil {
			t.Fatal(err)
		}
		test(t, fixture{m, g, actor})
	})
}

// kickoff is an event of a given number of guests.
func kickoff(t *testing.T, guests int) meetings.Event {
	e := meetings.Event{Title: "Kickoff", When: meetings.TimeSlot{
		Start: time.Date(2026, 12, 1, 14, 0, 0, 0, berlin(t)), Length: 45 * time.Minute,
	}}
	for i := range guests {
		e.Guests = append(e.Guests, fmt.Sprintf("guest-%d@example.com", i))
	}
	return e
}

func TestSchedule(t *testing.T) {
	inSeededBubble(t, 0, func(t *testing.T, f fixture) {
		e := kickoff(t, 2)
		first, err := f.Schedule(t.Context(), adaName, "key", e)
		if err != nil || !first.Start.Equal(e.When.Start) || !strings.Contains(first.Address, "calendar/event?eid=") ||
			!strings.HasPrefix(first.Room, "https://meet.google.com/") {
			t.Fatalf("%+v, %v", first, err)
		}
		id := strings.TrimPrefix(first.Address, "https://www.google.com/calendar/event?eid=")
		want := []string{`POST /calendar/v3/calendars/primary/events?conferenceDataVersion=1&sendUpdates=all ` +
			`{"attendees":[{"email":"guest-0@example.com"},{"email":"guest-1@example.com"}],` +
			`"conferenceData":{"createRequest":{"conferenceSolutionKey":{"type":"hangoutsMeet"},` +
			`"requestId":"` + id + `"}},` +
			`"end":{"dateTime":"2026-12-01T14:45:00+01:00","timeZone":"Europe/Berlin"},"id":"` + id + `",` +
			`"start":{"dateTime":"2026-12-01T14:00:00+01:00","timeZone":"Europe/Berlin"},"summary":"Kickoff"}`}
		if diff := cmp.Diff(want, f.google.TakeRequests()); diff != "" {
			t.Error(diff)
		}
		later := e
		later.When.Start = e.When.Start.Add(time.Hour)
		again, err := f.Schedule(t.Context(), adaName, "key", later)
		if diff := cmp.Diff(first, again); err != nil || diff != "" {
			t.Errorf("repeated with another time: %v, %s", err, diff)
		}
		if _, err := f.Schedule(t.Context(), adaName, "other", e); err != nil || len(f.google.Events(ada)) != 2 {
			t.Errorf("another key: %v, %v", err, f.google.Events(ada))
		}
	})
}

const insert = "POST /calendar/v3/calendars/primary/events"

// Google creates a room later than its event, or not at all.
func TestSchedule_RoomStates(t *testing.T) {
	state := func(code string) string {
		return `{"id":"a","conferenceData":{"createRequest":{"status":{"statusCode":"` + code + `"}}}}`
	}
	for name, c := range map[string]struct {
		answer  string
		room    string
		pending bool
	}{
		"pending":       {state("pending"), "", true},
		"failure":       {state("failure"), "", false},
		"unknown state": {state("tomorrow"), "", false},
		"no conference": {`{"id":"a"}`, "", false},
		"success":       {`{"id":"a","hangoutLink":"https://meet.google.com/x"}`, "https://meet.google.com/x", false},
		"link, pending": {
			`{"hangoutLink":"https://x.test",` + state("pending")[1:], "https://x.test", false,
		},
	} {
		inBubble(t, func(t *testing.T, f fixture) {
			f.google.Answer(insert, c.answer)
			got, err := f.Schedule(t.Context(), adaName, "key", kickoff(t, 0))
			if err != nil || got.Room != c.room || got.Pending != c.pending {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
		})
	}
}

// A calendar without Meet gets the event without a room (google/SP11-insert-400.json), under the same ID.
func TestSchedule_WithoutMeet(t *testing.T) {
	noMeet := google.Fault{Status: 400, Message: "Invalid conference type value.", LegacyReason: "invalid"}
	inBubble(t, func(t *testing.T, f fixture) {
		f.google.FailAs("calendar.events.insert", noMeet)
		got, err := f.Schedule(t.Context(), adaName, "key", kickoff(t, 1))
		events := f.google.Events(ada)
		if err != nil || got.Room != "" || got.Pending || len(events) != 1 || events[0].Room {
			t.Fatalf("%+v, %v, %v", got, err, events)
		}
		f.google.FailAs("calendar.events.insert", noMeet)
		again, err := f.Schedule(t.Context(), adaName, "key", kickoff(t, 1))
		if err != nil || again.Address != got.Address || len(f.google.Events(ada)) != 1 {
			t.Errorf("repeated: %+v, %v", again, err)
		}
		f.google.FailAs("calendar.events.insert", noMeet, noMeet)
		if _, err := f.Schedule(t.Context(), adaName, "other", kickoff(t, 1)); fault.KindOf(err) != fault.Invalid {
			t.Errorf("refused without a conference, too: %v", err)
		}
		other := google.Fault{Status: 400, Message: "Invalid attendee email.", LegacyReason: "invalid"}
		f.google.FailAs("calendar.events.insert", other)
		_, err = f.Schedule(t.Context(), adaName, "third", kickoff(t, 1))
		if fault.KindOf(err) != fault.Invalid || len(f.google.Events(ada)) != 1 {
			t.Errorf("another refusal: %v", err)
		}
	})
}

// An event that was deleted since is not reported as scheduled (google/SP12-events-get.json).
func TestSchedule_Canceled(t *testing.T) {
	inBubble(t, func(t *testing.T, f fixture) {
		if _, err := f.Schedule(t.Context(), adaName, "key", kickoff(t, 1)); err != nil {
			t.Fatal(err)
		}
		f.google.CancelEvents(ada)
		_, err := f.Schedule(t.Context(), adaName, "key", kickoff(t, 1))
		text := fault.Public(i18n.In("en"), err, "r")
		if fault.KindOf(err) != fault.Conflict || !strings.Contains(text, "deleted in Google Calendar") {
			t.Errorf("%v, %q", err, text)
		}
	})
}

// Each of Google's errors has the text of its API.
func TestMeetings_ErrorReasons(t *testing.T) {
	for name, c := range map[string]struct {
		fault google.Fault
		want  string
	}{
		"disabled": {
			google.Fault{Status: 403, Reason: "SERVICE_DISABLED", Service: "calendar-json.googleapis.com"},
			"isn't set up correctly",
		},
		"off for the account": {
			google.Fault{Status: 400, Canonical: "FAILED_PRECONDITION"}, "is turned off for this account",
		},
		"blocked": {google.Fault{Status: 403, Reason: "USER_BLOCKED_BY_ADMIN"}, "denied this request"},
	} {
		inBubble(t, func(t *testing.T, f fixture) {
			for _, call := range []struct {
				method string
				make   func() error
			}{
				{"calendar.events.list", func() error { _, err := f.Zone(t.Context(), adaName); return err }},
				{"calendar.events.insert", func() error {
					_, err := f.Schedule(t.Context(), adaName, "key", kickoff(t, 1))
					return err
				}},
				{"meet.spaces.create", func() error { _, err := f.CreateRoom(t.Context(), adaName); return err }},
			} {
				f.google.FailAs(call.method, c.fault)
				err := call.make()
				if text := fault.Public(i18n.In("en"), err, "r"); !strings.Contains(text, c.want) ||
					f.google.Count(call.method) != 1 {
					t.Errorf("%s, %s: %q, %v, %d calls", name, call.method, text, err, f.google.Count(call.method))
				}
			}
		})
	}
}

// A start that Google omits or that Deputy can't read is the requested one.
func TestSchedule_UnknownStart(t *testing.T) {
	inBubble(t, func(t *testing.T, f fixture) {
		for _, answer := range []string{`{"id":"a"}`, `{"id":"a","start":{"date":"2026-12-02"}}`} {
			f.google.Answer("POST /calendar/v3/calendars/primary/events", answer)
			got, err := f.Schedule(t.Context(), adaName, "key", kickoff(t, 0))
			if want := kickoff(t, 0).When.Start; err != nil || !got.Start.Equal(want) {
				t.Errorf("%s: %+v, %v", answer, got, err)
			}
		}
	})
}

func TestSchedule_GuestLimit(t *testing.T) {
	inBubble(t, func(t *testing.T, f fixture) {
		if _, err := f.Schedule(t.Context(), adaName, "a", kickoff(t, meetings.MaxGuests)); err != nil {
			t.Errorf("%d guests: %v", meetings.MaxGuests, err)
		}
		_, err := f.Schedule(t.Context(), adaName, "b", kickoff(t, meetings.MaxGuests+1))
		if fault.KindOf(err) != fault.Invalid || len(f.google.Events(ada)) != 1 {
			t.Errorf("one more: %v", err)
		}
	})
}

func TestMeetings_GoogleErrors(t *testing.T) {
	inBubble(t, func(t *testing.T, f fixture) {
		calls := map[string]struct {
			method string
			make   func(context.Context) error
		}{
			"zone": {"calendar.events.list", func(ctx context.Context) error {
				_, err := f.Zone(ctx, adaName)
				return err
			}},
			"event": {"calendar.events.insert", func(ctx context.Context) error {
				_, err := f.Schedule(ctx, adaName, "key", kickoff(t, 1))
				return err
			}},
			"room": {"meet.spaces.create", func(ctx context.Context) error {
				_, err := f.CreateRoom(ctx, adaName)
				return err
			}},
		}
		for name, call := range calls {
			for status, want := range map[int]fault.Kind{
				400: fault.Invalid, 403: fault.Denied, 429: fault.RateLimited, 503: fault.Unavailable,
			} {
				f.google.Fail(call.method, status, status, status, status)
				if err := call.make(t.Context()); fault.KindOf(err) != want {
					t.Errorf("%s, %d: got %v, want %v", name, status, err, want)
				}
				f.google.ClearFaults()
			}
		}
		// The event was inserted, and then it was gone.
		f.google.Fail("calendar.events.insert", 409)
		if err := calls["event"].make(t.Context()); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("no such event: %v", err)
		}
	})
}

func TestZone(t *testing.T) {
	inBubble(t, func(t *testing.T, f fixture) {
		zone, err := f.Zone(t.Context(), adaName, capability.ReadMembers)
		if err != nil || zone.String() != google.TimeZone {
			t.Fatalf("%v, %v", zone, err)
		}
		want := [][]capability.Capability{{capability.ScheduleEvents, capability.ReadMembers}}
		if diff := cmp.Diff(want, f.actor.Asked); diff != "" {
			t.Error(diff)
		}
		f.google.Answer("GET /calendar/v3/calendars/primary/events", `{"timeZone":"Mars/Olympus"}`)
		if _, err := f.Zone(t.Context(), adaName); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("an unknown zone: %v", err)
		}
	})
}

// journal is a meetings.Journal in memory.
type journal struct {
	saved []byte
	err   error
}

func (j *journal) LoadJournal() []byte                               { return j.saved }
func (j *journal) SaveJournal(_ context.Context, saved []byte) error { j.saved = saved; return j.err }

func TestCreateRoomOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, f fixture) {
		j := &journal{}
		first, err := f.CreateRoomOnce(t.Context(), adaName, j, capability.PostMessages)
		if err != nil || !strings.HasPrefix(first, "https://meet.google.com/") || string(j.saved) != first {
			t.Fatalf("%s, %v, saved %s", first, err, j.saved)
		}
		want := [][]capability.Capability{{capability.Meet, capability.PostMessages}}
		if diff := cmp.Diff(want, f.actor.Asked); diff != "" {
			t.Error(diff)
		}
		again, err := f.CreateRoomOnce(t.Context(), adaName, j)
		if err != nil || again != first || f.google.Count("meet.spaces.create") != 1 {
			t.Errorf("again: %s, %v, want %s", again, err, first)
		}
		lost := errors.New("lost")
		if _, err := f.CreateRoomOnce(t.Context(), adaName, &journal{err: lost}); !errors.Is(err, lost) {
			t.Errorf("the journal fails: %v", err)
		}
		failed := &journal{}
		f.google.Fail("meet.spaces.create", 403)
		if _, err := f.CreateRoomOnce(t.Context(), adaName, failed); fault.KindOf(err) != fault.Denied ||
			failed.saved != nil {
			t.Errorf("Google refuses: %v, saved %s", err, failed.saved)
		}
	})
}

func TestWithActor(t *testing.T) {
	inBubble(t, func(t *testing.T, f fixture) {
		other := &googletest.Actor{Google: f.google, Declined: []capability.Capability{capability.Meet}}
		_, err := f.WithActor(other).CreateRoom(t.Context(), adaName)
		if _, ok := capability.AsConsentError(err); !ok {
			t.Errorf("the other actor: %v", err)
		}
		if _, err := f.CreateRoom(t.Context(), adaName); err != nil {
			t.Errorf("the first one: %v", err)
		}
	})
}
