package spaces

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"golang.org/x/oauth2"
	chatapi "google.golang.org/api/chat/v1"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/userauth"
)

// Created is a space that was made, and what came of the rest.
type Created struct {
	Name        string // spaces/{id}
	DisplayName string
	Address     string // for a browser
	Outcome
}

// Create makes a space as a person. source names the doing it came from, such
// as the message of a command: the same person, source and request give the
// same space however often they come. NeedsConsent when the person has not
// allowed it; Conflict when the name is taken.
func (s *Spaces) Create(ctx context.Context, person, source string, r Request) (Created, error) {
	r, err := r.Checked(person)
	if err != nil {
		return Created{}, fault.Wrap("spaces.Create", err)
	}
	id, err := r.id(s.keys, person, source)
	if err != nil {
		return Created{}, fault.Wrap("spaces.Create", err)
	}
	needed := r.Needed()
	var space *chatapi.Space
	setup := func(token oauth2.TokenSource) (err error) {
		space, err = s.setup(ctx, token, r.api(id))
		return err
	}
	err = s.act(ctx, person, needed, setup)
	if needs, ok := userauth.Needed(err); ok && needs.Declined && !slices.Contains(needs.Missing, capability.CreateSpaces) {
		// Creating is allowed, and what is not was refused knowingly: create,
		// and say what could not be done.
		err = s.act(ctx, person, needed[:1], setup)
	}
	if err != nil {
		return Created{}, fault.Wrap("spaces.Create", err)
	}
	// The space is there, whatever comes of the rest.
	return Created{space.Name, cmp.Or(space.DisplayName, r.DisplayName), uri(space), s.Finish(ctx, person, source, space.Name, r.Members, r.More, r.Rest)}, nil
}

func (s *Spaces) setup(ctx context.Context, token oauth2.TokenSource, r *chatapi.SetUpSpaceRequest) (*chatapi.Space, error) {
	call := s.api.Spaces.Setup(r)
	var space *chatapi.Space
	err := googlecall.Do(ctx, call.Header(), token, func(ctx context.Context) (err error) {
		space, err = call.Context(ctx).Do()
		return err
	})
	if err != nil {
		return nil, translate("spaces.setup", err, r.Space.DisplayName)
	}
	return space, nil
}

// uri is where a browser finds the space. An answer to a repeated request
// may lack it.
func uri(s *chatapi.Space) string {
	if s.SpaceUri != "" {
		return s.SpaceUri
	}
	return Address(s.Name)
}

// Address is where a browser finds a space, in the form that Google documents
// (create-spaces page).
func Address(space string) string {
	return "https://mail.google.com/chat/u/0/#chat/space/" + strings.TrimPrefix(space, "spaces/")
}
