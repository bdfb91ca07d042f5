// Package googlecall is the one way to call a Google REST API: the person's token
// on the call, repetition while it may pass, and Google's error as a fault.
//
// It does not know what the calls do, nor where tokens come from.
package googlecall

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/oauth2"
	"google.golang.org/api/googleapi"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
)

// Actor gives the tokens for acting as people.
type Actor interface {
	// Act does something with the token of a person that allows needed; do has
	// to be safe to repeat. It gives ErrToken and ErrScope of do a second chance,
	// with a new token.
	Act(ctx context.Context, person resource.Person, needed []capability.Capability, do func(oauth2.TokenSource) error) error
	// Email is the person's address, empty when it is not known.
	Email(ctx context.Context, person resource.Person) (string, error)
}

// What an API says of a person's token, for errors.Is.
var (
	ErrToken = errors.New("401: the token is not accepted")
	ErrScope = errors.New("403: the token lacks a scope")
)

// As is as whom a call is made, and what it needs of them.
type As struct {
	Actor  Actor
	Person resource.Person
	Needs  []capability.Capability
}

var policy = Policy{Tries: 4, Each: 8 * time.Second}

// Call is a call of an API, as the packages of google.golang.org/api make it.
type Call[C, T any] interface {
	Context(ctx context.Context) C
	Header() http.Header
	Do(options ...googleapi.CallOption) (T, error)
}

// Do makes a call as a person, until it succeeds or fails for good. Only what is
// safe to repeat may come here: reads, and writes that carry a requestId or find
// what is there already. Errors are faults (API.Fault) with the call's type as Op, such as
// *chat.SpacesSetupCall, or the actor's.
func Do[T any, C Call[C, T]](ctx context.Context, api API, as As, call C) (T, error) {
	var out T
	err := as.Actor.Act(ctx, as.Person, as.Needs, func(source oauth2.TokenSource) error {
		token, err := source.Token()
		if err != nil {
			return fault.Wrap("googlecall.Do", err)
		}
		call.Header().Set("Authorization", "Bearer "+token.AccessToken)
		err = policy.Do(ctx, Later, func(ctx context.Context) (err error) {
			out, err = call.Context(ctx).Do()
			return err
		})
		return api.Fault(fmt.Sprintf("%T", call), err)
	})
	return out, err
}
