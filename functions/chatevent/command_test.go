package chatevent

import (
	"testing"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/i18n"
)

func TestCommands_FitConsole(t *testing.T) {
	for _, c := range capability.All() {
		if c.Description() == (i18n.Text{}) {
			t.Errorf("%s has no words", c)
		}
	}
	seen := map[int]bool{}
	for _, c := range commands() {
		if seen[c.id] || c.id < 1 || c.id > 1000 || c.isQuick() != (c.id > 100) || len(c.name) > 50 ||
			len(c.description) == 0 || len(c.description) > 50 {
			t.Errorf("Chat's console does not accept %+v", c)
		}
		seen[c.id] = true
		for _, r := range c.name + c.description {
			if r > 127 {
				t.Errorf("%s: %q is not ASCII, and Chat silently drops the command", c.name, r)
			}
		}
	}
}
