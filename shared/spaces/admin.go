package spaces

import (
	"strings"

	"example.com/deputy/shared/address"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/words"
)

// WithAdminAccess returns a copy of s that uses useAdminAccess. It reaches every
// named space of the administrator's organization, but only the calls that
// Chat API reference: spaces lists. Chat shows neither the administrator nor the app.
func (s *Spaces) WithAdminAccess() *Spaces {
	admin := *s
	admin.admin = true
	return &admin
}

// Capabilities returns the capabilities that s needs for what a person needs these
// for. Invalid if useAdminAccess does not support one of them.
func (s *Spaces) Capabilities(needed ...capability.Capability) ([]capability.Capability, error) {
	if !s.admin {
		return needed, nil
	}
	out := make([]capability.Capability, len(needed))
	for i, c := range needed {
		var ok bool
		if out[i], ok = c.ForAdmin(); !ok {
			return nil, fault.New(fault.Invalid, words.ErrorAdminUnsupported)
		}
	}
	return out, nil
}

// checkAdminChange refuses a change that Google refuses with useAdminAccess.
func (s *Spaces) checkAdminChange(c Change) error {
	if s.admin && (c.History != nil || c.Discoverable != nil || c.Audience != nil || !c.Access.empty()) {
		return fault.New(fault.Invalid, words.ErrorAdminUnsupportedField)
	}
	return nil
}

// checkAdminAdd refuses a consumer account, which useAdminAccess cannot add. Google judges the other members.
func (s *Spaces) checkAdminAdd(m Member) error {
	user := address.Lower(m.User)
	if s.admin && (strings.HasSuffix(user, "@gmail.com") || strings.HasSuffix(user, "@googlemail.com")) {
		return fault.New(fault.Invalid, words.ErrorAdminOutsiders)
	}
	return nil
}
