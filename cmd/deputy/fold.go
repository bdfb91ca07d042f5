package main

import (
	"io"
	"strings"

	"github.com/mitchellh/go-wordwrap"
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

// fold is a line in several where it is too long, each as far in as the first.
func fold(line string, columns int) string {
	text, newline := strings.CutSuffix(strings.TrimLeft(line, " "), "\n")
	margin := strings.Repeat(" ", len(line)-len(strings.TrimLeft(line, " ")))
	wrapped := wordwrap.WrapString(text, uint(max(columns-len(margin), 1)))
	out := margin + strings.ReplaceAll(wrapped, "\n", "\n"+margin)
	if newline {
		out += "\n"
	}
	return out
}
