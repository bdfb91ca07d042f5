package userauth

import "slices"

// Capability is a thing Deputy can do for a person.
type Capability string

// The capabilities of the commands there are so far (design section 4).
const (
	CreateSpaces Capability = "CreateSpaces"
	ReadMembers  Capability = "ReadMembers"
)

const prefix = "https://www.googleapis.com/auth/"

// table names the scope to ask for and the wider ones that satisfy as well.
// Scopes: the discovery document of chat/v1, "auth.oauth2.scopes".
var table = map[Capability]struct {
	scope string
	wider []string
}{
	CreateSpaces: {prefix + "chat.spaces.create", []string{prefix + "chat.spaces"}},
	ReadMembers:  {prefix + "chat.memberships.readonly", []string{prefix + "chat.memberships"}},
}

// Capabilities are all there are, in the order of the table in the design.
func Capabilities() []Capability { return []Capability{CreateSpaces, ReadMembers} }

// satisfied tells whether scopes allow c.
func (c Capability) satisfied(scopes []string) bool {
	entry, ok := table[c]
	return ok && slices.ContainsFunc(append([]string{entry.scope}, entry.wider...), func(s string) bool {
		return slices.Contains(scopes, s)
	})
}

// missing are those of wanted that scopes do not allow.
func missing(wanted []Capability, scopes []string) []Capability {
	var out []Capability
	for _, c := range wanted {
		if !c.satisfied(scopes) {
			out = append(out, c)
		}
	}
	return out
}

// scopesFor is what one consent asks: who the person is, and what the act needs.
func scopesFor(capabilities []Capability) []string {
	scopes := []string{"openid", "email"}
	for _, c := range capabilities {
		scopes = append(scopes, table[c].scope)
	}
	return scopes
}

func toNames(capabilities []Capability) []string {
	out := make([]string, len(capabilities))
	for i, c := range capabilities {
		out[i] = string(c)
	}
	return out
}

func fromNames(names []string) []Capability {
	out := make([]Capability, len(names))
	for i, n := range names {
		out[i] = Capability(n)
	}
	return out
}
