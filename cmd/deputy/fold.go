package main

import (
	"io"
	"strings"
	"unicode/utf8"
)

// folded writes to a terminal: a line that is longer than it has columns goes
// on in the next, between words, as far in as it began. An address is never
// broken. Into a pipe nothing is folded.
type folded struct {
	to      io.Writer
	columns int
}

// Write implements io.Writer, for whole lines.
func (f folded) Write(text []byte) (int, error) {
	var out strings.Builder
	for line := range strings.Lines(string(text)) {
		out.WriteString(fold(line, f.columns))
	}
	_, err := io.WriteString(f.to, out.String())
	return len(text), err
}

// write sends a text of whole lines to standard output, folded on a terminal.
func (o outside) write(text string) {
	to := o.out
	if o.terminal && o.columns > 0 {
		to = folded{o.out, o.columns}
	}
	_, _ = io.WriteString(to, text)
}

func fold(line string, columns int) string {
	if utf8.RuneCountInString(strings.TrimRight(line, "\n")) <= columns {
		return line
	}
	margin := line[:len(line)-len(strings.TrimLeft(line, " "))]
	var out strings.Builder
	at := 0
	for i, word := range strings.Split(line[len(margin):], " ") {
		n := utf8.RuneCountInString(strings.TrimRight(word, "\n"))
		switch {
		case i == 0:
			out.WriteString(margin)
			at = len(margin)
		case at+1+n > columns:
			out.WriteString("\n" + margin)
			at = len(margin)
		default:
			out.WriteString(" ")
			at++
		}
		out.WriteString(word)
		at += n
	}
	return out.String()
}
