// Package capability names what Deputy can do for a person, with the OAuth
// scopes that each capability needs.
//
// It knows no grants. Its functions take the scopes of a grant and report what
// those allow.
package capability

import (
	"slices"

	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/words"
)

// Capability is a thing Deputy can do for a person.
type Capability string

// The capabilities (design section 4).
const (
	CreateSpaces   Capability = "CreateSpaces"
	ReadSpaces     Capability = "ReadSpaces"
	EditSpaces     Capability = "EditSpaces"
	DeleteSpaces   Capability = "DeleteSpaces"
	ReadMembers    Capability = "ReadMembers"
	ManageMembers  Capability = "ManageMembers"
	AddTheApp      Capability = "AddTheApp"
	PostMessages   Capability = "PostMessages"
	Meet           Capability = "Meet"
	ScheduleEvents Capability = "ScheduleEvents"
	ResolveGroups  Capability = "ResolveGroups" // this and what follows: other systems only
	AdminSpaces    Capability = "AdminSpaces"
	AdminMembers   Capability = "AdminMembers"
	AdminDelete    Capability = "AdminDelete"
)

const prefix = "https://www.googleapis.com/auth/"

// table is, for each capability, the scope to ask for and the wider ones that
// satisfy it as well. Scopes: the discovery documents
// of the APIs.
var table = []struct {
	capability Capability
	words      i18n.Text
	scopes     []string // the first is asked for
}{
	{CreateSpaces, words.CapabilityCreateSpaces, []string{prefix + "chat.spaces.create", prefix + "chat.spaces"}},
	{ReadSpaces, words.CapabilityReadSpaces, []string{prefix + "chat.spaces.readonly", prefix + "chat.spaces"}},
	{EditSpaces, words.CapabilityEditSpaces, []string{prefix + "chat.spaces"}},
	{DeleteSpaces, words.CapabilityDeleteSpaces, []string{prefix + "chat.delete"}},
	{ReadMembers, words.CapabilityReadMembers, []string{prefix + "chat.memberships.readonly", prefix + "chat.memberships"}},
	{ManageMembers, words.CapabilityManageMembers, []string{prefix + "chat.memberships"}},
	{AddTheApp, words.CapabilityAddApp, []string{prefix + "chat.memberships.app"}},
	{PostMessages, words.CapabilityPostMessages, []string{prefix + "chat.messages.create", prefix + "chat.messages"}},
	{Meet, words.CapabilityMeet, []string{prefix + "meetings.space.created"}},
	{ScheduleEvents, words.CapabilityScheduleEvents, []string{prefix + "calendar.events"}},
	{ResolveGroups, words.CapabilityResolveGroups, []string{prefix + "cloud-identity.groups.readonly"}},
	{AdminSpaces, words.CapabilityAdminSpaces, []string{prefix + "chat.admin.spaces"}},
	{AdminMembers, words.CapabilityAdminMembers, []string{prefix + "chat.admin.memberships"}},
	{AdminDelete, words.CapabilityAdminDelete, []string{prefix + "chat.admin.delete"}},
}

// All returns every capability, in the order in which people read them.
func All() []Capability {
	var out []Capability
	for _, entry := range table {
		out = append(out, entry.capability)
	}
	return out
}

// Administers tells whether c is an administrator's, over all of their
// organization.
func (c Capability) Administers() bool {
	return c == AdminSpaces || c == AdminMembers || c == AdminDelete
}

// Everyday tells whether a command in Chat may ask for c; else only other
// systems do.
func (c Capability) Everyday() bool { return c != ResolveGroups && !c.Administers() }

// Words says what c lets Deputy do.
func (c Capability) Words() i18n.Text {
	for _, entry := range table {
		if entry.capability == c {
			return entry.words
		}
	}
	return i18n.Text{}
}

// Scope is the OAuth scope that is asked for c.
func (c Capability) Scope() string { return c.scopes()[0] }

// scopes are those of which any one satisfies c.
func (c Capability) scopes() []string {
	for _, entry := range table {
		if entry.capability == c {
			return entry.scopes
		}
	}
	return nil
}

// AllowedBy reports whether scopes allow c.
func (c Capability) AllowedBy(scopes []string) bool {
	return slices.ContainsFunc(c.scopes(), func(s string) bool { return slices.Contains(scopes, s) })
}

// Missing returns those of wanted that scopes do not allow.
func Missing(wanted []Capability, scopes []string) []Capability {
	var out []Capability
	for _, c := range wanted {
		if !c.AllowedBy(scopes) {
			out = append(out, c)
		}
	}
	return out
}

// Scopes returns the scopes that one consent asks for: who the person is, and what
// the capabilities need. A capability that Deputy does not know adds none.
func Scopes(capabilities ...Capability) []string {
	scopes := []string{"openid", "email"}
	for _, c := range capabilities {
		if all := c.scopes(); len(all) > 0 { // an invitation may name a removed one
			scopes = append(scopes, all[0])
		}
	}
	return scopes
}

// Names returns capabilities as they are stored and sealed.
func Names(capabilities []Capability) []string {
	out := make([]string, len(capabilities))
	for i, c := range capabilities {
		out[i] = string(c)
	}
	return out
}

// FromNames returns the capabilities with these names. A name that Deputy does not
// know, such as one that was removed, is kept: no scope allows it.
func FromNames(names []string) []Capability {
	out := make([]Capability, len(names))
	for i, n := range names {
		out[i] = Capability(n)
	}
	return out
}

// Satisfied returns the capabilities that scopes allow.
func Satisfied(scopes []string) []Capability {
	return slices.DeleteFunc(All(), func(c Capability) bool { return !c.AllowedBy(scopes) })
}
