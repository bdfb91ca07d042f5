package callers_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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
		"other kind": {replace("kind: service-account", "kind: agent"), "not supported yet"},
		"return address in clear": {
			addField("returnAddresses: ['http://ci.example.com/']"), "is not an https URL of at most 256 bytes",
		},
		"return address with a user":     {addField("returnAddresses: ['https://a@ci.example.com/']"), "without user"},
		"return address with a fragment": {addField("returnAddresses: ['https://ci.example.com/#a']"), "or fragment"},
		"return address without a host":  {addField("returnAddresses: ['https:///a']"), "is not an https URL"},
		"long return address": {
			addField("returnAddresses: ['https://ci.example.com/" + strings.Repeat("a", 256) + "']"), "256 bytes",
		},
		"return address twice": {
			addField("returnAddresses: ['https://ci.example.com/', 'https://ci.example.com/']"), "more than once",
		},
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
		"missing value":    {"paused:\n", "line 1: missing value"},
		"missing ID":       {"removed: [callers, ~]\n", "line 1: missing value"},
		"missing caller":   {"callers:\n  -\n", "line 2: missing value"},
		"missing field":    {addField("email2:"), "line 8: missing value"},
		"not a mapping":    {"- a\n", "line 1"},
		"not a bool":       {addField("paused: maybe"), "`maybe` is not true or false"},
		"not a number":     {addField("rate: fast"), "`fast` is not a number"},
		"oidc":             {replace("kind: service-account", "kind: oidc"), "ci: kind oidc is not supported yet"},
		"unknown kind":     {replace("kind: service-account", "kind: robot"), "ci: kind must be service-account"},
		"no kind":          {replace("    kind: service-account\n", ""), "ci: kind must be service-account"},
		"short unique ID":  {replace("109000000000000000001", "1"), "ci: uniqueId must be the numeric ID"},
		"upper-case ID":    {replace("id: ci", "id: Ci"), `id "Ci" must be lowercase`},
		"no name":          {replace("name: CI", "name: ' '"), "name must have 1 to 100"},
		"long name":        {replace("name: CI", "name: "+strings.Repeat("x", 101)), "name must have 1 to 100"},
		"rate below zero":  {addField("rate: -1"), "rate must be from 0"},
		"rate too high":    {addField("rate: 1000001"), "rate must be from 0"},
		"repeated action":  {replace("[spaces.create]", "[sweep, sweep]"), `actions: "sweep" is given more than once`},
		"repeated person":  {replace("users/123", "ada@example.com"), `"ada@example.com" is given more than once`},
		"named person":     {replace("users/123", "A <a@b.example>"), `people: "a <a@b.example>" is not`},
		"in brackets":      {replace("users/123", "<a@b.example>"), `people: "<a@b.example>" is not`},
		"address of a URL": {replace("users/123", "'a?b@example.com'"), `people: "a?b@example.com" is not`},
		"administrator":    {addField("administrators: [users/1]"), `administrators: "users/1" is not an email`},
		"same unique ID": {
			addCaller("id: b, kind: service-account, uniqueId: '109000000000000000001', name: B"),
			"line 11: ci and b have the same service account",
		},
		"key not a string": {addField("? [a]\n    : b"), "is not a field name"},
		"too long":         {strings.Repeat("#", 1<<20+1), "larger than 1 MiB"},
	} {
		set, err := callers.Parse([]byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) || set != nil {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// An operator reads all problems at once.
func TestParse_AllErrors(t *testing.T) {
	_, err := callers.Parse([]byte("callers:\n  - {id: A, kind: x, name: A}\n  - {id: B, kind: x, name: B}\n"))
	if err == nil {
		t.Fatal("no error")
	}
	want := `callers: line 2: id "A" must be lowercase letters, digits and hyphens, and start with a letter; ` +
		"line 2: A: kind must be service-account; " +
		`line 3: id "B" must be lowercase letters, digits and hyphens, and start with a letter; ` +
		"line 3: B: kind must be service-account"
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Error(diff)
	}
}

func TestParse_Limits(t *testing.T) {
	one := "  - {id: a, kind: service-account, email: a@p.iam.gserviceaccount.com, name: A"
	two := strings.NewReplacer("a@", "b@", "id: a", "id: b").Replace(one)
	for name, text := range map[string]string{
		"1 MiB":            strings.Repeat("#", 1<<20),
		"long name":        "callers:\n" + one + strings.Repeat("A", 99) + "}\n",
		"highest rate":     "callers:\n" + one + ", rate: 1000000}\n",
		"rate 0":           "callers:\n" + one + ", rate: 0}\n",
		"all actions":      "callers:\n" + one + ", actions: [" + strings.Join(callers.Actions(), ", ") + "]}\n",
		"all authorities":  "callers:\n" + one + ", authorities: [user, admin, delegation]}\n",
		"administrators":   "callers:\n" + one + ", administrators: [Root@Example.com]}\n",
		"empty lists":      "callers:\ntemplates:\nremoved:\n",
		"accounts by mail": "callers:\n" + one + "}\n" + two + "}\n",
		"accounts by ID": "callers:\n" +
			"  - {id: a, kind: service-account, uniqueId: '109000000000000000001', name: A}\n" +
			"  - {id: b, kind: service-account, uniqueId: '109000000000000000002', name: B}\n",
	} {
		if _, err := callers.Parse([]byte(text)); err != nil {
			t.Errorf("%s: %v", name, err)
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
		"unknown kind": func(d *callers.Draft) error {
			return d.Put(callers.Caller{ID: "ci", Kind: "robot", Email: "o@tools.iam.gserviceaccount.com", Name: "O"})
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
	invalid := strings.Replace(valid, "kind: service-account", "kind: robot", 1)
	_, err = callers.Edit([]byte(invalid), func(d *callers.Draft) error { d.Remove("ci"); return nil })
	if err == nil || !strings.Contains(err.Error(), "kind must be service-account") {
		t.Errorf("an invalid file was made valid: %v", err)
	}
	refused := errors.New("refused")
	if _, err := callers.Edit(nil, func(*callers.Draft) error { return refused }); !errors.Is(err, refused) {
		t.Errorf("the change failed: %v", err)
	}
}

// The operator's file keeps its comments and its form.
func TestEdit_Text(t *testing.T) {
	const one = `  - id: a
    kind: service-account
    email: a@p.iam.gserviceaccount.com
    name: A
    actions: []
`
	two := strings.NewReplacer("id: a", "id: b", "a@", "b@").Replace(one)
	a := callers.Caller{ID: "a", Email: "A@p.iam.gserviceaccount.com", Name: "A"}
	for name, c := range map[string]struct {
		text   string
		change func(d *callers.Draft) error
		want   string
	}{
		"new file":   {"", func(d *callers.Draft) error { return d.Put(a) }, "callers:\n" + one},
		"no value":   {"# ours\n~\n", func(d *callers.Draft) error { return d.Put(a) }, "# ours\ncallers:\n" + one},
		"empty list": {"callers: []\n", func(d *callers.Draft) error { return d.Put(a) }, "callers:\n" + one},
		"no list":    {"callers:\n", func(d *callers.Draft) error { return d.Put(a) }, "callers:\n" + one},
		"replace": {
			"callers:\n" + "  # first\n" + strings.Replace(one, "name: A", "name: Old", 1) + two,
			func(d *callers.Draft) error { return d.Put(a) },
			"callers:\n" + "  # first\n" + one + two,
		},
		"pause":       {"removed: [x]\n", pause(true), "paused: true\nremoved: [x]\n"},
		"pause twice": {"paused: true\nremoved: [x]\n", pause(true), "paused: true\nremoved: [x]\n"},
		"resume":      {"removed: [x]\npaused: true\n", pause(false), "removed: [x]\n"},
		"not paused":  {"removed: [x]\n", pause(false), "removed: [x]\n"},
		"list in one line": {
			"removed: [x]\ncallers:\n" + one, func(d *callers.Draft) error { d.Remove("a"); return nil },
			"removed: [x, a]\ncallers: []\n",
		},
		"remove template": {
			"templates:\n  - name: a # A\n  - name: b # B\n",
			func(d *callers.Draft) error { d.RemoveTemplate("a"); return nil }, "templates:\n  - name: b # B\n",
		},
		"replace template": {
			"templates:\n  - name: a\n    history: HISTORY_ON\n",
			func(d *callers.Draft) error { return d.PutTemplate(callers.Template{Name: "a"}) },
			"templates:\n  - name: a\n",
		},
	} {
		got, err := callers.Edit([]byte(c.text), c.change)
		if diff := cmp.Diff(c.want, string(got)); err != nil || diff != "" {
			t.Errorf("%s: %v %s", name, err, diff)
		}
	}
}

func pause(paused bool) func(*callers.Draft) error {
	return func(d *callers.Draft) error { d.Pause(paused); return nil }
}

func TestEdit_RemoveReports(t *testing.T) {
	var got []bool
	text, err := callers.Edit([]byte(valid), func(d *callers.Draft) error {
		got = []bool{
			d.Remove("CI"), d.Remove("ci"), d.Remove("ci"),
			d.RemoveTemplate("ci"), d.RemoveTemplate("Incident"), d.RemoveTemplate("Incident"),
		}
		return nil
	})
	if diff := cmp.Diff([]bool{false, true, false, false, true, false}, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
	set := parse(t, string(text))
	if len(set.Callers)+len(set.Templates) != 0 || !slices.Equal(set.Removed, []string{"old", "ci"}) {
		t.Errorf("got %s", text)
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
	err := c.Allow(user, "ada@example.com", callers.CreateSpaces, callers.DeleteSpaces)
	if fault.KindOf(err) != fault.Denied {
		t.Errorf("one of two actions: %v", err)
	}
	c.Domains = nil
	if err := c.Allow(user, "users/2", callers.CreateSpaces); fault.KindOf(err) != fault.Denied {
		t.Errorf("an ID without domains: %v", err)
	}
	c.Domains = []string{"example.org"}
	for _, covered := range []struct{ named, domain string }{{"users/2", "Example.org"}, {"users/1", ""}} {
		if err := c.Covers(resource.Named(covered.named), covered.domain); err != nil {
			t.Errorf("%+v: %v", covered, err)
		}
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

func TestParse_ReadableErrors(t *testing.T) {
	for text, want := range map[string]string{
		"paused: x\nfoo: 1\n":     "line 1: `x` is not true or false; line 2: unknown field \"foo\"",
		"callers: [{name: [CI]}]": "the value is not a string",
		"- a\n":                   "the value is not a list or a mapping",
	} {
		if _, err := callers.Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

func TestEdit_OnlyComments(t *testing.T) {
	out, err := callers.Edit([]byte("# ours\n"), func(*callers.Draft) error { return nil })
	if err != nil || !strings.Contains(string(out), "# ours") {
		t.Errorf("got %q, %v", out, err)
	}
}
