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

// TestConversations runs each script in testdata/script on a host of its own: what
// a person types, and what they read. Besides testscript's own commands there are
//
//	deputy ARGS        runs the program; "< FILE" first gives it standard input
//	google NAME ARGS   changes the emulator or the store: see changeGoogle
func TestConversations(t *testing.T) {
	files, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("%v: no scripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			d, h := newHost(t)
			d.env = map[string]string{"GOOGLE_CLOUD_PROJECT": "p"}
			testscript.Run(t, testscript.Params{
				Files: []string{file}, RequireExplicitExec: true,
				Setup: func(e *testscript.Env) error {
					e.Setenv("CLIENT", h.file)
					return nil
				},
				Cmds: map[string]func(*testscript.TestScript, bool, []string){
					"deputy": d.runScripted, "google": d.changeGoogle,
				},
			})
		})
	}
}

// runScripted runs the program, and with neg requires it to fail.
func (d *driver) runScripted(ts *testscript.TestScript, neg bool, args []string) {
	in := ""
	if len(args) > 1 && args[0] == "<" { // a file on standard input
		in, args = ts.ReadFile(args[1]), args[2:]
	}
	for i, arg := range args {
		if ext := filepath.Ext(arg); ext == ".json" || ext == ".yaml" {
			args[i] = ts.MkAbs(arg)
		}
	}
	code, out, stderr := d.run(config.NewSecret(in), args...)
	_, _ = fmt.Fprint(ts.Stdout(), out.Reveal())
	_, _ = fmt.Fprint(ts.Stderr(), stderr)
	switch {
	case neg && code == 0:
		ts.Fatalf("exit status 0, want a failure")
	case neg:
		_, _ = fmt.Fprintf(ts.Stderr(), "(exit status %d)\n", code)
	case code != 0:
		ts.Fatalf("exit status %d", code)
	}
	for name, text := range map[string]string{"standard output": out.Reveal(), "standard error": stderr} {
		if strings.ContainsRune(text, '\x1b') {
			ts.Fatalf("%s has escape codes but is not a terminal", name)
		}
		if strings.Contains(text, "MARKED") || strings.Contains(text, "1//") {
			ts.Fatalf("%s has a secret", name)
		}
	}
	line := strings.Join(args, " ")
	if strings.Contains(line, "--json") || strings.Contains(line, "completion") || strings.Contains(line, "keys") {
		return
	}
	folds := strings.HasPrefix(line, "doctor") || strings.HasPrefix(line, "callers") // on a terminal
	for text := range strings.Lines(out.Reveal()) {
		if folds {
			text = fold(text, 80)
		}
		checkWidth(ts, text)
	}
	for text := range strings.Lines(stderr) {
		checkWidth(ts, fold(text, 80)) // as on a terminal
	}
}

var unbreakable = regexp.MustCompile(`https?://\S+|\S{50,}`)

// checkWidth requires lines of at most 80 columns, without addresses and long words.
func checkWidth(ts *testscript.TestScript, text string) {
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if n := utf8.RuneCountInString(unbreakable.ReplaceAllString(line, "")); n > 80 {
			ts.Fatalf("line of %d columns: %s", n, line)
		}
	}
}

// changeGoogle changes the emulator or the store.
func (d *driver) changeGoogle(ts *testscript.TestScript, _ bool, args []string) {
	google := d.host.google
	var err error
	switch strings.Join(args[:min(2, len(args))], " ") {
	case "delegates to":
		google.SetDelegation(args[2], args[3:]...)
	case "authorizes domain":
		google.SetAuthorizedDomains(args[2:]...)
	case "connected people":
		d.saveGrants(3)
	case "a denial":
		d.host.deny = true
	case "a consent":
		d.host.deny = false
	case "no browser":
		d.host.noBrowser = true
	default:
		err = google.SetSwitch(args[0], args[1] == "on")
	}
	ts.Check(err)
}

func TestFold(t *testing.T) {
	d := newDriver(t)
	piped, _, whole := d.run(config.Secret{}, "callers", "list")
	d.columns = 40
	_, _, stderr := d.run(config.Secret{}, "callers", "list")
	if piped != exitUsage || strings.Count(whole, "\n") != 1 ||
		strings.Join(strings.Fields(stderr), " ") != strings.TrimSpace(whole) {
		t.Errorf("%q, on a terminal %q", whole, stderr)
	}
	for _, c := range []struct{ line, want string }{
		{
			"  redirect_uri_mismatch  the client has to allow" +
				" http://127.0.0.1:3000/a/long/path/that/is/never/broken now\n",
			"  redirect_uri_mismatch  the client has\n  to allow\n" +
				"  http://127.0.0.1:3000/a/long/path/that/is/never/broken\n  now\n",
		},
		{"short\n", "short\n"},
		{strings.Repeat("é", 40) + "\n", strings.Repeat("é", 40) + "\n"},
	} {
		if got := fold(c.line, 40); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
