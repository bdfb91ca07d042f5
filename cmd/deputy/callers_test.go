package main

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
)

func TestCallers_AddPauseRemove(t *testing.T) {
	d := newDriver(t)
	out, _ := d.mustRun(config.Secret{}, "callers", "add", "ci", "--project", "p",
		"--email", "CI@tools.iam.gserviceaccount.com", "--name", "CI",
		"--action", "spaces.create,spaces.read", "--domain", "Example.com")
	for _, want := range []string{
		"ci  CI", "ci@tools.iam.gserviceaccount.com", "spaces.create, spaces.read", "example.com", "user",
	} {
		if !strings.Contains(out.Reveal(), want) {
			t.Errorf("output lacks %q: %s", want, out.Reveal())
		}
	}
	// A second add extends the lists.
	d.mustRun(config.Secret{}, "callers", "add", "ci", "--project", "p",
		"--action", "members.read", "--authority", "delegation")
	out, _ = d.mustRun(config.Secret{}, "callers", "pause", "ci", "--project", "p")
	if !strings.Contains(out.Reveal(), "PAUSED") {
		t.Errorf("not paused: %s", out.Reveal())
	}
	d.mustRun(config.Secret{}, "callers", "pause", "everything", "--project", "p")
	d.mustRun(config.Secret{}, "callers", "remove", "ci", "--project", "p", "--action", "spaces.create")
	var all struct {
		Paused  bool
		Callers []callers.Caller
	}
	list, _ := d.mustRun(config.Secret{}, "callers", "list", "--project", "p", "--json")
	if err := json.Unmarshal([]byte(list.Reveal()), &all); err != nil || len(all.Callers) != 1 {
		t.Fatalf("%v: %s", err, list.Reveal())
	}
	c := all.Callers[0]
	if !slices.Equal(c.Actions, []string{"members.read", "spaces.read"}) ||
		!slices.Contains(c.Authorities, "delegation") || c.Name != "CI" || !c.Paused || !all.Paused {
		t.Errorf("got %+v, all paused %v", c, all.Paused)
	}
	d.mustRun(config.Secret{}, "callers", "pause", "ci", "--project", "p", "--off")
	_, stderr := d.mustRun(config.Secret{}, "callers", "remove", "ci", "--project", "p")
	if !strings.Contains(stderr, "refused within a minute") {
		t.Errorf("stderr: %s", stderr)
	}
	left, _ := d.mustRun(config.Secret{}, "callers", "list", "--project", "p")
	if strings.Contains(left.Reveal(), "ci") {
		t.Errorf("still listed: %s", left.Reveal())
	}
	code, _, stderr := d.run(config.Secret{}, "callers", "add", "ci", "--project", "p",
		"--email", "a@b.iam.gserviceaccount.com", "--name", "Another", "--action", "spaces.read")
	if code == 0 || !strings.Contains(stderr, "ci") {
		t.Errorf("the ID of a removed caller was reused: %d %s", code, stderr)
	}
	if got := len(d.audited); got != 7 {
		t.Errorf("got %d audit lines for 7 changes: %v", got, d.audited)
	}
}

func TestCallers_Invalid(t *testing.T) {
	d := newDriver(t)
	d.env = map[string]string{"GOOGLE_CLOUD_PROJECT": "p"} // instead of --project
	account := " --email ci@tools.iam.gserviceaccount.com --name CI"
	for line, want := range map[string]string{
		"add ci": "requires --name",
		"add ci --action spaces.create" + account + " --authority root": "root",
		"add ci --action space.create" + account:                        "space.create",
		"add ci --action spaces.create --person ada" + account:          "ada",
		"add ci --action spaces.create --rate=-1" + account:             "rate",
		"add ci --action spaces.create --email a@b.c --name x":          "service account",
		"add C!I --action spaces.create" + account:                      "C!I",
		"add":                                "an ID for the caller",
		"add ci --fast":                      "unknown flag",
		"remove ci":                          "no caller with the ID ci",
		"remove ci --action sweep":           "no caller with the ID ci",
		"pause ci":                           "no caller with the ID ci",
		"list --callers gs://x":              "--callers must be gs://BUCKET/OBJECT",
		"apply nothing.yaml":                 "nothing.yaml",
		"apply testdata/script/people.txtar": "line 1",
	} {
		code, _, stderr := d.run(config.Secret{}, append([]string{"callers"}, strings.Fields(line)...)...)
		if code == 0 || !strings.Contains(stderr, want) {
			t.Errorf("%s: %d %s", line, code, stderr)
		}
	}
	if out, _ := d.mustRun(config.Secret{}, "callers", "list"); !out.Empty() {
		t.Errorf("stored: %s", out.Reveal())
	}
	d.env = nil
	if code, _, stderr := d.run(config.Secret{}, "callers", "list"); code != exitUsage ||
		!strings.Contains(stderr, "--project") {
		t.Errorf("without a project: %d %s", code, stderr)
	}
}

