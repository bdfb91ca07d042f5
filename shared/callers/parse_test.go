package callers_test

import (
	"slices"
	"strings"
	"testing"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

const good = `# kept by the platform team
callers:
  - id: ci
    kind: service-account
    uniqueId: "109000000000000000001"
    email: CI@tools.iam.gserviceaccount.com
    name: CI
    actions: [spaces.create]
    people: [Ada@Example.com, users/123]
    domains: [Example.com]
templates:
  - name: Incident
    displayName: "INC-{{seq}} {{title}}"
removed: [old]
`

func parse(t *testing.T, text string) *callers.Set {
	t.Helper()
	set, err := callers.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestAFileIsReadAsItIsCompared(t *testing.T) {
	set := parse(t, good)
	c, there := set.Caller("ci")
	if !there || c.Email != "ci@tools.iam.gserviceaccount.com" || !slices.Equal(c.People, []string{"ada@example.com", "users/123"}) || !slices.Equal(c.Domains, []string{"example.com"}) || !slices.Equal(c.Authorities, []vault.Authority{callers.ByUser}) {
		t.Errorf("got %+v", c)
	}
	if of, there := set.Template("Incident"); !there || of.DisplayName != "INC-{{seq}} {{title}}" {
		t.Errorf("template: %+v", of)
	}
	for _, nothing := range []string{"", "\n", "# nobody\n", "callers: []\n", "callers:\n", "---\n"} {
		if set := parse(t, nothing); len(set.Callers) != 0 {
			t.Errorf("%q: %v", nothing, set.Callers)
		}
	}
}

func TestWhatIsWrongIsSaidWithItsLine(t *testing.T) {
	change := func(old, with string) string {
		out := strings.Replace(good, old, with, 1)
		if out == good {
			t.Fatalf("%q is not in the file", old)
		}
		return out
	}
	for name, c := range map[string]struct{ text, want string }{
		"an unknown field":           {change("    name: CI\n", "    name: CI\n    colour: red\n"), `line 8: there is no field "colour"`},
		"a field twice":              {change("    name: CI\n", "    name: CI\n    name: Other\n"), "line 8"},
		"an unknown action":          {change("[spaces.create]", "[spaces.make]"), `line 3: ci: actions: there is no "spaces.make"; there are spaces.create`},
		"an unknown authority":       {change("    name: CI\n", "    name: CI\n    authorities: [root]\n"), `there is no "root"`},
		"two callers of one id":      {change("templates:", "  - {id: ci, kind: service-account, email: b@b.iam.gserviceaccount.com, name: B}\ntemplates:"), `line 11: two callers have the id "ci"`},
		"an id of one who is gone":   {change("id: ci", "id: old"), `was another caller's`},
		"one account twice":          {change("templates:", "  - {id: b, kind: service-account, email: ci@tools.iam.gserviceaccount.com, name: B}\ntemplates:"), "ci and b name the same service account"},
		"no account":                 {change("    uniqueId: \"109000000000000000001\"\n    email: CI@tools.iam.gserviceaccount.com\n", ""), "name the service account"},
		"a person's account":         {change("CI@tools.iam.gserviceaccount.com", "ada@example.com"), "must be the address of a service account"},
		"another kind":               {change("kind: service-account", "kind: agent"), "not available yet"},
		"what is not built":          {change("    name: CI\n", "    name: CI\n    webhook: https://ci.example.com\n"), "not available yet"},
		"a name that is none":        {change("name: CI", `name: "CI\u202e"`), "printable"},
		"a person that is none":      {change("users/123", "ada"), `"ada" is not users/{id}`},
		"a domain that is all":       {change("[Example.com]", "['*']"), `"*" is not a domain`},
		"a domain of everybody":      {change("[Example.com]", "[com]"), `"com" is not a domain`},
		"a list that is a text":      {change("[spaces.create]", "spaces.create"), "is not a list or a mapping"},
		"two documents":              {good + "---\ncallers: []\n", "more than one document"},
		"a template twice":           {change("removed:", "  - name: Incident\n    displayName: x\nremoved:"), `two templates have the name "Incident"`},
		"no YAML":                    {"callers: [\n", "line"},
		"a bomb":                     {"a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b]\n", "line 1: anchors"},
		"a value from elsewhere":     {change("people: [", "people: &p ["), "line 9: anchors (&) and aliases (*) are not read here"},
		"a merged mapping":           {change("    name: CI\n", "    name: CI\n    <<: {paused: true}\n"), "line 8"},
		"a name that is none at all": {change("    name: CI\n", "    name: CI\n    ? [a]\n    : b\n"), "is not the name of a field"},
		"too long":                   {strings.Repeat("# x\n", 300_000), "larger than 1 MiB"},
	} {
		set, err := callers.Parse([]byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) || set != nil {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestAnEditKeepsCommentsAndNeverMakesAFileThatCannotBeRead(t *testing.T) {
	text, err := callers.Edit([]byte(good), func(d *callers.Draft) error {
		d.Pause(true)
		d.Remove("ci")
		return d.Put(callers.Caller{ID: "tickets", Email: "t@tools.iam.gserviceaccount.com", Name: "Tickets", Actions: []string{callers.ReadSpaces}})
	})
	if err != nil {
		t.Fatal(err)
	}
	set := parse(t, string(text))
	if !set.Paused || len(set.Callers) != 1 || set.Callers[0].ID != "tickets" || !slices.Equal(set.Removed, []string{"old", "ci"}) || !strings.Contains(string(text), "# kept by the platform team") {
		t.Errorf("got %s", text)
	}
	for name, change := range map[string]func(*callers.Draft) error{
		"an id again": func(d *callers.Draft) error {
			return d.Put(callers.Caller{ID: "old", Email: "o@tools.iam.gserviceaccount.com", Name: "O"})
		},
		"an odd action": func(d *callers.Draft) error {
			return d.Put(callers.Caller{ID: "ci", Email: "o@tools.iam.gserviceaccount.com", Name: "O", Actions: []string{"root"}})
		},
	} {
		if _, err := callers.Edit([]byte(good), change); err == nil {
			t.Errorf("%s: it was written", name)
		}
	}
	if _, err := callers.Edit([]byte("callers: ["), func(*callers.Draft) error { return nil }); err == nil {
		t.Error("a broken file was edited")
	}
}

func TestACallerMayOnlyWhatItsEntrySays(t *testing.T) {
	c := callers.Caller{Actions: []string{callers.CreateSpaces}, Authorities: []vault.Authority{vault.Authority(string(callers.ByUser)), vault.Authority(string(callers.ByDelegation))}, People: []string{"ada@example.com", "users/1"}, Domains: []string{"example.org"}}
	for name, x := range map[string]struct {
		authority, named, action string
		fine                     bool
	}{
		"a person":                  {string(callers.ByUser), "Ada@example.com", callers.CreateSpaces, true},
		"a person by id":            {string(callers.ByUser), "users/1", callers.CreateSpaces, true},
		"somebody of a domain":      {string(callers.ByUser), "bob@Example.org", callers.CreateSpaces, true},
		"an id, perhaps of it":      {string(callers.ByUser), "users/2", callers.CreateSpaces, true}, // Covers decides
		"a subdomain":               {string(callers.ByUser), "bob@sub.example.org", callers.CreateSpaces, false},
		"a look-alike":              {string(callers.ByUser), "bob@example.org.evil.example", callers.CreateSpaces, false},
		"a letter that folds":       {string(callers.ByUser), "bob@eхample.org", callers.CreateSpaces, false},
		"another action":            {string(callers.ByUser), "ada@example.com", callers.DeleteSpaces, false},
		"another authority":         {string(callers.ByAdmin), "ada@example.com", callers.CreateSpaces, false},
		"an id by delegation":       {string(callers.ByDelegation), "users/2", callers.CreateSpaces, false},
		"an id is no address there": {string(callers.ByDelegation), "bob@example.com", callers.CreateSpaces, false},
	} {
		if err := c.Allow(vault.Authority(x.authority), resource.Named(x.named), x.action); (err == nil) != x.fine || err != nil && fault.KindOf(err) != fault.Denied {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := c.Covers("users/2", "example.org"); err != nil {
		t.Error(err)
	}
	for _, domain := range []string{"", "example.com", "example.org.evil.example"} {
		if err := c.Covers("users/2", domain); fault.KindOf(err) != fault.Denied {
			t.Errorf("somebody of %q: %v", domain, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(good)
	f.Add("callers: [{id: a, <<: {kind: x}}]")
	f.Add("callers: !!binary aGk=")
	f.Fuzz(func(t *testing.T, text string) {
		set, err := callers.Parse([]byte(text))
		if err != nil {
			return
		}
		again, err := callers.Edit([]byte(text), func(d *callers.Draft) error { d.Pause(true); return nil })
		if err != nil {
			t.Fatalf("what is read cannot be edited: %v", err)
		}
		if after, err := callers.Parse(again); err != nil || !after.Paused || len(after.Callers) != len(set.Callers) {
			t.Errorf("%v: %s", err, again)
		}
	})
}
