package callers_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/vault"
)

// Every field of a template survives its way into the file and back.
func TestTemplate_RoundTrip(t *testing.T) {
	full := vault.Template{
		Name: "Incident", DisplayName: "INC-{{seq}}", Description: "d", Guidelines: "g",
		Members:      []string{"users/ada@example.com", "users/1", "groups/team@example.com", "groups/abc"},
		Discoverable: true, Announcements: true, External: true,
		History: "HISTORY_ON", FirstMessage: "f", AddApp: true,
	}
	for name, want := range map[string]vault.Template{
		"all fields": full, "only a name": {Name: "Incident"},
		"discoverable":  {Name: "x", Discoverable: true, History: "HISTORY_OFF"},
		"announcements": {Name: "x", Announcements: true},
	} {
		text, err := callers.Edit(nil, func(d *callers.Draft) error { return d.PutTemplate(callers.NewTemplate(want)) })
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, ok := parse(t, string(text)).Template(want.Name)
		if diff := cmp.Diff(want, got); !ok || diff != "" {
			t.Errorf("%s: %v %s", name, ok, diff)
		}
	}
	if _, ok := parse(t, valid).Template("Other"); ok {
		t.Error("a template that is not in the file")
	}
}

func TestParse_Templates(t *testing.T) {
	for name, c := range map[string]struct{ fields, want string }{
		"private":         {"access: PRIVATE", ""},
		"discoverable":    {"access: DISCOVERABLE", ""},
		"other access":    {"access: PUBLIC", "access must be"},
		"collaboration":   {"kind: COLLABORATION", ""},
		"announcements":   {"kind: ANNOUNCEMENTS", ""},
		"other kind":      {"kind: GROUP", "kind must be"},
		"history on":      {"history: HISTORY_ON", ""},
		"history off":     {"history: HISTORY_OFF", ""},
		"other history":   {"history: 'ON'", "history must be"},
		"members":         {"members: [Ada@Example.com, users/1, groups/aB_-1, groups/A.b%+-@example.com]", ""},
		"unknown member":  {"members: [ada]", `member "ada" is not users/{id}, groups/{id} or`},
		"user by address": {"members: [users/ada@example.com]", `member "users/ada@example.com" is not`},
		"group with path": {"members: [groups/a/b]", `member "groups/a/b" is not`},
		"upper-case user": {"members: [Users/1]", ""},
	} {
		_, err := callers.Parse([]byte("templates:\n  - name: Incident\n    " + c.fields + "\n"))
		if c.want == "" && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if c.want != "" && (err == nil || !strings.Contains(err.Error(), `line 2: template "Incident": `+c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	got := parse(t, "templates:\n  - {name: b, members: [Ada@Example.com, groups/aB]}\n  - {name: a}\n").Templates
	want := []vault.Template{{Name: "a"}, {Name: "b", Members: []string{"users/ada@example.com", "groups/aB"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sorted, addresses in lower case: %s", diff)
	}
}

func TestTemplateName(t *testing.T) {
	for name, want := range map[string]bool{
		"Incident": true, "a b": true, strings.Repeat("ä", 100): true, strings.Repeat("ä", 101): false,
		"": false, ".a": false, "_a": false, "a/b": false, "a\nb": false, "/": false,
	} {
		if got := callers.ValidTemplateName(name); got != want {
			t.Errorf("%q: got %v", name, got)
		}
		text, err := callers.Edit(nil, func(d *callers.Draft) error {
			return d.PutTemplate(callers.Template{Name: name})
		})
		if (err == nil) != want {
			t.Errorf("%q in the file: %s, %v", name, text, err)
		}
	}
}