const callersYAML = `# kept by the platform team
callers:
  - id: ci
    kind: service-account
    email: ci@tools.iam.gserviceaccount.com
    name: CI
    actions: [spaces.create]
    domains: [example.com]
`

func TestApply(t *testing.T) {
	d := newDriver(t)
	d.env = map[string]string{"GOOGLE_CLOUD_PROJECT": "p"}
	name := filepath.Join(t.TempDir(), "callers.yaml")
	check(t, os.WriteFile(name, []byte(callersYAML), 0o600))
	code, out, stderr := d.run(config.NewSecret("n\n"), "callers", "apply", name)
	if code == 0 || !strings.Contains(out.Reveal(), "+    name: CI") ||
		!strings.Contains(stderr, "nothing was changed") {
		t.Errorf("no: %d %s %s", code, out.Reveal(), stderr)
	}
	if out, _ := d.mustRun(config.Secret{}, "callers", "list"); !out.Empty() {
		t.Errorf("no: changed: %s", out.Reveal())
	}
	if _, stderr := d.mustRun(config.NewSecret("y\n"), "callers", "apply", name); !strings.Contains(stderr, "applied") {
		t.Errorf("yes: %s", stderr)
	}
	if _, stderr := d.mustRun(config.Secret{}, "callers", "apply", name); !strings.Contains(stderr, "no differences") {
		t.Errorf("again: %s", stderr)
	}
	// A terminal sends the line but no end of file.
	terminal, keyboard := io.Pipe()
	go func() { _, _ = keyboard.Write([]byte("y\n")) }()
	if !(deps{in: terminal, err: io.Discard}).confirm("Apply? ") {
		t.Error("the answer of a terminal was not read")
	}
	// An edit keeps the operator's comments.
	d.mustRun(config.Secret{}, "callers", "pause", "ci")
	text, err := os.ReadFile(d.callers)
	if err != nil || !strings.Contains(string(text), "# kept by the platform team") {
		t.Errorf("%v: %s", err, text)
	}
}

func TestApply_ConcurrentEdit(t *testing.T) {
	d := newDriver(t)
	d.env = map[string]string{"GOOGLE_CLOUD_PROJECT": "p"}
	name := filepath.Join(t.TempDir(), "callers.yaml")
	check(t, os.WriteFile(name, []byte(callersYAML), 0o600))
	d.beforeWrite = func(s callers.Store) {
		check(t, s.Write(t.Context(), []byte("paused: true\n"), ""))
	}
	if code, _, stderr := d.run(config.Secret{}, "callers", "apply", name, "--yes"); code == 0 ||
		!strings.Contains(stderr, "nothing was written") {
		t.Errorf("%d %s", code, stderr)
	}
	if text, err := os.ReadFile(d.callers); err != nil || string(text) != "paused: true\n" {
		t.Errorf("%v: %s", err, text)
	}
	if len(d.audited) != 0 {
		t.Errorf("audited: %v", d.audited)
	}
}

func TestEdit_RetriesAfterConflict(t *testing.T) {
	d := newDriver(t)
	d.env = map[string]string{"GOOGLE_CLOUD_PROJECT": "p"}
	d.beforeWrite = func(s callers.Store) {
		check(t, s.Write(t.Context(), []byte(callersYAML), ""))
	}
	d.mustRun(config.Secret{}, "callers", "add", "tickets",
		"--email", "t@tools.iam.gserviceaccount.com", "--name", "Tickets", "--action", "spaces.read")
	out, _ := d.mustRun(config.Secret{}, "callers", "list")
	if !strings.Contains(out.Reveal(), "ci  CI") || !strings.Contains(out.Reveal(), "tickets  Tickets") {
		t.Errorf("an edit was lost: %s", out.Reveal())
	}
}

// racingStore calls before once, between a read and the next write.
type racingStore struct {
	callers.Store
	before *func(callers.Store)
}

func (s racingStore) Write(ctx context.Context, text []byte, version string) error {
	if do := *s.before; do != nil {
		*s.before = nil
		do(s.Store)
	}
	return s.Store.Write(ctx, text, version)
}

func TestAudit_WriteFails(t *testing.T) {
	d := newDriver(t)
	d.logErr = fault.New(fault.Unavailable, fault.NoText)
	code, _, stderr := d.run(config.Secret{}, "callers", "pause", "everything", "--project", "p")
	if code == 0 || !strings.Contains(stderr, "its audit line was not written") {
		t.Errorf("%d %s", code, stderr)
	}
}
