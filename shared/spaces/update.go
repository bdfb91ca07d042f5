package spaces

import (
	"context"
	"maps"
	"unicode/utf8"

	chatapi "google.golang.org/api/chat/v1"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/words"
)

// Change is what shall be different about a space; nil stays as it is.
type Change struct {
	DisplayName  *string
	Description  *string
	Guidelines   *string
	History      *History
	Discoverable *bool
	Audience     *string // audiences/{id} in place of the organization
	Permissions  Permissions
	Access       AccessPermissions
}

// Update changes a space as a person, and gives it as it is then. Google wants
// some fields each in a call of their own (chat-protocol.md 6.2); all of it can
// be repeated. What was changed before something failed stays changed.
func (s *Spaces) Update(ctx context.Context, person resource.Person, space resource.SpaceName, c Change) (Info, error) {
	err := c.check()
	if err == nil {
		err = s.adminMay(c)
	}
	if err != nil {
		return Info{}, fault.Wrap("spaces.Update", err)
	}
	write := s.pace()
	steps := []struct {
		wanted bool
		do     func() error
	}{
		{c.DisplayName != nil, func() error {
			_, err := s.Rename(ctx, person, space, *c.DisplayName)
			return err
		}},
		{c.Description != nil || c.Guidelines != nil, func() error { return s.describe(ctx, person, space, c) }},
		{c.History != nil, func() error {
			return s.patch(ctx, person, space, &chatapi.Space{SpaceHistoryState: string(*c.History)}, "spaceHistoryState")
		}},
		{len(c.Permissions) > 0, func() error {
			settings, mask := c.Permissions.api()
			return s.patch(ctx, person, space, &chatapi.Space{PermissionSettings: settings}, mask)
		}},
		{!c.Access.empty(), func() error { return s.patchAccess(ctx, person, space, c.Access, write) }},
		{c.Discoverable != nil || c.Audience != nil, func() error {
			settings := &chatapi.AccessSettings{Audience: c.Of(Info{}).Audience, ForceSendFields: []string{"Audience"}}
			return s.patch(ctx, person, space, &chatapi.Space{AccessSettings: settings}, "accessSettings.audience")
		}},
	}
	done := false
	for _, step := range steps {
		if !step.wanted {
			continue
		}
		err := write(ctx)
		if err == nil {
			err = step.do()
		} else {
			err = &fault.Error{Op: "spaces.Update", Kind: fault.Unavailable, Public: words.ErrorChatSilent, Err: err} // no time for a second write
		}
		if err != nil {
			if done {
				err = &fault.Partly{Err: err}
			}
			return Info{}, fault.Wrap("spaces.Update", err)
		}
		done = true
	}
	now, err := s.get(ctx, person, space, capability.EditSpaces) // its scope reads, too
	if err != nil && done {
		err = &fault.Partly{Err: &fault.Error{Op: "spaces.Update", Kind: fault.Unavailable, Public: words.ErrorChatSilent, Err: err}} // all is changed, only not seen
	}
	return now, err
}

// Of is a space as the change leaves it, as far as Info tells it.
func (c Change) Of(s Info) Info {
	s.DisplayName, s.Description, s.Guidelines = or(c.DisplayName, s.DisplayName), or(c.Description, s.Description), or(c.Guidelines, s.Guidelines)
	s.History = or(c.History, s.History)
	if c.Discoverable != nil || c.Audience != nil {
		s.Audience = audienceOf(or(c.Discoverable, false), or(c.Audience, ""))
		s.Discoverable = s.Audience != ""
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

// or is what an optional field holds, else another value.
func or[T any](p *T, other T) T {
	if p == nil {
		return other
	}
	return *p
}

func (c Change) check() error {
	if c.DisplayName != nil {
		if _, err := CheckedName(*c.DisplayName); err != nil {
			return err
		}
	}
	if c.Description != nil && utf8.RuneCountInString(*c.Description) > MaxDescription {
		return fault.New(fault.Invalid, words.ErrorDescriptionTooLong, utf8.RuneCountInString(*c.Description), MaxDescription)
	}
	if c.Guidelines != nil && utf8.RuneCountInString(*c.Guidelines) > MaxGuidelines {
		return fault.New(fault.Invalid, words.ErrorGuidelinesTooLong, utf8.RuneCountInString(*c.Guidelines), MaxGuidelines)
	}
	if c.History != nil && *c.History != HistoryOn && *c.History != HistoryOff {
		return fault.New(fault.Invalid, words.ErrorHistoryUnknown)
	}
	return nil
}

// describe changes description and guidelines, which Google replaces together.
func (s *Spaces) describe(ctx context.Context, person resource.Person, space resource.SpaceName, c Change) error {
	now, err := s.get(ctx, person, space, capability.EditSpaces)
	if err != nil {
		return err
	}
	now = c.Of(now)
	details := &chatapi.SpaceDetails{Description: now.Description, Guidelines: now.Guidelines, ForceSendFields: []string{"Description", "Guidelines"}}
	return s.patch(ctx, person, space, &chatapi.Space{SpaceDetails: details}, "spaceDetails")
}
