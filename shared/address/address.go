// Package address parses email addresses as people and systems copy them, normalizes them for comparison, and extracts
// their domains.
package address

import (
	"net/mail"
	"net/url"
	"strings"
	"unicode"

	"golang.org/x/text/width"

	"example.com/deputy/shared/text"
)

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

// Parse returns the address in a text as mail programs and browsers copy it: with a name, in angle brackets or quotes,
// as a mailto link, as a mention, or with punctuation at its end. The address is in ASCII lower case, and needs no
// escaping in a resource name. Parse returns false for anything else.
func Parse(s string) (string, bool) {
	s = strings.TrimSpace(text.Visible(width.Fold.String(s)))
	if link, err := url.Parse(s); err == nil && strings.EqualFold(link.Scheme, "mailto") {
		s = link.Opaque
	}
	if a, err := mail.ParseAddress(s); err == nil {
		s = a.Address
	}
	s = strings.TrimRight(strings.Trim(s, quotes), ".,;:!?"+quotes)
	s = Lower(strings.TrimPrefix(s, "@"))
	a, err := mail.ParseAddress(s)
	isSpecial := func(r rune) bool {
		return r > unicode.MaxASCII || unicode.IsSpace(r) || strings.ContainsRune(`/?#%"`, r)
	}
	return s, err == nil && a.Address == s && !strings.ContainsFunc(s, isSpecial)
}

const quotes = "\"'`()[]<>\u00ab\u00bb\u201c\u201d\u201e\u2018\u2019"

// Split returns the entries of a list that a person typed or pasted. Commas, semicolons, line breaks and blanks
// separate entries, but a name stays with the address in angle brackets behind it.
func Split(list string) []string {
	var out []string
	end := func(entry string) {
		if strings.Contains(entry, "<") {
			out = append(out, strings.TrimSpace(entry))
		} else {
			out = append(out, strings.Fields(text.Visible(entry))...)
		}
	}
	from := 0
	for i, r := range list {
		switch {
		case strings.ContainsRune(",;\n\uff0c\uff1b\u3001", r):
			end(list[from:i])
			from = i + len(string(r))
		case r == '>':
			end(list[from : i+1])
			from = i + 1
		}
	}
	end(list[from:])
	return out
}
