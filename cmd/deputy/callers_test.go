package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
)

func TestASystemIsAddedPausedAndRemoved(t *testing.T) {
	d := begin(t)
	out, _ := d.does(config.Secret{}, "callers", "add", "ci", "--project", "p", "--email", "CI@tools.iam.gserviceaccount.com", "--name", "CI", "--action", "spaces.create,spaces.read", "--domain", "Example.com")
	for _, want := range []string{"ci  CI", "ci@tools.iam.gserviceaccount.com", "spaces.create, spaces.read", "example.com", "user"} {
		if !strings.Contains(out.Reveal(), want) {
			t.Errorf("%q is not shown: %s", want, out.Reveal())
		}
	}
	// What is added later comes on top.
	d.does(config.Secret{}, "callers", "add", "ci", "--project", "p", "--action", "members.read", "--authority", "delegation")
	if out, _ := d.does(config.Secret{}, "callers", "pause", "ci", "--project", "p"); !strings.Contains(out.Reveal(), "PAUSED") {
		t.Errorf("it is not paused: %s", out.Reveal())
	}
	d.does(config.Secret{}, "callers", "pause", "everything", "--project", "p")
	d.does(config.Secret{}, "callers", "remove", "ci", "--project", "p", "--action", "spaces.create")
	var all struct {
		Paused  bool
		Callers []callers.Caller
	}
	list, _ := d.does(config.Secret{}, "callers", "list", "--project", "p", "--json")
	if err := json.Unmarshal([]byte(list.Reveal()), &all); err != nil || len(all.Callers) != 1 {
		t.Fatalf("%v: %s", err, list.Reveal())
	}
	c := all.Callers[0]
	if !slices.Equal(c.Actions, []string{"members.read", "spaces.read"}) || !slices.Contains(c.Authorities, "delegation") || c.Name != "CI" || !c.Paused || !all.Paused {
		t.Errorf("got %+v, all paused %v", c, all.Paused)
	}
	d.does(config.Secret{}, "callers", "pause", "ci", "--project", "p", "--off")
	if _, said := d.does(config.Secret{}, "callers", "remove", "ci", "--project", "p"); !strings.Contains(said, "refused within a minute") {
		t.Errorf("said: %s", said)
	}
	if left, _ := d.does(config.Secret{}, "callers", "list", "--project", "p"); strings.Contains(left.Reveal(), "ci") {
		t.Errorf("it is still there: %s", left.Reveal())
	}
	if code, _, said := d.run(config.Secret{}, "callers", "add", "ci", "--project", "p", "--email", "a@b.iam.gserviceaccount.com", "--name", "Another", "--action", "spaces.read"); code == 0 || !strings.Contains(said, "ci") {
		t.Errorf("the id of a removed system is used again: %d %s", code, said)
	}
	if got := len(d.audited); got != 7 {
		t.Errorf("%d audit lines of 7 changes: %v", got, d.audited)
	}
}

func TestACallerThatNobodyCouldUseIsRefused(t *testing.T) {
	d := begin(t)
	d.env = map[string]string{"GOOGLE_CLOUD_PROJECT": "p"} // in place of --project
	account := " --email ci@tools.iam.gserviceaccount.com --name CI"
	for line, want := range map[string]string{
		"add ci": "needs --name",
		"add ci --action spaces.create" + account + " --authority root": "root",
		"add ci --action space.create" + account:                        "space.create",
		"add ci --action spaces.create --person ada" + account:          "ada",
		"add ci --action spaces.create --rate=-1" + account:             "rate",
		"add ci --action spaces.create --email a@b.c --name x":          "service account",
		"add C!I --action spaces.create" + account:                      "C!I",
		"add":                                "an id of your choice",
		"add ci --fast":                      "unknown flag",
		"remove ci":                          "there is no caller ci",
		"remove ci --action sweep":           "there is no caller ci",
		"pause ci":                           "there is no caller ci",
		"list --callers gs://x":              "--callers must be gs://BUCKET/OBJECT",
		"apply nothing.yaml":                 "nothing.yaml",
		"apply testdata/script/people.txtar": "line 1",
	} {
		code, _, said := d.run(config.Secret{}, append([]string{"callers"}, strings.Fields(line)...)...)
		if code == 0 || !strings.Contains(said, want) {
			t.Errorf("%s: %d %s", line, code, said)
		}
	}
	if out, _ := d.does(config.Secret{}, "callers", "list"); !out.Empty() {
		t.Errorf("something was stored: %s", out.Reveal())
	}
	d.env = nil
	if code, _, said := d.run(config.Secret{}, "callers", "list"); code != wrongUse || !strings.Contains(said, "--project") {
		t.Errorf("without a project: %d %s", code, said)
	}
}

