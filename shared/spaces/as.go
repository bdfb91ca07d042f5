package spaces

import (
	"context"
	"errors"

	"golang.org/x/oauth2"

	"example.com/deputy/shared/userauth"
)

// as does something with the token of a person that allows needed. A token
// that the API refuses is renewed once, and do is called again: it has to be
// safe to repeat. uses is the capability that do itself needs.
func (s *Spaces) as(ctx context.Context, person string, needed []userauth.Capability, uses userauth.Capability, do func(oauth2.TokenSource) error) error {
	token, err := s.auth.TokenSource(ctx, person, needed...)
	if err != nil {
		return err
	}
	if err = do(token); errors.Is(err, errToken) {
		if token, err = s.auth.Renew(ctx, person, token, needed...); err != nil {
			return err
		}
		err = do(token)
	}
	switch {
	case errors.Is(err, errToken):
		return s.auth.Refused(ctx, person, token, needed...)
	case errors.Is(err, errScope):
		return s.auth.Lacks(ctx, person, token, needed, uses)
	}
	return err
}
