package main

import (
	"io"
	"strings"

	"github.com/mitchellh/go-wordwrap"
)

// foldingWriter folds lines to the width of a terminal.
type foldingWriter struct {
	w       io.Writer
	columns int
}

// Write implements io.Writer. The text must consist of whole lines.
func (f foldingWriter) Write(text []byte) (int, error) {
	var out strings.Builder
	for line := range strings.Lines(string(text)) {
		out.WriteString(fold(line, f.columns))
	}
	_, err := io.WriteString(f.w, out.String())
	return len(text), err
}

// write prints whole lines to standard output, folded only on a terminal.
func (d deps) write(text string) {
	w := d.out
	if d.isTerminal && d.columns > 0 {
		w = foldingWriter{d.out, d.columns}
	}
	_, _ = io.WriteString(w, text)
}

// fold breaks a long line between words and indents each part as the line is
// indented. It never breaks a word, so an address stays whole.
func fold(line string, columns int) string {
	text, newline := strings.CutSuffix(strings.TrimLeft(line, " "), "\n")
	indent := strings.Repeat(" ", len(line)-len(strings.TrimLeft(line, " ")))
	wrapped := wordwrap.WrapString(text, uint(max(columns-len(indent), 1)))
	out := indent + strings.ReplaceAll(wrapped, "\n", "\n"+indent)
	if newline {
		out += "\n"
	}
	return out
}
