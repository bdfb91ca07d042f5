package spaces

import (
	"slices"
	"strings"
	"unicode/utf8"

	chatapi "google.golang.org/api/chat/v1"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/userauth"
	"example.com/deputy/shared/words"
)

// MaxName is how many characters a space's name may have (chat-protocol.md
// 6.2).
const MaxName = 128

// maxMembers is how many people spaces.setup takes besides the person
// (chat-protocol.md 6.3).
const maxMembers = 49

// Request is a space to be made.
type Request struct {
	DisplayName string
	Members     []Member // besides the person, who is in anyway
}

// Member is somebody to be in a space.
type Member struct {
	User  string // users/{id}
	Label string // how people call them
}

// Checked is r in its plain form (blanks trimmed, doubles and the person
// themself left out), or an Invalid fault that says how to mend it.
func (r Request) Checked(person string) (Request, error) {
	r.DisplayName = strings.Join(strings.Fields(r.DisplayName), " ")
	switch n := utf8.RuneCountInString(r.DisplayName); {
	case n == 0:
		return r, fault.New(fault.Invalid, words.NameNeeded)
	case n > MaxName:
		return r, fault.New(fault.Invalid, words.NameTooLong, n, MaxName)
	}
	var members []Member
	for _, m := range r.Members {
		known := slices.ContainsFunc(members, func(o Member) bool { return o.User == m.User })
		if m.User != person && !known {
			members = append(members, m)
		}
	}
	if r.Members = members; len(members) > maxMembers {
		return r, fault.New(fault.Invalid, words.TooManyPeople, len(members), maxMembers)
	}
	return r, nil
}

// Needed are the capabilities that making the space needs.
func (r Request) Needed() []userauth.Capability {
	if len(r.Members) == 0 {
		return []userauth.Capability{userauth.CreateSpaces}
	}
	return []userauth.Capability{userauth.CreateSpaces, userauth.ReadMembers}
}

// id is Google's requestId for r.
func (r Request) id(keys *seal.Keys, person, source string) (string, error) {
	parts := []string{person, source, r.DisplayName}
	for _, m := range r.Members {
		parts = append(parts, m.User)
	}
	return requestID(keys, "spaces.setup", parts...)
}

// api is r as the Chat API takes it.
func (r Request) api(id string) *chatapi.SetUpSpaceRequest {
	out := &chatapi.SetUpSpaceRequest{
		RequestId: id,
		Space:     &chatapi.Space{SpaceType: "SPACE", DisplayName: r.DisplayName},
	}
	for _, m := range r.Members {
		out.Memberships = append(out.Memberships, &chatapi.Membership{Member: &chatapi.User{Name: m.User, Type: "HUMAN"}})
	}
	return out
}
