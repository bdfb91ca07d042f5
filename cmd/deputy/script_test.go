package main

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/testscript"

	"example.com/deputy/shared/config"
)

// TestConversations plays each file of testdata/script at a desk of its own:
// what an operator or a person types, and what they read. The stand-ins are
// behind the program; besides testscript's own commands there are
//
//	deputy ARGS        runs the program; standard input is that of stdin
//	google NAME ARGS   changes something at Google: see standing
func TestConversations(t *testing.T) {
	files, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("%v: no conversations", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			d, h := atHome(t)
			d.env = map[string]string{"GOOGLE_CLOUD_PROJECT": "p"}
			testscript.Run(t, testscript.Params{
				Files: []string{file}, RequireExplicitExec: true,
				Setup: func(e *testscript.Env) error {
					e.Setenv("CLIENT", h.file)
					return nil
				},
				Cmds: map[string]func(*testscript.TestScript, bool, []string){
					"deputy": d.types, "google": d.standing,
				},
			})
		})
	}
}

// types runs the program, and wants it to end well, or not to.
func (d *desk) types(ts *testscript.TestScript, neg bool, args []string) {
	in := ""
	if len(args) > 1 && args[0] == "<" { // a file on standard input
		in, args = ts.ReadFile(args[1]), args[2:]
	}
	for i, arg := range args {
		if ext := filepath.Ext(arg); ext == ".json" || ext == ".yaml" {
			args[i] = ts.MkAbs(arg)
		}
	}
	code, out, said := d.run(config.NewSecret(in), args...)
	_, _ = fmt.Fprint(ts.Stdout(), out.Reveal())
	_, _ = fmt.Fprint(ts.Stderr(), said)
	switch {
	case neg && code == 0:
		ts.Fatalf("it ended well")
	case neg:
		_, _ = fmt.Fprintf(ts.Stderr(), "(ended with %d)\n", code)
	case code != 0:
		ts.Fatalf("it ended with %d", code)
	}
	for name, text := range map[string]string{"standard output": out.Reveal(), "standard error": said} {
		if strings.ContainsRune(text, '\x1b') {
			ts.Fatalf("%s has escape codes, and is no terminal", name)
		}
		if strings.Contains(text, "MARKED") || strings.Contains(text, "1//") {
			ts.Fatalf("%s has a secret", name)
		}
	}
	if words := strings.Join(args, " "); !strings.Contains(words, "--json") && !strings.Contains(words, "completion") && !strings.Contains(words, "keys") {
		for line := range strings.Lines(out.Reveal()) {
			if strings.HasPrefix(words, "doctor") || strings.HasPrefix(words, "callers") { // they fold on a terminal
				line = fold(line, 80)
			}
			fits(ts, line)
		}
		for line := range strings.Lines(said) {
			fits(ts, fold(line, 80)) // as on a terminal
		}
	}
}

var unbreakable = regexp.MustCompile(`https?://\S+|\S{50,}`)

// fits wants lines that a terminal of 80 columns shows whole; an address or a
// long word may stand alone on a line of its own.
func fits(ts *testscript.TestScript, text string) {
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if n := utf8.RuneCountInString(unbreakable.ReplaceAllString(line, "")); n > 80 {
			ts.Fatalf("a line of %d columns: %s", n, line)
		}
	}
}

// standing changes something at Google or in the store.
func (d *desk) standing(ts *testscript.TestScript, _ bool, args []string) {
	google := d.home.google
	var err error
	switch strings.Join(args[:min(2, len(args))], " ") {
	case "delegates to":
		google.SetDelegation(args[2], args[3:]...)
	case "authorizes domain":
		google.SetAuthorizedDomains(args[2:]...)
	case "connected people":
		d.people(3)
	case "a denial":
		d.home.deny = true
	case "a consent":
		d.home.deny = false
	case "no browser":
		d.home.blind = true
	default:
		err = google.SetSwitch(args[0], args[1] == "on")
	}
	ts.Check(err)
}

func TestOnATerminalAMessageGoesOnInTheNextLineBetweenWords(t *testing.T) {
	d := begin(t)
	piped, _, whole := d.run(config.Secret{}, "callers", "list")
	d.columns = 40
	_, _, said := d.run(config.Secret{}, "callers", "list")
	if piped != wrongUse || strings.Count(whole, "\n") != 1 || strings.Join(strings.Fields(said), " ") != strings.TrimSpace(whole) {
		t.Errorf("%q, on a terminal %q", whole, said)
	}
	for _, c := range []struct{ line, want string }{
		{"  redirect_uri_mismatch  the client has to allow http://127.0.0.1:3000/a/long/path/that/is/never/broken now\n", "  redirect_uri_mismatch  the client has\n  to allow\n  http://127.0.0.1:3000/a/long/path/that/is/never/broken\n  now\n"},
		{"short\n", "short\n"},
		{strings.Repeat("é", 40) + "\n", strings.Repeat("é", 40) + "\n"},
	} {
		if got := fold(c.line, 40); got != c.want {
			t.Errorf("%q, not %q", got, c.want)
		}
	}
}
