package userauth

import (
	"context"
	"errors"

	"golang.org/x/oauth2"
)

// What an API says of a person's token, for errors.Is.
var (
	ErrToken = errors.New("401: the token is not accepted")
	ErrScope = errors.New("403: the token lacks a scope")
)

// Act does something with the token of a person that allows needed. A token
// that the API refuses (ErrToken) is renewed once, and do is called again: it
// has to be safe to repeat. uses is the capability that do itself needs: what
// ErrScope takes out of the grant.
func (a *Auth) Act(ctx context.Context, person string, needed []Capability, uses Capability, do func(oauth2.TokenSource) error) error {
	token, err := a.TokenSource(ctx, person, needed...)
	if err != nil {
		return err
	}
	if err = do(token); errors.Is(err, ErrToken) {
		if token, err = a.Renew(ctx, person, token, needed...); err != nil {
			return err
		}
		err = do(token)
	}
	switch {
	case errors.Is(err, ErrToken):
		return a.Refused(ctx, person, token, needed...)
	case errors.Is(err, ErrScope):
		return a.Lacks(ctx, person, token, needed, uses)
	}
	return err
}
