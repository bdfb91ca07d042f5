// Package address normalizes email addresses for comparison and extracts their domains.
package address

import "strings"

// Lower returns text with ASCII letters in lower case. Unicode case mapping would turn the Kelvin sign into k and
// make two different addresses equal.
func Lower(text string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, text)
}

// Domain returns the part of an address after its last @, in lower case. It is empty if there is no @.
func Domain(email string) string {
	at := strings.LastIndex(email, "@")
	if at < 0 {
		return ""
	}
	return Lower(email[at+1:])
}
