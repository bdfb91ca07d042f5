// Package text decides what a text is that a person, a form or a system gives: which of its characters count, and when
// it is empty. It treats all of them alike.
package text

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Clean returns a text of several lines without characters that nobody sees and that come from copying: controls other
// than line breaks and tabs, controls of the writing direction, and blanks and format characters at its ends. Format
// characters within it stay, because emoji and some scripts need them. A text without a visible character is empty.
func Clean(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r) || isDirection(r) || r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, strings.ReplaceAll(s, "\r\n", "\n"))
	return strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || isInvisible(r) })
}

// Line returns a text as one line: Clean, with single spaces between words.
func Line(s string) string { return strings.Join(strings.Fields(Clean(s)), " ") }

// Visible returns s without any invisible character. It is for addresses and times, which need none.
func Visible(s string) string {
	return strings.Map(func(r rune) rune {
		if isInvisible(r) || unicode.IsControl(r) && !unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s)
}

// Comparable returns the form in which names are compared: names that are written alike have the same one, whatever
// their Unicode form and the blanks around them. Case counts.
func Comparable(s string) string { return norm.NFC.String(Line(s)) }

// isInvisible reports whether a character shows nothing by itself: format characters, what Unicode calls default
// ignorable, variation selectors, and the blank Braille pattern.
func isInvisible(r rune) bool {
	return unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) ||
		r == '\u2800'
}

// isDirection reports whether a character overrides the writing direction of those that follow.
func isDirection(r rune) bool { return unicode.Is(unicode.Bidi_Control, r) && r > '\u200f' }
