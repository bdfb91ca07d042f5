package chatevent

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/i18n"
)

var update = flag.Bool("update", false, "update the tables of docs/setup.md")

const setup = "../../docs/setup.md"

func TestSetupTables(t *testing.T) {
	say := i18n.In("en")
	table := &strings.Builder{}
	table.WriteString("| Command ID | Name | Command type | Description | Open a dialog | " +
		"asks for, when it needs it |\n")
	table.WriteString("|---|---|---|---|---|---|\n")
	used := map[capability.Capability][]string{}
	for _, c := range commands() {
		kind, dialog := "Slash command", ""
		if c.isQuick() {
			kind, dialog = "Quick command", "yes"
		}
		var asks []string
		for _, n := range c.needs {
			asks = append(asks, string(n))
			used[n] = append(used[n], c.name)
		}
		fmt.Fprintf(table, "| %d | `%s` | %s | %s | %s | %s |\n",
			c.id, c.name, kind, c.description, dialog, strings.Join(asks, ", "))
	}
	scopes := &strings.Builder{}
	scopes.WriteString("| scope | capability | lets Deputy | for |\n|---|---|---|---|\n")
	for _, c := range capability.All() {
		if !c.UsedInChat() {
			used[c] = []string{"the HTTP API"}
		}
		if len(used[c]) == 0 {
			t.Errorf("no command asks for %s", c)
		}
		text := say(c.Description())
		fmt.Fprintf(scopes, "| `%s` | %s | %s | %s |\n",
			c.Scope(), c, strings.ToLower(text[:1])+text[1:], strings.Join(used[c], ", "))
	}
	text, err := os.ReadFile(setup)
	if err != nil {
		t.Fatal(err)
	}
	want := replaceTable(replaceTable(string(text), "commands", table.String()), "scopes", scopes.String())
	if *update {
		if err := os.WriteFile(setup, []byte(want), 0o644); err != nil { //nolint:gosec // a public document
			t.Fatal(err)
		}
	} else if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("to update it, run go test ./functions/chatevent -run Setup -args -update: %s", diff)
	}
	checkUse(t)
	if strings.Count(want, "/createspace") < 2 {
		t.Error("the document has no marks for the tables")
	}
}

// checkUse keeps the table of commands in docs/use.md equal to /help.
func checkUse(t *testing.T) {
	t.Helper()
	const use = "../../docs/use.md"
	table := "| command | what it does |\n|---|---|\n"
	say := i18n.In("en")
	for _, c := range commands() {
		name := "`" + strings.TrimSpace(c.name+" "+say(c.args)) + "`"
		if c.isQuick() {
			name += " (in the + menu)"
		}
		table += "| " + name + " | " + say(c.help) + " |\n"
	}
	text, err := os.ReadFile(use)
	if err != nil {
		t.Fatal(err)
	}
	want := replaceTable(string(text), "commands", table)
	if *update {
		if err := os.WriteFile(use, []byte(want), 0o644); err != nil { //nolint:gosec // a public document
			t.Fatal(err)
		}
	} else if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("to update it, run go test ./functions/chatevent -run Setup -args -update: %s", diff)
	}
}

// replaceTable replaces the table between its marks.
func replaceTable(text, name, table string) string {
	marked := regexp.MustCompile(`(?s)(<!-- ` + name + ` -->\n).*?(<!-- /` + name + ` -->)`)
	return marked.ReplaceAllString(text, "${1}"+strings.ReplaceAll(table, "$", "$$")+"${2}")
}

func TestHelp_ListsEveryCommand(t *testing.T) {
	for _, locale := range []string{"en", "zh"} {
		say := i18n.In(locale)
		widgets := commandWidgets(say)
		for i, c := range commands() {
			if len(widgets) != len(commands()) || !strings.Contains(widgets[i].Label, c.name) ||
				widgets[i].Text != say(c.help) {
				t.Errorf("%s: %s: %+v", locale, c.name, widgets)
			}
		}
	}
	if !slices.ContainsFunc(commands(), command.isQuick) {
		t.Error("there is no quick command")
	}
}
