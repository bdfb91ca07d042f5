package meetings

import (
	"context"
	"encoding/base32"
	"strings"
	"time"
	_ "time/tzdata" // an image may have none

	calendar "google.golang.org/api/calendar/v3"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/words"
)

// MaxGuests is how many people Calendar takes as guests of an event, by its
// own help pages.
const MaxGuests = 200

// primary is a person's own calendar.
const primary = "primary"

// Zone is the time zone of a person's calendar. more are what the act needs
// besides.
func (m *Meetings) Zone(ctx context.Context, person resource.Person, more ...capability.Capability) (*time.Location, error) {
	call := m.calendar.Events.List(primary).MaxResults(1).Fields("timeZone")
	needed := append([]capability.Capability{capability.ScheduleEvents}, more...)
	list, err := googlecall.Do(ctx, calendarAPI, googlecall.As{Actor: m.auth, Person: person, Needs: needed}, call)
	if err != nil {
		return nil, fault.Wrap("meetings.Zone", err)
	}
	zone, err := time.LoadLocation(list.TimeZone)
	if err != nil {
		return nil, &fault.Error{Op: "meetings.Zone", Kind: fault.Unavailable, Public: words.ErrorCalendarSilent, Err: err}
	}
	return zone, nil
}

// Event is a meeting that people are invited to.
type Event struct {
	Title  string
	Guests []string // e-mail addresses
	When   When
}

// Scheduled is an event that stands in the calendar.
type Scheduled struct {
	Address string // of the event, for a browser
	Room    string // of Meet; empty while Google still makes it
	Start   time.Time
}

// Schedule puts an event with a Meet room into a person's calendar, and has
// Google invite the guests. source names the doing it came from: the same
// person and source schedule once, and are given the event there is.
func (m *Meetings) Schedule(ctx context.Context, person resource.Person, key resource.Key, e Event) (Scheduled, error) {
	if len(e.Guests) > MaxGuests {
		return Scheduled{}, fault.New(fault.Invalid, words.ErrorTooManyGuests, len(e.Guests), MaxGuests)
	}
	id, err := m.id(person, key)
	if err != nil {
		return Scheduled{}, fault.Wrap("meetings.Schedule", err)
	}
	as := googlecall.As{Actor: m.auth, Person: person, Needs: []capability.Capability{capability.ScheduleEvents}}
	inserting := calendarAPI
	inserting.Exists = words.ErrorCalendarSilent
	out, err := googlecall.Do(ctx, inserting, as, m.calendar.Events.Insert(primary, e.api(id)).ConferenceDataVersion(1).SendUpdates("all"))
	if err != nil && fault.KindOf(err) == fault.Conflict { // it came before
		out, err = googlecall.Do(ctx, calendarAPI, as, m.calendar.Events.Get(primary, id))
	}
	if err != nil {
		return Scheduled{}, fault.Wrap("meetings.Schedule", err)
	}
	start := e.When.Start
	if out.Start != nil {
		if at, err := time.Parse(time.RFC3339, out.Start.DateTime); err == nil {
			start = at
		}
	}
	return Scheduled{out.HtmlLink, out.HangoutLink, start}, nil
}

// id is the event's own, in the letters Calendar allows (calendar/v3,
// Event.id): the same for the same act, so that a repetition finds it there.
func (m *Meetings) id(person resource.Person, key resource.Key) (string, error) {
	code, err := m.keys.Code("request", "event", string(person), string(key))
	if err != nil {
		return "", fault.Wrap("meetings.id", err)
	}
	return strings.ToLower(base32.HexEncoding.WithPadding(base32.NoPadding).EncodeToString(code[:20])), nil
}

func (e Event) api(id string) *calendar.Event {
	out := &calendar.Event{
		Id: id, Summary: e.Title,
		Start: &calendar.EventDateTime{DateTime: e.When.Start.Format(time.RFC3339), TimeZone: e.When.Start.Location().String()},
		End:   &calendar.EventDateTime{DateTime: e.When.End().Format(time.RFC3339), TimeZone: e.When.Start.Location().String()},
		ConferenceData: &calendar.ConferenceData{CreateRequest: &calendar.CreateConferenceRequest{
			RequestId: id, ConferenceSolutionKey: &calendar.ConferenceSolutionKey{Type: "hangoutsMeet"},
		}},
	}
	for _, g := range e.Guests {
		out.Attendees = append(out.Attendees, &calendar.EventAttendee{Email: g})
	}
	return out
}
