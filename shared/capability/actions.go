package capability

import "slices"

// actions lists what each action of a caller (docs/api.md) can need. Some requests need less.
var actions = map[string][]Capability{
	"spaces.create":   {CreateSpaces, EditSpaces, ReadMembers},
	"spaces.read":     {ReadSpaces},
	"spaces.update":   {EditSpaces},
	"spaces.delete":   {ReadSpaces, DeleteSpaces},
	"members.read":    {ReadMembers},
	"members.write":   {ManageMembers},
	"messages.create": {PostMessages},
	"messages.update": {EditMessages},
	"messages.delete": {EditMessages},
	"meetings.create": {PostMessages, Meet},
}

// admin maps a capability to the one that useAdminAccess needs instead. useAdminAccess does not support the others.
var admin = map[Capability]Capability{
	ReadSpaces: AdminSpaces, EditSpaces: AdminSpaces, DeleteSpaces: AdminDelete, ResolveGroups: ResolveGroups,
	ReadMembers: AdminMembers, ManageMembers: AdminMembers,
}

// ForAdmin returns the capability that useAdminAccess needs in place of c, and false if there is none.
func (c Capability) ForAdmin() (Capability, bool) {
	out, ok := admin[c]
	return out, ok
}

// ForActions returns what actions of a caller can need, once each, in display order. With administrator access, it
// returns the administrator's capabilities.
func ForActions(withAdmin bool, names ...string) []Capability {
	var needed []Capability
	for _, name := range names {
		for _, c := range actions[name] {
			if withAdmin {
				c, _ = c.ForAdmin()
			}
			needed = append(needed, c)
		}
	}
	return slices.DeleteFunc(All(), func(c Capability) bool { return !slices.Contains(needed, c) })
}
