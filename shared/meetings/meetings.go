// Package meetings makes Meet rooms as a person. Google's errors are translated
// here, once.
//
// It does not know where a room is told of: functions do.
package meetings

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"golang.org/x/oauth2"
	"google.golang.org/api/googleapi"
	meet "google.golang.org/api/meet/v2"
	"google.golang.org/api/option"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/userauth"
	"example.com/deputy/shared/words"
)

// Endpoint is where the Meet API is.
const Endpoint = "https://meet.googleapis.com/"

// Meetings makes rooms as people. It is safe for concurrent use.
type Meetings struct {
	auth *userauth.Auth
	api  *meet.Service
}

// New is the Meet API at endpoint for those that auth can act for.
func New(ctx context.Context, auth *userauth.Auth, endpoint string, base http.RoundTripper) (*Meetings, error) {
	api, err := meet.NewService(ctx, option.WithHTTPClient(&http.Client{Transport: base}), option.WithEndpoint(endpoint))
	if err != nil {
		return nil, fault.Wrap("meetings.New", err)
	}
	return &Meetings{auth: auth, api: api}, nil
}

// Room makes a Meet room as a person and gives its address. more are what the
// act needs besides, so that one consent asks for all. The API has no
// requestId: a repetition makes another room, which costs nothing and which
// nobody hears of.
func (m *Meetings) Room(ctx context.Context, person string, more ...userauth.Capability) (string, error) {
	call := m.api.Spaces.Create(&meet.Space{})
	var room *meet.Space
	needed := append([]userauth.Capability{userauth.Meet}, more...)
	err := m.auth.Act(ctx, person, needed, userauth.Meet, func(token oauth2.TokenSource) error {
		err := googlecall.Do(ctx, call.Header(), token, func(ctx context.Context) (err error) {
			room, err = call.Context(ctx).Do()
			return err
		})
		return translate("meet.spaces.create", err)
	})
	if err != nil {
		return "", fault.Wrap("meetings.Room", err)
	}
	return room.MeetingUri, nil
}

// translate turns an error of the Meet API into a fault.
func translate(op string, err error) error {
	if err == nil {
		return nil
	}
	e, ok := errors.AsType[*googleapi.Error](err)
	if !ok {
		return &fault.Error{Op: op, Kind: fault.Unavailable, Public: words.MeetSilent, Err: err}
	}
	said := googlecall.Read(e)
	f := &fault.Error{Op: op, Kind: fault.Unavailable, Public: words.MeetSilent, Err: fmt.Errorf("%d %s %s", said.Code, said.Status, said.Reason)}
	switch {
	case e.Code == http.StatusUnauthorized:
		f.Kind, f.Err = fault.NeedsConsent, userauth.ErrToken
	case said.Reason == "ACCESS_TOKEN_SCOPE_INSUFFICIENT":
		f.Kind, f.Err = fault.NeedsConsent, userauth.ErrScope
	case e.Code == http.StatusForbidden:
		f.Kind, f.Public = fault.Denied, words.MeetForbids
	case e.Code == http.StatusTooManyRequests:
		f.Kind, f.Public = fault.RateLimited, words.MeetBusy
	}
	return f
}
