// Package capability defines what Deputy can do for a person, with the OAuth scopes that each capability needs.
//
// It does not know grants. Its functions take the scopes of a grant and report what they allow.
package capability

import (
	"slices"

	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/words"
)

// Capability is something that Deputy can do for a person.
type Capability string

// The capabilities. UsedInChat says which ones commands in Chat use.
const (
	CreateSpaces   Capability = "CreateSpaces"
	ReadSpaces     Capability = "ReadSpaces"
	EditSpaces     Capability = "EditSpaces"
	DeleteSpaces   Capability = "DeleteSpaces"
	ReadMembers    Capability = "ReadMembers"
	ManageMembers  Capability = "ManageMembers"
	AddTheApp      Capability = "AddTheApp"
	PostMessages   Capability = "PostMessages"
	EditMessages   Capability = "EditMessages"
	Meet           Capability = "Meet"
	ScheduleEvents Capability = "ScheduleEvents"
	ResolveGroups  Capability = "ResolveGroups"
	AdminSpaces    Capability = "AdminSpaces"
	AdminMembers   Capability = "AdminMembers"
	AdminDelete    Capability = "AdminDelete"
)

const prefix = "https://www.googleapis.com/auth/"

type entry struct {
	capability Capability
	words      i18n.Text
	reason     i18n.Text // what it is needed for in Chat; empty if it isn't used there
	scopes     []string  // each one allows the capability; the first is requested
}

// table lists, for each capability, the scope to request and the wider ones that also allow it. The scopes are
// from the APIs' discovery documents.
var table = []entry{
	{
		CreateSpaces, words.CapabilityCreateSpaces, words.ReasonCreateSpaces,
		[]string{prefix + "chat.spaces.create", prefix + "chat.spaces"},
	},
	{
		ReadSpaces, words.CapabilityReadSpaces, words.ReasonReadSpaces,
		[]string{prefix + "chat.spaces.readonly", prefix + "chat.spaces"},
	},
	{EditSpaces, words.CapabilityEditSpaces, words.ReasonEditSpaces, []string{prefix + "chat.spaces"}},
	{DeleteSpaces, words.CapabilityDeleteSpaces, words.ReasonDeleteSpaces, []string{prefix + "chat.delete"}},
	{
		ReadMembers, words.CapabilityReadMembers, words.ReasonReadMembers,
		[]string{prefix + "chat.memberships.readonly", prefix + "chat.memberships"},
	},
	{ManageMembers, words.CapabilityManageMembers, words.ReasonManageMembers, []string{prefix + "chat.memberships"}},
	{AddTheApp, words.CapabilityAddApp, words.ReasonAddApp, []string{prefix + "chat.memberships.app"}},
	{
		PostMessages, words.CapabilityPostMessages, words.ReasonPostMessages,
		[]string{prefix + "chat.messages.create", prefix + "chat.messages"},
	},
	{EditMessages, words.CapabilityEditMessages, none, []string{prefix + "chat.messages"}},
	{Meet, words.CapabilityMeet, words.ReasonMeet, []string{prefix + "meetings.space.created"}},
	{
		ScheduleEvents, words.CapabilityScheduleEvents, words.ReasonScheduleEvents,
		[]string{prefix + "calendar.events"},
	},
	{ResolveGroups, words.CapabilityResolveGroups, none, []string{prefix + "cloud-identity.groups.readonly"}},
	{AdminSpaces, words.CapabilityAdminSpaces, none, []string{prefix + "chat.admin.spaces"}},
	{AdminMembers, words.CapabilityAdminMembers, none, []string{prefix + "chat.admin.memberships"}},
	{AdminDelete, words.CapabilityAdminDelete, none, []string{prefix + "chat.admin.delete"}},
}

var none i18n.Text

// All returns every capability, in display order.
func All() []Capability {
	var out []Capability
	for _, entry := range table {
		out = append(out, entry.capability)
	}
	return out
}

// IsAdmin reports whether c is an administrator's capability, for the whole organization.
func (c Capability) IsAdmin() bool {
	return c == AdminSpaces || c == AdminMembers || c == AdminDelete
}

// InChat returns everything that Deputy can do in Chat, in display order. The rest is for other systems only.
func InChat() []Capability {
	return slices.DeleteFunc(All(), func(c Capability) bool { return !c.UsedInChat() })
}

// UsedInChat reports whether commands in Chat can request c.
func (c Capability) UsedInChat() bool { return c.entry().reason != none }

// Reason says what c is needed for in Chat. space is the name of the space that it is needed in; it may be empty.
func (c Capability) Reason(say i18n.Say, space string) string {
	if c != ReadMembers && c != ManageMembers {
		return say(c.entry().reason)
	}
	if space == "" {
		return say(c.entry().reason, say(words.ReasonASpace))
	}
	return say(c.entry().reason, say(words.ReasonNamedSpace, space))
}

// Description describes what c lets Deputy do.
func (c Capability) Description() i18n.Text { return c.entry().words }

// Scope returns the OAuth scope to request for c.
func (c Capability) Scope() string { return c.entry().scopes[0] }

// entry returns the entry of c in the table, or an empty one.
func (c Capability) entry() (e entry) {
	if i := slices.IndexFunc(table, func(e entry) bool { return e.capability == c }); i >= 0 {
		e = table[i]
	}
	return e
}

// AllowedBy reports whether scopes allow c.
func (c Capability) AllowedBy(scopes []string) bool {
	return slices.ContainsFunc(c.entry().scopes, func(s string) bool { return slices.Contains(scopes, s) })
}

// Missing returns the needed capabilities that scopes do not allow.
func Missing(needed []Capability, scopes []string) []Capability {
	return slices.DeleteFunc(slices.Clone(needed), func(c Capability) bool { return c.AllowedBy(scopes) })
}

// Scopes returns the scopes of one consent: the person's identity, and what the capabilities need. An unknown
// capability adds none.
func Scopes(capabilities ...Capability) []string {
	scopes := []string{"openid", "email"}
	for _, c := range capabilities {
		if all := c.entry().scopes; len(all) > 0 { // an old invitation may name a removed capability
			scopes = append(scopes, all[0])
		}
	}
	return scopes
}

// Names returns capabilities as they are stored.
func Names(capabilities []Capability) []string { return convert[string](capabilities) }

// FromNames returns the capabilities with these names. It keeps unknown names, such as removed capabilities:
// no scope allows them.
func FromNames(names []string) []Capability { return convert[Capability](names) }

func convert[To, From ~string](texts []From) []To {
	out := make([]To, len(texts))
	for i, s := range texts {
		out[i] = To(s)
	}
	return out
}

// Declined returns the capabilities that a person left unselected: those whose own scope is among scopes. Who declines
// a wider scope may still allow a narrower one.
func Declined(scopes []string) []Capability {
	return slices.DeleteFunc(All(), func(c Capability) bool { return !slices.Contains(scopes, c.Scope()) })
}

// Allowed returns the capabilities that scopes allow.
func Allowed(scopes []string) []Capability {
	return slices.DeleteFunc(All(), func(c Capability) bool { return !c.AllowedBy(scopes) })
}
