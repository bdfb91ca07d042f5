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

var update = flag.Bool("update", false, "write the tables of docs/setup.md anew")

const setup = "../../docs/setup.md"

func TestTheTablesOfTheSetupDocumentAreTheCodes(t *testing.T) {
	say := i18n.In("en")
	table := &strings.Builder{}
	table.WriteString("| Command ID | Name | Command type | Description | Open a dialog | asks for, when it needs it |\n|---|---|---|---|---|---|\n")
	used := map[capability.Capability][]string{}
	for _, c := range commands() {
		kind, dialog := "Slash command", ""
		if c.quick() {
			kind, dialog = "Quick command", "yes"
		}
		var asks []string
		for _, n := range c.needs {
			asks = append(asks, string(n))
			if !c.quick() {
				used[n] = append(used[n], c.name)
			}
		}
		fmt.Fprintf(table, "| %d | `%s` | %s | %s | %s | %s |\n", c.id, c.name, kind, c.description, dialog, strings.Join(asks, ", "))
	}
	scopes := &strings.Builder{}
	scopes.WriteString("| scope | capability | lets Deputy | for |\n|---|---|---|---|\n")
	for _, c := range capability.All() {
		if !c.Everyday() {
			used[c] = []string{"the HTTP API"}
		}
		if len(used[c]) == 0 {
			t.Errorf("no command asks for %s", c)
		}
		fmt.Fprintf(scopes, "| `%s` | %s | %s | %s |\n", c.Scope(), c, strings.ToLower(say(c.Words())[:1])+say(c.Words())[1:], strings.Join(used[c], ", "))
	}
	text, err := os.ReadFile(setup)
	if err != nil {
		t.Fatal(err)
	}
	want := put(put(string(text), "commands", table.String()), "scopes", scopes.String())
	if *update {
		if err := os.WriteFile(setup, []byte(want), 0o644); err != nil { //nolint:gosec // to be read
			t.Fatal(err)
		}
	} else if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("go test ./functions/chatevent -run Setup -args -update writes it anew: %s", diff)
	}
	if strings.Count(want, "/createspace") < 2 {
		t.Error("the tables have no place in the document")
	}
}

// put puts a table between its marks.
func put(text, name, table string) string {
	between := regexp.MustCompile(`(?s)(<!-- ` + name + ` -->\n).*?(<!-- /` + name + ` -->)`)
	return between.ReplaceAllString(text, "${1}"+strings.ReplaceAll(table, "$", "$$")+"${2}")
}

func TestTheHelpSpeaksOfEveryCommand(t *testing.T) {
	for _, locale := range []string{"en", "zh"} {
		say := i18n.In(locale)
		shown := explained(say)
		for i, c := range commands() {
			if len(shown) != len(commands()) || !strings.Contains(shown[i].Label, c.name) || shown[i].Text != say(c.help) {
				t.Errorf("%s: %s: %+v", locale, c.name, shown)
			}
		}
	}
	if !slices.ContainsFunc(commands(), command.quick) {
		t.Error("there is no quick command")
	}
}
