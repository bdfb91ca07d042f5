// Package resource has the names of people, spaces and operations, each of its own
// type so that two cannot be swapped, and reads how a caller names somebody into the
// resource name that Google's APIs take (AIP-122).
package resource

import (
	"net/mail"
	"regexp"
	"strings"

	"example.com/deputy/shared/address"
)

// Person is the resource name of a Google Chat user, users/{id}, where {id} is the
// OIDC sub. By delegation, where no id is known, it is users/{e-mail address}.
type Person string

// Named is a person as a caller names them: users/{id}, or an e-mail address.
type Named string

// Person is a name as the resource name that it is; false for an e-mail address.
func (n Named) Person() (Person, bool) { return Person(n), strings.HasPrefix(string(n), "users/") }

// SpaceName is the resource name of a space, spaces/{id}.
type SpaceName string

// Key makes a repetition the same operation: an idempotency key, or what names the
// doing, such as the message of a command.
type Key string

var (
	userID  = regexp.MustCompile(`^users/[0-9]{1,30}$`)
	groupID = regexp.MustCompile(`^groups/[A-Za-z0-9_-]{1,64}$`)
)

// User is a person's resource name, from users/{id} or a plain e-mail address.
// Chat takes an address as users/{e-mail address}. It reports false for anything
// else.
func User(named string) (string, bool) {
	if userID.MatchString(named) {
		return named, true
	}
	if a, err := mail.ParseAddress(named); err == nil && a.Address == named && !strings.ContainsAny(named, "/?#%\" ") {
		return "users/" + address.Lower(named), true
	}
	return "", false
}

// Member is the resource name of a person, or of a group: from what User takes,
// from groups/{id}, or from groups/{e-mail address}. It reports false for
// anything else.
func Member(named string) (string, bool) {
	if groupID.MatchString(named) {
		return named, true
	}
	if email, group := strings.CutPrefix(named, "groups/"); group && strings.Contains(email, "@") {
		name, ok := User(email)
		return "groups/" + strings.TrimPrefix(name, "users/"), ok
	}
	return User(named)
}

// Bare is a member as people name them: an e-mail address stands without users/.
func Bare(member string) string {
	if strings.Contains(member, "@") {
		return strings.TrimPrefix(member, "users/")
	}
	return member
}
