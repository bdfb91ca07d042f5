// Package meetings makes Meet rooms and Calendar events as a person. Google's
// errors are translated here, once.
//
// It does not know where a room is told of, nor who is in a space: functions
// do.
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

// Endpoints are where the APIs are.
type Endpoints struct{ Meet, Calendar string }

// Google is Google.
var Google = Endpoints{"https://meet.googleapis.com/", "https://www.googleapis.com/calendar/v3/"}

// Meetings makes rooms and events as people. It is safe for concurrent use.
type Meetings struct {
	auth     googlecall.Actor
	keys     *seal.Keys
	api      *meet.Service
	calendar *calendar.Service
}

// New is the Meet and the Calendar API for those that auth can act for.
func New(ctx context.Context, auth googlecall.Actor, keys *seal.Keys, at Endpoints, base http.RoundTripper) (*Meetings, error) {
	client := option.WithHTTPClient(&http.Client{Transport: base})
	rooms, err := meet.NewService(ctx, client, option.WithEndpoint(at.Meet))
	if err != nil {
		return nil, fault.Wrap("meetings.New", err)
	}
	events, err := calendar.NewService(ctx, client, option.WithEndpoint(at.Calendar))
	if err != nil {
		return nil, fault.Wrap("meetings.New", err)
	}
	return &Meetings{auth: auth, keys: keys, api: rooms, calendar: events}, nil
}

// Room makes a Meet room as a person and gives its address. more are what the
// act needs besides, so that one consent asks for all. The API has no
// requestId: a repetition makes another room, which costs nothing and which
// nobody hears of.
func (m *Meetings) Room(ctx context.Context, person resource.Person, more ...capability.Capability) (string, error) {
	needed := append([]capability.Capability{capability.Meet}, more...)
	room, err := googlecall.Do(ctx, meetAPI, googlecall.As{Actor: m.auth, Person: person, Needs: needed}, m.api.Spaces.Create(&meet.Space{}))
	if err != nil {
		return "", fault.Wrap("meetings.Room", err)
	}
	return room.MeetingUri, nil
}

// Journal keeps what a later try of the same operation has to know.
type Journal interface {
	Kept() []byte // by a try before; nil for nothing
	Keep(ctx context.Context, journal []byte) error
}

// RoomOnce is Room for an operation that may be repeated: the room of its first
// try is kept in its journal, and given again.
func (m *Meetings) RoomOnce(ctx context.Context, person resource.Person, j Journal, more ...capability.Capability) (string, error) {
	if kept := j.Kept(); kept != nil {
		return string(kept), nil
	}
	room, err := m.Room(ctx, person, more...)
	if err == nil {
		err = j.Keep(ctx, []byte(room))
	}
	return room, err
}

// What a person reads when a call of one of the APIs fails.
var (
	meetAPI     = googlecall.API{Silent: words.ErrorMeetSilent, Forbids: words.ErrorMeetDenied, Busy: words.ErrorMeetBusy, Refuses: words.ErrorMeetRejected}
	calendarAPI = googlecall.API{Silent: words.ErrorCalendarSilent, Forbids: words.ErrorCalendarDenied, Busy: words.ErrorCalendarBusy, Refuses: words.ErrorCalendarRejected}
)

// By is m with the tokens of another actor.
func (m *Meetings) By(auth googlecall.Actor) *Meetings {
	other := *m
	other.auth = auth
	return &other
}
