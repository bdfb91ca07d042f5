package spaces

import (
	"cmp"
	"context"
	"slices"
	"strings"

	chatapi "google.golang.org/api/chat/v1"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
)

// Created is a space that was made, and what came of the rest.
type Created struct {
	Name        resource.SpaceName
	DisplayName string
	Address     string // for a browser
	Outcome
}

// Create makes a space as a person. source names the doing it came from, such
// as the message of a command: the same person, source and request give the
// same space however often they come. NeedsConsent when the person has not
// allowed it; Conflict when the name is taken.
func (s *Spaces) Create(ctx context.Context, person resource.Person, key resource.Key, r Request) (Created, error) {
	r, err := r.Checked(person)
	if err != nil {
		return Created{}, fault.Wrap("spaces.Create", err)
	}
	id, err := r.id(s.keys, person, key)
	if err != nil {
		return Created{}, fault.Wrap("spaces.Create", err)
	}
	needed := r.Needed()
	setup := s.api.Spaces.Setup(r.api(id))
	space, err := do(ctx, s, person, setup, needed...)
	if needs, ok := capability.AsConsentError(err); ok && needs.Declined && !slices.Contains(needs.Missing, capability.CreateSpaces) {
		// Creating is allowed, and what is not was refused knowingly: create,
		// and say what could not be done.
		space, err = do(ctx, s, person, setup, needed[0])
	}
	err = named(r.DisplayName, err)
	if err != nil {
		return Created{}, fault.Wrap("spaces.Create", err)
	}
	// The space is there, whatever comes of the rest.
	return Created{resource.SpaceName(space.Name), cmp.Or(space.DisplayName, r.DisplayName), uri(space), s.Finish(ctx, person, key, resource.SpaceName(space.Name), r.Members, r.More, r.Rest)}, nil
}

// uri is where a browser finds the space. An answer to a repeated request
// may lack it.
func uri(s *chatapi.Space) string {
	if s.SpaceUri != "" {
		return s.SpaceUri
	}
	return Address(resource.SpaceName(s.Name))
}

// Address is where a browser finds a space, in the form that Google documents
// (create-spaces page).
func Address(space resource.SpaceName) string {
	return "https://mail.google.com/chat/u/0/#chat/space/" + strings.TrimPrefix(string(space), "spaces/")
}
