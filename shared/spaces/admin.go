package spaces

import (
	"strings"

	"example.com/deputy/shared/address"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/words"
)

// Administering is s by an administrator's right (useAdminAccess): it reaches
// every named space of their organization, and only what chat-protocol.md 6.5
// lists. Chat names neither the administrator nor the app for what is done so.
func (s *Spaces) Administering() *Spaces {
	other := *s
	other.admin = true
	return &other
}

// administrative is what an administrator's right needs in place of a
// capability; what is not here, it does not reach.
var administrative = map[capability.Capability]capability.Capability{
	capability.ReadSpaces: capability.AdminSpaces, capability.EditSpaces: capability.AdminSpaces, capability.DeleteSpaces: capability.AdminDelete,
	capability.ReadMembers: capability.AdminMembers, capability.ManageMembers: capability.AdminMembers, capability.ResolveGroups: capability.ResolveGroups,
}

// Needs are the capabilities that s needs for what a person would need these
// for; Invalid when an administrator's right does not reach one of them.
func (s *Spaces) Needs(by ...capability.Capability) ([]capability.Capability, error) {
	if !s.admin {
		return by, nil
	}
	out := make([]capability.Capability, len(by))
	for i, c := range by {
		var ok bool
		if out[i], ok = administrative[c]; !ok {
			return nil, fault.New(fault.Invalid, words.ErrorAdminUnsupported)
		}
	}
	return out, nil
}

// adminMay refuses a change that Google would refuse an administrator.
func (s *Spaces) adminMay(c Change) error {
	if s.admin && (c.History != nil || c.Discoverable != nil || c.Audience != nil || !c.Access.empty()) {
		return fault.New(fault.Invalid, words.ErrorAdminUnsupportedField)
	}
	return nil
}

// adminAdds refuses a member whom an administrator's right cannot add: what is
// certainly no account of an organization. Others are Google's to judge.
func (s *Spaces) adminAdds(m Member) error {
	user := address.Lower(m.User)
	if s.admin && (strings.HasSuffix(user, "@gmail.com") || strings.HasSuffix(user, "@googlemail.com")) {
		return fault.New(fault.Invalid, words.ErrorAdminOutsiders)
	}
	return nil
}
