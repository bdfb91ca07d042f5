// Package meetings makes Meet rooms and Calendar events as a person. Google's
// errors are translated here, once.
//
// It does not know where a room is told of, nor who is in a space: functions
// do.
package meetings

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"golang.org/x/oauth2"
	calendar "google.golang.org/api/calendar/v3"
	"google.golang.org/api/googleapi"
	meet "google.golang.org/api/meet/v2"
	"google.golang.org/api/option"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/userauth"
	"example.com/deputy/shared/words"
)

// Endpoints are where the APIs are.
type Endpoints struct{ Meet, Calendar string }

// Google is Google.
var Google = Endpoints{"https://meet.googleapis.com/", "https://www.googleapis.com/calendar/v3/"}

// Meetings makes rooms and events as people. It is safe for concurrent use.
type Meetings struct {
	auth     userauth.Actor
	keys     *seal.Keys
	api      *meet.Service
	calendar *calendar.Service
}

// New is the Meet and the Calendar API for those that auth can act for.
func New(ctx context.Context, auth userauth.Actor, keys *seal.Keys, at Endpoints, base http.RoundTripper) (*Meetings, error) {
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
func (m *Meetings) Room(ctx context.Context, person string, more ...capability.Capability) (string, error) {
	call := m.api.Spaces.Create(&meet.Space{})
	var room *meet.Space
	needed := append([]capability.Capability{capability.Meet}, more...)
	err := m.auth.Act(ctx, person, needed, func(token oauth2.TokenSource) error {
		err := googlecall.Do(ctx, call.Header(), token, func(ctx context.Context) (err error) {
			room, err = call.Context(ctx).Do()
			return err
		})
		return translate("meet.spaces.create", err, meetSays)
	})
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
func (m *Meetings) RoomOnce(ctx context.Context, person string, j Journal, more ...capability.Capability) (string, error) {
	if kept := j.Kept(); kept != nil {
		return string(kept), nil
	}
	room, err := m.Room(ctx, person, more...)
	if err == nil {
		err = j.Keep(ctx, []byte(room))
	}
	return room, err
}

// errExists says that an id is taken.
var errExists = errors.New("409: it exists already")

// says is what a person reads of one API.
type says struct{ silent, forbids, busy, refuses i18n.Text }

var (
	meetSays     = says{words.MeetSilent, words.MeetForbids, words.MeetBusy, words.MeetRefuses}
	calendarSays = says{words.CalendarSilent, words.CalendarForbids, words.CalendarBusy, words.CalendarRefuses}
)

// translate turns an error of an API into a fault.
func translate(op string, err error, s says) error {
	if err == nil {
		return nil
	}
	e, ok := errors.AsType[*googleapi.Error](err)
	if !ok {
		return &fault.Error{Op: op, Kind: fault.Unavailable, Public: s.silent, Err: err}
	}
	said := googlecall.Read(e)
	f := &fault.Error{Op: op, Kind: fault.Unavailable, Public: s.silent, Err: fmt.Errorf("%d %s %s", said.Code, said.Status, said.Reason)}
	switch {
	case e.Code == http.StatusUnauthorized:
		f.Kind, f.Err = fault.NeedsConsent, userauth.ErrToken
	case said.Reason == "ACCESS_TOKEN_SCOPE_INSUFFICIENT":
		f.Kind, f.Err = fault.NeedsConsent, userauth.ErrScope
	case said.Busy():
		f.Kind, f.Public = fault.RateLimited, s.busy
	case e.Code == http.StatusForbidden:
		f.Kind, f.Public = fault.Denied, s.forbids
	case e.Code == http.StatusBadRequest:
		f.Kind, f.Public, f.Args = fault.Invalid, s.refuses, []any{e.Message}
	case e.Code == http.StatusConflict:
		f.Err = errExists
	}
	return f
}

// By is m with the tokens of another actor.
func (m *Meetings) By(auth userauth.Actor) *Meetings {
	other := *m
	other.auth = auth
	return &other
}
