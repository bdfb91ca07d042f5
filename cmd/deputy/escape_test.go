package main

import (
	"encoding/json"
	"strings"
	"testing"

	"example.com/deputy/shared/config"
)

// A name clears the screen, sets the clipboard, forges a row, and turns the writing direction (kubectl CVE-2021-25743).
const evilName = "\x1b[2J\x1b]52;c;aGk=\x07\u009b1m x\nspaces/FORGED Payroll \u202egnp\u2066\U000e0041\x7f"

func TestAttack_TerminalEscapes(t *testing.T) {
	d, h := newHost(t)
	h.google.CreateSpace(evilName, h.person)
	h.google.CreateSpace("Plan B \U0001f469\u200d\U0001f4bb 计划", h.person)
	d.mustRun(config.Secret{}, "quickstart", "--client-secrets", h.file)
	rows, _ := d.mustRun(config.Secret{}, "space", "list")
	objects, _ := d.mustRun(config.Secret{}, "space", "list", "--json")
	list, asJSON := rows.Reveal(), objects.Reveal()
	_, stderr := d.mustRun(config.Secret{}, "quickstart", "--name", "x\u202ey") // prints the name as Google has it
	for name, text := range map[string]string{"list": list, "JSON": asJSON, "error": stderr} {
		if i := strings.IndexFunc(text, func(r rune) bool { return !isShown(r) }); i >= 0 {
			t.Errorf("%s: raw %+q", name, text[i:min(i+20, len(text))])
		}
		if strings.Contains(text, "\nspaces/FORGED") {
			t.Errorf("%s: a name looks like a row: %s", name, text)
		}
	}
	if !strings.Contains(list, `\x1b[2J`) || !strings.Contains(list, `\u202e`) || !strings.Contains(list, "计划") {
		t.Errorf("list: %s", list)
	}
	var spaces []spaceOutput
	check(t, json.Unmarshal([]byte(asJSON), &spaces))
	found := false
	for _, s := range spaces {
		found = found || s.DisplayName == evilName
	}
	if !found {
		t.Errorf("JSON: the name has changed: %s", asJSON)
	}
}