const twoSystems = `# kept by the platform team
callers:
  - id: ci
    kind: service-account
    email: ci@tools.iam.gserviceaccount.com
    name: CI
    actions: [spaces.create]
    domains: [example.com]
`

func TestAFileIsComparedAskedAboutAndApplied(t *testing.T) {
	d := begin(t)
	d.env = map[string]string{"GOOGLE_CLOUD_PROJECT": "p"}
	name := filepath.Join(t.TempDir(), "callers.yaml")
	check(t, os.WriteFile(name, []byte(twoSystems), 0o600))
	if code, out, said := d.run(config.NewSecret("n\n"), "callers", "apply", name); code == 0 || !strings.Contains(out.Reveal(), "+    name: CI") || !strings.Contains(said, "nothing was changed") {
		t.Errorf("a no: %d %s %s", code, out.Reveal(), said)
	}
	if out, _ := d.does(config.Secret{}, "callers", "list"); !out.Empty() {
		t.Errorf("a no changed something: %s", out.Reveal())
	}
	if _, said := d.does(config.NewSecret("y\n"), "callers", "apply", name); !strings.Contains(said, "applied") {
		t.Errorf("a yes: %s", said)
	}
	if _, said := d.does(config.Secret{}, "callers", "apply", name); !strings.Contains(said, "nothing differs") {
		t.Errorf("again: %s", said)
	}
	// An edit keeps what the operator wrote around it.
	d.does(config.Secret{}, "callers", "pause", "ci")
	if text, err := os.ReadFile(d.callers); err != nil || !strings.Contains(string(text), "# kept by the platform team") {
		t.Errorf("%v: %s", err, text)
	}
}

func TestAStaleApplyOverwritesNothing(t *testing.T) {
	d := begin(t)
	d.env = map[string]string{"GOOGLE_CLOUD_PROJECT": "p"}
	name := filepath.Join(t.TempDir(), "callers.yaml")
	check(t, os.WriteFile(name, []byte(twoSystems), 0o600))
	d.between = func(s callers.Store) { // somebody else's edit, after ours was compared
		check(t, s.Write(t.Context(), []byte("paused: true\n"), ""))
	}
	if code, _, said := d.run(config.Secret{}, "callers", "apply", name, "--yes"); code == 0 || !strings.Contains(said, "nothing was written") {
		t.Errorf("%d %s", code, said)
	}
	if text, err := os.ReadFile(d.callers); err != nil || string(text) != "paused: true\n" {
		t.Errorf("%v: %s", err, text)
	}
	if len(d.audited) != 0 {
		t.Errorf("audited: %v", d.audited)
	}
}

func TestAnEditThatLosesARaceIsMadeAgainOnWhatWon(t *testing.T) {
	d := begin(t)
	d.env = map[string]string{"GOOGLE_CLOUD_PROJECT": "p"}
	d.between = func(s callers.Store) {
		check(t, s.Write(t.Context(), []byte(twoSystems), ""))
	}
	d.does(config.Secret{}, "callers", "add", "tickets", "--email", "t@tools.iam.gserviceaccount.com", "--name", "Tickets", "--action", "spaces.read")
	if out, _ := d.does(config.Secret{}, "callers", "list"); !strings.Contains(out.Reveal(), "ci  CI") || !strings.Contains(out.Reveal(), "tickets  Tickets") {
		t.Errorf("one of both is lost: %s", out.Reveal())
	}
}

// busy is a store of which something happens between reading and writing.
type busy struct {
	callers.Store
	between *func(callers.Store)
}

func (b busy) Write(ctx context.Context, text []byte, version string) error {
	if do := *b.between; do != nil {
		*b.between = nil
		do(b.Store)
	}
	return b.Store.Write(ctx, text, version)
}

func TestAChangeWhoseAuditLineIsLostSaysSo(t *testing.T) {
	d := begin(t)
	d.silent = fault.New(fault.Unavailable, fault.NoText)
	code, _, said := d.run(config.Secret{}, "callers", "pause", "everything", "--project", "p")
	if code == 0 || !strings.Contains(said, "its audit line could not be written") {
		t.Errorf("%d %s", code, said)
	}
}
