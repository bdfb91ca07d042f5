package main

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// escapingWriter shows the characters that a terminal would obey, and those that turn the writing direction, instead of
// sending them: names come from other people, and from systems that may write templates. All output of the program goes
// through it, to a file as well, because somebody shows the file later. Within JSON, its escapes are those of JSON.
type escapingWriter struct{ w io.Writer }

// Write implements io.Writer. The text must consist of whole characters.
func (e escapingWriter) Write(text []byte) (int, error) {
	var out strings.Builder
	written := len(text)
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case r == utf8.RuneError && size == 1, r < ' ' && r != '\n' && r != '\t':
			_, _ = fmt.Fprintf(&out, `\x%02x`, text[0])
		case isShown(r):
			out.Write(text[:size])
		default:
			for _, unit := range utf16.Encode([]rune{r}) {
				_, _ = fmt.Fprintf(&out, `\u%04x`, unit)
			}
		}
		text = text[size:]
	}
	_, err := io.WriteString(e.w, out.String())
	return written, err
}

// isShown reports whether a terminal shows a character as itself. Joiners are part of emoji and of some scripts.
func isShown(r rune) bool {
	return unicode.IsPrint(r) || unicode.Is(unicode.Zs, r) || r == '\n' || r == '\t' || r == '\u200c' || r == '\u200d'
}

// printRow prints one line. A line break in an argument is shown, so that a name cannot look like a row.
func printRow(w io.Writer, format string, args ...any) {
	for i, arg := range args {
		args[i] = oneLine(fmt.Sprint(arg))
	}
	_, _ = io.WriteString(w, strings.TrimRight(fmt.Sprintf(format, args...), " ")+"\n")
}

// oneLine shows line breaks and tabs.
func oneLine(s string) string {
	return strings.NewReplacer("\n", `\n`, "\t", `\t`, "\r", `\r`).Replace(s)
}
