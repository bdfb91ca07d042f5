// Package resource reads how a person or a member of a space is named, into the
// resource name that Google's APIs take (AIP-122).
package resource

import (
	"net/mail"
	"regexp"
	"strings"

	"example.com/deputy/shared/address"
)

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
