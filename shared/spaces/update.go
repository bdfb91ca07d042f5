package spaces

import (
	"context"
	"maps"

	chatapi "google.golang.org/api/chat/v1"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/words"
)

// Change is a change of a space; nil fields stay unchanged.
type Change struct {
	DisplayName  *string
	Description  *string
	Guidelines   *string
	History      *History
	Discoverable *bool
	Audience     *string // audiences/{id} that can discover it instead of the organization
	Permissions  Permissions
	Access       AccessPermissions
}

// Update changes a space as a person and returns its new state. Google requires a separate call for some fields (Chat
// API reference: spaces). It can be repeated. If a call fails, earlier changes stay, and it is a *fault.PartialError.
func (s *Spaces) Update(ctx context.Context, person resource.Person, space resource.SpaceName, c Change) (Info, error) {
	err := c.check()
	if err == nil {
		err = s.checkAdminChange(c)
	}
	if err != nil {
		return Info{}, fault.Wrap("spaces.Update", err)
	}
	wait := s.pace()
	var steps []func() error
	if c.DisplayName != nil {
		steps = append(steps, func() error {
			_, err := s.Rename(ctx, person, space, *c.DisplayName)
			return err
		})
	}
	if c.Description != nil || c.Guidelines != nil {
		steps = append(steps, func() error { return s.describe(ctx, person, space, c) })
	}
	rest := FollowUp{History: valueOr(c.History, ""), Permissions: c.Permissions, Access: c.Access}
	for _, step := range rest.Steps() {
		steps = append(steps, func() error { return s.doStep(ctx, person, space, step, rest, wait) })
	}
	if c.Discoverable != nil || c.Audience != nil {
		settings := &chatapi.AccessSettings{Audience: c.Apply(Info{}).Audience, ForceSendFields: []string{"Audience"}}
		steps = append(steps, func() error {
			return s.patch(ctx, person, space, &chatapi.Space{AccessSettings: settings}, "accessSettings.audience")
		})
	}
	for i, step := range steps {
		err := wait(ctx)
		if err == nil {
			err = step()
		}
		if err != nil && i > 0 {
			err = &fault.PartialError{Err: err}
		}
		if err != nil {
			return Info{}, fault.Wrap("spaces.Update", err)
		}
	}
	updated, err := s.get(ctx, person, space, capability.EditSpaces) // the scope to edit can also read
	if err != nil && len(steps) > 0 {
		// The change is complete, only its result is unknown.
		err = &fault.Error{Op: "spaces.Update", Kind: fault.Unavailable, Public: words.ErrorChatSilent, Err: err}
		err = &fault.PartialError{Err: err}
	}
	return updated, err
}

// Apply returns a space with the change applied to the fields of Info.
func (c Change) Apply(s Info) Info {
	s.DisplayName, s.Description = valueOr(c.DisplayName, s.DisplayName), valueOr(c.Description, s.Description)
	s.Guidelines, s.History = valueOr(c.Guidelines, s.Guidelines), valueOr(c.History, s.History)
	if c.Discoverable != nil || c.Audience != nil {
		s.Audience = targetAudience(valueOr(c.Discoverable, false), valueOr(c.Audience, ""))
		s.Discoverable = new(s.Audience != "")
	}
	if len(c.Permissions) > 0 {
		s.Permissions = maps.Clone(s.Permissions)
		if s.Permissions == nil {
			s.Permissions = Permissions{}
		}
		maps.Copy(s.Permissions, c.Permissions)
	}
	return s
}

// valueOr returns *p, or fallback if p is nil.
func valueOr[T any](p *T, fallback T) T {
	if p == nil {
		return fallback
	}
	return *p
}

func (c Change) check() error {
	// Rename, the first step, checks the name.
	if err := checkDetails(valueOr(c.Description, ""), valueOr(c.Guidelines, "")); err != nil {
		return err
	}
	if c.History != nil && *c.History != HistoryOn && *c.History != HistoryOff {
		return fault.New(fault.Invalid, words.ErrorHistoryUnknown)
	}
	return nil
}

// describe changes the description and guidelines, which Google replaces together.
func (s *Spaces) describe(ctx context.Context, person resource.Person, space resource.SpaceName, c Change) error {
	now, err := s.get(ctx, person, space, capability.EditSpaces)
	if err != nil {
		return err
	}
	now = c.Apply(now)
	details := &chatapi.SpaceDetails{Description: now.Description, Guidelines: now.Guidelines}
	details.ForceSendFields = []string{"Description", "Guidelines"}
	return s.patch(ctx, person, space, &chatapi.Space{SpaceDetails: details}, "spaceDetails")
}
