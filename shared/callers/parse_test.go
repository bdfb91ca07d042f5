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

const valid = `# kept by the platform team
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

func TestParse(t *testing.T) {
	set := parse(t, valid)
	c, ok := set.Caller("ci")
	if !ok || c.Email != "ci@tools.iam.gserviceaccount.com" ||
		!slices.Equal(c.People, []string{"ada@example.com", "users/123"}) ||
		!slices.Equal(c.Domains, []string{"example.com"}) ||
		!slices.Equal(c.Authorities, []vault.Authority{callers.AuthorityUser}) {
		t.Errorf("got %+v", c)
	}
	if template, ok := set.Template("Incident"); !ok || template.DisplayName != "INC-{{seq}} {{title}}" {
		t.Errorf("template: %+v", template)
	}
	for _, empty := range []string{"", "\n", "# nobody\n", "callers: []\n", "callers:\n", "---\n"} {
		if set := parse(t, empty); len(set.Callers) != 0 {
			t.Errorf("%q: %v", empty, set.Callers)
		}
	}
}

func TestParse_Errors(t *testing.T) {
	replace := func(old, replacement string) string {
		out := strings.Replace(valid, old, replacement, 1)
		if out == valid {
			t.Fatalf("%q is not in the file", old)
		}
		return out
	}
	addField := func(field string) string { return replace("    name: CI\n", "    name: CI\n    "+field+"\n") }
	addCaller := func(caller string) string { return replace("templates:", "  - {"+caller+"}\ntemplates:") }
	noAccount := replace("    uniqueId: \"109000000000000000001\"\n    email: CI@tools.iam.gserviceaccount.com\n", "")
	for name, c := range map[string]struct{ text, want string }{
		"unknown field":   {addField("colour: red"), `line 8: unknown field "colour"`},
		"duplicate field": {addField("name: Other"), "line 8"},
		"unknown action": {
			replace("[spaces.create]", "[spaces.make]"),
			`line 3: ci: actions: unknown value "spaces.make"; known values are spaces.create`,
		},
		"unknown authority": {addField("authorities: [root]"), `unknown value "root"`},
		"duplicate id": {
			addCaller("id: ci, kind: service-account, email: b@b.iam.gserviceaccount.com, name: B"),
			`line 11: duplicate caller id "ci"`,
		},
		"removed id": {replace("id: ci", "id: old"), `belonged to a removed caller`},
		"duplicate service account": {
			addCaller("id: b, kind: service-account, email: ci@tools.iam.gserviceaccount.com, name: B"),
			"ci and b have the same service account",
		},
		"no account": {noAccount, "of the service account is required"},
		"personal account": {
			replace("CI@tools.iam.gserviceaccount.com", "ada@example.com"), "must be a service account address",
		},
		"other kind":         {replace("kind: service-account", "kind: agent"), "not supported yet"},
		"planned field":      {addField("webhook: https://ci.example.com"), "not supported yet"},
		"unprintable name":   {replace("name: CI", `name: "CI\u202e"`), "printable"},
		"invalid person":     {replace("users/123", "ada"), `"ada" is not users/{id}`},
		"wildcard domain":    {replace("[Example.com]", "['*']"), `"*" is not a domain`},
		"top-level domain":   {replace("[Example.com]", "[com]"), `"com" is not a domain`},
		"string, not a list": {replace("[spaces.create]", "spaces.create"), "is not a list or a mapping"},
		"two documents":      {valid + "---\ncallers: []\n", "more than one YAML document"},
		"duplicate template": {
			replace("removed:", "  - name: Incident\n    displayName: x\nremoved:"),
			`duplicate template name "Incident"`,
		},
		"not YAML": {"callers: [\n", "line"},
		"YAML bomb": {
			"a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b]\n", "line 1: anchors",
		},
		"anchor": {
			replace("people: [", "people: &p ["), "line 9: anchors (&) and aliases (*) are not supported",
		},
		"merge key":        {addField("<<: {paused: true}"), "line 8"},
		"key not a string": {addField("? [a]\n    : b"), "is not a field name"},
		"too long":         {strings.Repeat("# x\n", 300_000), "larger than 1 MiB"},
	} {
		set, err := callers.Parse([]byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) || set != nil {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestEdit(t *testing.T) {
	text, err := callers.Edit([]byte(valid), func(d *callers.Draft) error {
		d.Pause(true)
		d.Remove("ci")
		return d.Put(callers.Caller{
			ID: "tickets", Email: "t@tools.iam.gserviceaccount.com", Name: "Tickets",
			Actions: []string{callers.ReadSpaces},
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	set := parse(t, string(text))
	if !set.Paused || len(set.Callers) != 1 || set.Callers[0].ID != "tickets" ||
		!slices.Equal(set.Removed, []string{"old", "ci"}) ||
		!strings.Contains(string(text), "# kept by the platform team") {
		t.Errorf("got %s", text)
	}
	for name, change := range map[string]func(*callers.Draft) error{
		"removed id": func(d *callers.Draft) error {
			return d.Put(callers.Caller{ID: "old", Email: "o@tools.iam.gserviceaccount.com", Name: "O"})
		},
		"unknown action": func(d *callers.Draft) error {
			return d.Put(callers.Caller{
				ID: "ci", Email: "o@tools.iam.gserviceaccount.com", Name: "O", Actions: []string{"root"},
			})
		},
	} {
		if _, err := callers.Edit([]byte(valid), change); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := callers.Edit([]byte("callers: ["), func(*callers.Draft) error { return nil }); err == nil {
		t.Error("an invalid file was edited")
	}
}

func TestCaller_Allow(t *testing.T) {
	const user, admin, delegation = callers.AuthorityUser, callers.AuthorityAdmin, callers.AuthorityDelegation
	c := callers.Caller{
		Actions: []string{callers.CreateSpaces}, Authorities: []vault.Authority{user, delegation},
		People: []string{"ada@example.com", "users/1"}, Domains: []string{"example.org"},
	}
	for name, x := range map[string]struct {
		authority     vault.Authority
		named, action string
		allowed       bool
	}{
		"listed address":      {user, "Ada@example.com", callers.CreateSpaces, true},
		"listed id":           {user, "users/1", callers.CreateSpaces, true},
		"address in domain":   {user, "bob@Example.org", callers.CreateSpaces, true},
		"other id":            {user, "users/2", callers.CreateSpaces, true}, // Covers decides
		"subdomain":           {user, "bob@sub.example.org", callers.CreateSpaces, false},
		"look-alike domain":   {user, "bob@example.org.evil.example", callers.CreateSpaces, false},
		"look-alike letter":   {user, "bob@eхample.org", callers.CreateSpaces, false},
		"other action":        {user, "ada@example.com", callers.DeleteSpaces, false},
		"other authority":     {admin, "ada@example.com", callers.CreateSpaces, false},
		"id by delegation":    {delegation, "users/2", callers.CreateSpaces, false},
		"other by delegation": {delegation, "bob@example.com", callers.CreateSpaces, false},
	} {
		err := c.Allow(x.authority, resource.Named(x.named), x.action)
		if (err == nil) != x.allowed || err != nil && fault.KindOf(err) != fault.Denied {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := c.Covers("users/2", "example.org"); err != nil {
		t.Error(err)
	}
	for _, domain := range []string{"", "example.com", "example.org.evil.example"} {
		if err := c.Covers("users/2", domain); fault.KindOf(err) != fault.Denied {
			t.Errorf("domain %q: %v", domain, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(valid)
	f.Add("callers: [{id: a, <<: {kind: x}}]")
	f.Add("callers: !!binary aGk=")
	f.Fuzz(func(t *testing.T, text string) {
		set, err := callers.Parse([]byte(text))
		if err != nil {
			return
		}
		edited, err := callers.Edit([]byte(text), func(d *callers.Draft) error { d.Pause(true); return nil })
		if err != nil {
			t.Fatalf("a valid file cannot be edited: %v", err)
		}
		if after, err := callers.Parse(edited); err != nil || !after.Paused || len(after.Callers) != len(set.Callers) {
			t.Errorf("%v: %s", err, edited)
		}
	})
}
