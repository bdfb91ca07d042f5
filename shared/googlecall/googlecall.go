// Package googlecall calls Google REST APIs: it sends the person's token, retries
// transient errors, and returns Google's errors as faults.
package googlecall

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/oauth2"
	"google.golang.org/api/googleapi"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
)

// Actor provides the tokens for acting as people.
type Actor interface {
	// Act calls do with a token of the person that allows needed. If do returns
	// ErrToken or ErrScope, Act calls it again with a new token: it must be repeatable.
	Act(
		ctx context.Context, person resource.Person, needed []capability.Capability, do func(oauth2.TokenSource) error,
	) error
	// Email returns the person's address, or "" if it is not known.
	Email(ctx context.Context, person resource.Person) (string, error)
}

// Errors for a token that an API rejects, for errors.Is.
var (
	ErrToken = errors.New("401: token rejected")
	ErrScope = errors.New("403: token lacks a scope")
)

// Target says who makes a call, and which capabilities the call needs.
type Target struct {
	Actor        Actor
	Person       resource.Person
	Capabilities []capability.Capability
}

var policy = Policy{Attempts: 4, AttemptTimeout: 8 * time.Second}

// Call is one API call, as the packages of google.golang.org/api define it.
type Call[C, T any] interface {
	Context(ctx context.Context) C
	Header() http.Header
	Do(options ...googleapi.CallOption) (T, error)
}

// Do makes a call as a person and retries transient errors. The call must be safe to repeat: a read, or
// a write that carries a requestId or finds its own result. Errors are faults of ErrorTexts.Fault with the
// call's type as Op, such as *chat.SpacesSetupCall, or errors of the actor.
func Do[T any, C Call[C, T]](
	ctx context.Context, api ErrorTexts, target Target, call C, options ...googleapi.CallOption,
) (T, error) {
	var out T
	err := target.Actor.Act(ctx, target.Person, target.Capabilities, func(source oauth2.TokenSource) error {
		token, err := source.Token()
		if err != nil {
			return fault.Wrap("googlecall.Do", err)
		}
		call.Header().Set("Authorization", "Bearer "+token.AccessToken)
		err = policy.Do(ctx, RetryDelay, func(ctx context.Context) (err error) {
			out, err = call.Context(ctx).Do(options...)
			return err
		})
		err = api.Fault(fmt.Sprintf("%T", call), err)
		if errors.Is(err, ErrNotSetUp) {
			slog.ErrorContext(ctx, "alarm", slog.String("alarm", "the project is not set up for an API"),
				slog.String("error", err.Error()))
		}
		return err
	})
	return out, err
}
