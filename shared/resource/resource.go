// Package resource defines the names of people, spaces and operations. Each has its own type, so that two names
// cannot be swapped. It parses a caller's name for a person into the resource name of Google's APIs (AIP-122).
package resource

import (
	"regexp"
	"strings"

	"example.com/deputy/shared/address"
)

// Person is the resource name of a Google Chat user, users/{id}, where {id} is the OIDC sub. For domain-wide
// delegation, where the ID is not known, it is users/{email address}.
type Person string

// Named is a person as a caller names them: users/{id}, or an email address.
type Named string

// Person returns n as a resource name, and false if n is an email address.
func (n Named) Person() (Person, bool) { return Person(n), strings.HasPrefix(string(n), "users/") }

// SpaceName is the resource name of a space, spaces/{id}.
type SpaceName string

// Key identifies an operation, so that a retry does not repeat it. It is a caller's idempotency key, or the name
// of the event that started the operation, such as a command's message.
type Key string

var (
	userID  = regexp.MustCompile(`^users/[0-9]{1,30}$`)
	groupID = regexp.MustCompile(`^groups/[A-Za-z0-9_-]{1,64}$`)
)

// ParseUser returns the resource name of a person from users/{id} or an email address in any form of
// address.Parse, which becomes users/{email address}. It returns false for anything else.
func ParseUser(name string) (string, bool) {
	if userID.MatchString(name) {
		return name, true
	}
	email, ok := address.Parse(name)
	if !ok {
		return "", false
	}
	return "users/" + email, true
}

// ParseNamed returns a person as ParseUser reads the name, or the name itself if ParseUser does not accept it.
func ParseNamed(name string) Named {
	if user, ok := ParseUser(name); ok && strings.Contains(user, "@") {
		return Named(strings.TrimPrefix(user, "users/"))
	}
	return Named(name)
}

// ParseMember returns the resource name of a person or a group. It accepts what ParseUser accepts, groups/{id}, and
// groups/{email address}. It returns false for anything else.
func ParseMember(name string) (string, bool) {
	if groupID.MatchString(name) {
		return name, true
	}
	if email, ok := strings.CutPrefix(name, "groups/"); ok && strings.Contains(email, "@") {
		user, ok := ParseUser(email)
		return "groups/" + strings.TrimPrefix(user, "users/"), ok
	}
	return ParseUser(name)
}

// MemberLabel returns a member's name for people: for an email address, without users/.
func MemberLabel(member string) string {
	if strings.Contains(member, "@") {
		return strings.TrimPrefix(member, "users/")
	}
	return member
}
