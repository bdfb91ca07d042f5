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

// CreatedSpace is a space or conversation that was created or found, and the outcome of the steps that follow.
type CreatedSpace struct {
	Name        resource.SpaceName
	DisplayName string
	Address     string // for a browser
	Found       bool   // a conversation that existed before
	Outcome
}

// Create creates a space as a person. key identifies the event that asks for it, such
// as the command's message: the same person, key and request return the same space.
// NeedsConsent if the person has not allowed it; Conflict if the name is taken.
func (s *Spaces) Create(ctx context.Context, person resource.Person, key resource.Key, r Request) (CreatedSpace,
	error,
) {
	r, err := r.Normalize(person)
	if err != nil {
		return CreatedSpace{}, fault.Wrap("spaces.Create", err)
	}
	id, err := r.id(s.keys, person, key)
	if err != nil {
		return CreatedSpace{}, fault.Wrap("spaces.Create", err)
	}
	needed := r.Capabilities()
	setup := s.api.Spaces.Setup(r.api(id))
	space, err := do(ctx, s, person, setup, needed...)
	needs, ok := capability.AsConsentError(err)
	if ok && needs.Declined && !slices.Contains(needs.Missing, capability.CreateSpaces) {
		// The person allowed Deputy to create spaces and declined the rest:
		// create the space, and report the steps that could not be done.
		space, err = do(ctx, s, person, setup, needed[0])
	}
	if err != nil && fault.KindOf(err) == fault.NotFound && len(r.Members) > 0 {
		// Google doesn't know one of the members and doesn't say which. Added one by one, each has their own result.
		// The id stays, so that a repetition finds the space even if Google knows the member by then.
		r.Members, r.More = nil, slices.Concat(r.Members, r.More)
		space, err = do(ctx, s, person, s.api.Spaces.Setup(r.api(id)), needed[0])
	}
	err = withTakenName(r.DisplayName, err)
	if err != nil {
		return CreatedSpace{}, fault.Wrap("spaces.Create", err)
	}
	name := resource.SpaceName(space.Name)
	outcome := s.Finish(ctx, person, key, name, r)
	return CreatedSpace{name, cmp.Or(space.DisplayName, r.DisplayName), uri(space), false, outcome}, nil
}

// uri returns the address of a space for a browser. The response to a repeated request may lack it.
func uri(s *chatapi.Space) string {
	if s.SpaceUri != "" {
		return s.SpaceUri
	}
	return Address(resource.SpaceName(s.Name))
}

// Address returns the address of a space for a browser, in the form that Google documents (create-spaces page).
func Address(space resource.SpaceName) string {
	return "https://mail.google.com/chat/u/0/#chat/space/" + strings.TrimPrefix(string(space), "spaces/")
}
