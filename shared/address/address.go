// Package address says what an e-mail address is for Deputy: how two are
// compared, and which domain one belongs to.
package address

import "strings"

// Lower is text in ASCII lower case. Addresses that differ in other letters are
// different addresses: Unicode's rules would make the Kelvin sign a k.
func Lower(text string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, text)
}

// Domain is the part of an address after its last @, in lower case; empty when
// there is none.
func Domain(email string) string {
	at := strings.LastIndex(email, "@")
	if at < 0 {
		return ""
	}
	return Lower(email[at+1:])
}
