package meetings

import (
	"context"
	"encoding/base32"
	"strings"
	"time"
	_ "time/tzdata" // a container image may have no time zone data

	calendar "google.golang.org/api/calendar/v3"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/words"
)

// MaxGuests is Calendar's limit for the guests of an event, according to its help pages.
const MaxGuests = 200

// primary is the id of a person's own calendar.
const primary = "primary"

// Zone returns the time zone of a person's calendar. more are further
// capabilities that the operation needs: one consent asks for all.
func (m *Meetings) Zone(
	ctx context.Context, person resource.Person, more ...capability.Capability,
) (*time.Location, error) {
	call := m.calendar.Events.List(primary).MaxResults(1).Fields("timeZone")
	needed := append([]capability.Capability{capability.ScheduleEvents}, more...)
	list, err := googlecall.Do(ctx, calendarTexts,
		googlecall.Target{Actor: m.auth, Person: person, Capabilities: needed}, call)
	if err != nil {
		return nil, fault.Wrap("meetings.Zone", err)
	}
	zone, err := time.LoadLocation(list.TimeZone)
	if err != nil {
		return nil, &fault.Error{
			Op: "meetings.Zone", Kind: fault.Unavailable, Public: words.ErrorCalendarSilent, Err: err,
		}
	}
	return zone, nil
}

// Event is a meeting with its guests.
type Event struct {
	Title  string
	Guests []string // email addresses
	When   TimeSlot
}

// ScheduledEvent is an event in a calendar.
type ScheduledEvent struct {
	Address string // of the event, for a browser
	Room    string // address of the Meet room; empty until Google has created it
	Pending bool   // Google is still creating the room; without it and a Room, there is none
	Start   time.Time
}

// Schedule adds an event with a Meet room to a person's calendar; Google invites the guests. key identifies
// the event that asks for it: a repetition with the same person and key returns the existing calendar event.
func (m *Meetings) Schedule(ctx context.Context, person resource.Person, key resource.Key, e Event) (ScheduledEvent,
	error,
) {
	if len(e.Guests) > MaxGuests {
		return ScheduledEvent{}, fault.New(fault.Invalid, words.ErrorTooManyGuests, len(e.Guests), MaxGuests)
	}
	id, err := m.id(person, key)
	if err != nil {
		return ScheduledEvent{}, fault.Wrap("meetings.Schedule", err)
	}
	needed := []capability.Capability{capability.ScheduleEvents}
	as := googlecall.Target{Actor: m.auth, Person: person, Capabilities: needed}
	texts := calendarTexts
	texts.Conflict = words.ErrorCalendarSilent
	insert := func(event *calendar.Event) (*calendar.Event, error) {
		call := m.calendar.Events.Insert(primary, event).ConferenceDataVersion(1).SendUpdates("all")
		return googlecall.Do(ctx, texts, as, call)
	}
	event := e.api(id)
	out, err := insert(event)
	if googlecall.HasMessage(err, "Invalid conference type value.") { // the calendar has no Meet
		event.ConferenceData = nil
		out, err = insert(event)
	}
	if err != nil && fault.KindOf(err) == fault.Conflict { // already scheduled
		out, err = googlecall.Do(ctx, calendarTexts, as, m.calendar.Events.Get(primary, id))
		if err == nil && out.Status == "cancelled" {
			err = fault.New(fault.Conflict, words.ErrorCalendarCanceled)
		}
	}
	if err != nil {
		return ScheduledEvent{}, fault.Wrap("meetings.Schedule", err)
	}
	start := e.When.Start
	if out.Start != nil {
		if at, err := time.Parse(time.RFC3339, out.Start.DateTime); err == nil {
			start = at
		}
	}
	return ScheduledEvent{out.HtmlLink, out.HangoutLink, isPending(out), start}, nil
}

// isPending reports whether Google is still creating the room of an event.
func isPending(e *calendar.Event) bool {
	c := e.ConferenceData
	return e.HangoutLink == "" && c != nil && c.CreateRequest != nil && c.CreateRequest.Status != nil &&
		c.CreateRequest.Status.StatusCode == "pending"
}

// id returns the event's id, in the characters that Calendar allows (calendar/v3,
// Event.id). It is the same for the same key, so a repetition finds the event.
func (m *Meetings) id(person resource.Person, key resource.Key) (string, error) {
	code, err := m.keys.MAC("request", "event", string(person), string(key))
	if err != nil {
		return "", fault.Wrap("meetings.id", err)
	}
	return strings.ToLower(base32.HexEncoding.WithPadding(base32.NoPadding).EncodeToString(code[:20])), nil
}

func (e Event) api(id string) *calendar.Event {
	zone := e.When.Start.Location().String()
	out := &calendar.Event{
		Id: id, Summary: e.Title,
		Start: &calendar.EventDateTime{DateTime: e.When.Start.Format(time.RFC3339), TimeZone: zone},
		End:   &calendar.EventDateTime{DateTime: e.When.End().Format(time.RFC3339), TimeZone: zone},
		ConferenceData: &calendar.ConferenceData{CreateRequest: &calendar.CreateConferenceRequest{
			RequestId: id, ConferenceSolutionKey: &calendar.ConferenceSolutionKey{Type: "hangoutsMeet"},
		}},
	}
	for _, g := range e.Guests {
		out.Attendees = append(out.Attendees, &calendar.EventAttendee{Email: g})
	}
	return out
}
