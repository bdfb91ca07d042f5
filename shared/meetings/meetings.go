// Package meetings creates Meet rooms and Calendar events as a person. It translates Google's errors to faults.
//
// It does not know where a room is posted or who is in a space: functions do.
package meetings

import (
	"context"
	"net/http"

	calendar "google.golang.org/api/calendar/v3"
	meet "google.golang.org/api/meet/v2"
	"google.golang.org/api/option"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/words"
)

// Endpoints are the base URLs of the APIs.
type Endpoints struct{ Meet, Calendar string }

// Google holds the endpoints of Google.
var Google = Endpoints{"https://meet.googleapis.com/", "https://www.googleapis.com/calendar/v3/"}

// Meetings creates rooms and events as people. It is safe for concurrent use.
type Meetings struct {
	auth     googlecall.Actor
	keys     *seal.Keys
	api      *meet.Service
	calendar *calendar.Service
}

// New returns Meetings for the people that auth can act for.
func New(
	ctx context.Context, auth googlecall.Actor, keys *seal.Keys, urls Endpoints, base http.RoundTripper,
) (*Meetings, error) {
	client := option.WithHTTPClient(&http.Client{Transport: base})
	rooms, err := meet.NewService(ctx, client, option.WithEndpoint(urls.Meet))
	if err != nil {
		return nil, fault.Wrap("meetings.New", err)
	}
	events, err := calendar.NewService(ctx, client, option.WithEndpoint(urls.Calendar))
	if err != nil {
		return nil, fault.Wrap("meetings.New", err)
	}
	return &Meetings{auth: auth, keys: keys, api: rooms, calendar: events}, nil
}

// CreateRoom creates a Meet room as a person and returns its address. more are further capabilities that the operation
// needs: one consent asks for all. The API has no requestId: a repetition creates another room, which is harmless.
func (m *Meetings) CreateRoom(ctx context.Context, person resource.Person, more ...capability.Capability) (string,
	error,
) {
	needed := append([]capability.Capability{capability.Meet}, more...)
	as := googlecall.Target{Actor: m.auth, Person: person, Capabilities: needed}
	room, err := googlecall.Do(ctx, meetTexts, as, m.api.Spaces.Create(&meet.Space{}))
	if err != nil {
		return "", fault.Wrap("meetings.CreateRoom", err)
	}
	return room.MeetingUri, nil
}

// Journal keeps what a later attempt at the same operation needs.
type Journal interface {
	LoadJournal() []byte // saved by an earlier attempt; nil for none
	SaveJournal(ctx context.Context, journal []byte) error
}

// CreateRoomOnce is CreateRoom for an operation that may be repeated: it saves the address
// in the journal and returns it again.
func (m *Meetings) CreateRoomOnce(
	ctx context.Context, person resource.Person, j Journal, more ...capability.Capability,
) (string, error) {
	if saved := j.LoadJournal(); saved != nil {
		return string(saved), nil
	}
	room, err := m.CreateRoom(ctx, person, more...)
	if err == nil {
		err = j.SaveJournal(ctx, []byte(room))
	}
	return room, err
}

// The texts for failed calls.
var (
	meetTexts = googlecall.ErrorTexts{
		NoResponse: words.ErrorMeetSilent, Forbidden: words.ErrorMeetDenied, RateLimited: words.ErrorMeetBusy,
		BadRequest: words.ErrorMeetRejected, TurnedOff: words.ErrorMeetTurnedOff,
	}
	calendarTexts = googlecall.ErrorTexts{
		NoResponse: words.ErrorCalendarSilent, Forbidden: words.ErrorCalendarDenied,
		RateLimited: words.ErrorCalendarBusy,
		BadRequest:  words.ErrorCalendarRejected, TurnedOff: words.ErrorCalendarTurnedOff,
	}
)

// WithActor returns a copy of m with the tokens of another actor.
func (m *Meetings) WithActor(auth googlecall.Actor) *Meetings {
	other := *m
	other.auth = auth
	return &other
}
