package main

import (
	"bytes"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

var update = flag.Bool("update", false, "update docs/cli.md")

var seeAlso = regexp.MustCompile(`(?m)^### SEE ALSO\n\n(\*.*\n)+\n?`)

// manual returns docs/cli.md: the help of every command.
func manual(t *testing.T) string {
	t.Helper()
	root := rootCommand(deps{lookupEnv: func(string) (string, bool) { return "", false }})
	var out bytes.Buffer
	out.WriteString("# The deputy command\n\n" +
		"For operators, and for everyone who works from a terminal. After this page, you know each command and its " +
		"flags.\n\n" +
		"Generated from the program's help by `go test ./cmd/deputy -run Manual -args -update`.\n" +
		"To install it: `go build -o deputy ./cmd/deputy`.\n\n")
	var write func(*cobra.Command)
	write = func(c *cobra.Command) {
		c.DisableAutoGenTag = true
		c.InitDefaultHelpFlag()
		check(t, doc.GenMarkdownCustom(c, &out, func(file string) string {
			return "#" + strings.ReplaceAll(strings.TrimSuffix(file, ".md"), "_", "-")
		}))
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() && sub.Name() != "completion" && sub.Name() != "help" {
				write(sub)
			}
		}
	}
	write(root)
	// Only the first section lists the other commands.
	first := true
	return seeAlso.ReplaceAllStringFunc(out.String(), func(list string) string {
		if !first {
			return ""
		}
		first = false
		return strings.ReplaceAll(strings.Replace(list, "SEE ALSO", "Commands", 1), "\t", "")
	})
}

func TestManual(t *testing.T) {
	const file = "../../docs/cli.md"
	want := manual(t)
	if *update {
		check(t, os.WriteFile(file, []byte(want), 0o600))
	}
	got, err := os.ReadFile(file)
	check(t, err)
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("docs/cli.md is out of date; run go test ./cmd/deputy -run Manual -args -update: %s", diff)
	}
	for _, name := range []string{
		"deputy quickstart", "deputy callers apply", "deputy risc verify", "deputy templates put",
		"deputy keys promote", "deputy space invite",
	} {
		if !strings.Contains(want, "## "+name+"\n") {
			t.Errorf("docs/cli.md lacks %s", name)
		}
	}
}
