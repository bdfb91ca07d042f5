package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"example.com/deputy/shared/vault"
)

const ci = "109000000000000000001"

func TestASystemIsAllowedPausedAndDenied(t *testing.T) {
	d := begin(t)
	out, _ := d.does("", "callers", "allow", ci, "--project", "p", "--email", "CI@tools.iam.gserviceaccount.com", "--name", "CI", "--operation", "spaces.create,spaces.read", "--domain", "Example.com")
	for _, want := range []string{ci + "  CI", "ci@tools.iam.gserviceaccount.com", "spaces.create, spaces.read", "example.com", "user"} {
		if !strings.Contains(out.Reveal(), want) {
			t.Errorf("%q is not shown: %s", want, out.Reveal())
		}
	}
	// What is allowed later comes on top.
	d.does("", "callers", "allow", ci, "--project", "p", "--operation", "members.read", "--authority", "delegation")
	if out, _ := d.does("", "callers", "pause", ci, "--project", "p"); !strings.Contains(out.Reveal(), "PAUSED") {
		t.Errorf("it is not paused: %s", out.Reveal())
	}
	d.does("", "callers", "pause", "everything", "--project", "p")
	d.does("", "callers", "deny", ci, "--project", "p", "--operation", "spaces.create")
	var all []vault.Caller
	list, _ := d.does("", "callers", "list", "--project", "p", "--json")
	if err := json.Unmarshal([]byte(list.Reveal()), &all); err != nil || len(all) != 2 {
		t.Fatalf("%v: %s", err, list.Reveal())
	}
	c, everything := all[0], all[1]
	if !slices.Equal(c.Operations, []string{"members.read", "spaces.read"}) || !slices.Equal(c.Authorities, []string{"delegation", "user"}) || c.Name != "CI" || !c.Paused || !everything.Paused {
		t.Errorf("got %+v and %+v", c, everything)
	}
	d.does("", "callers", "pause", ci, "--project", "p", "--off")
	if _, said := d.does("", "callers", "deny", ci, "--project", "p"); !strings.Contains(said, "refused within a minute") {
		t.Errorf("said: %s", said)
	}
	if left, _ := d.does("", "callers", "list", "--project", "p"); strings.Contains(left.Reveal(), ci) {
		t.Errorf("it is still there: %s", left.Reveal())
	}
}

func TestARecordThatNobodyCouldUseIsRefused(t *testing.T) {
	d := begin(t)
	d.env = map[string]string{"GOOGLE_CLOUD_PROJECT": "p"} // in place of --project
	for line, want := range map[string]string{
		"allow ci@tools.iam.gserviceaccount.com":            "not by its address",
		"allow " + ci:                                       "needs --email and --name",
		"allow " + ci + " --operation space.create":         `no right "space.create"; there are spaces.create`,
		"allow " + ci + " --authority root":                 `no authority "root"`,
		"allow " + ci + " --person ada":                     "neither users/{id} nor an e-mail address",
		"allow " + ci + " --email a@b.c --name x --rate=-1": "less than 0",
		"allow":                             "the unique id of a service account",
		"allow " + ci + " --fast":           "unknown flag",
		"deny " + ci:                        "there is no record of " + ci,
		"deny " + ci + " --operation sweep": "there is no record of " + ci,
		"pause " + ci:                       "there is no record of " + ci,
	} {
		code, _, said := d.run("", append([]string{"callers"}, strings.Fields(line)...)...)
		if code == 0 || !strings.Contains(said, want) {
			t.Errorf("%s: %d %s", line, code, said)
		}
	}
	if out, _ := d.does("", "callers", "list"); out != "" {
		t.Errorf("something was stored: %s", out.Reveal())
	}
	d.env = nil
	if code, _, said := d.run("", "callers", "list"); code != wrongUse || !strings.Contains(said, "--project") {
		t.Errorf("without a project: %d %s", code, said)
	}
}

func TestManySystemsAreAllListed(t *testing.T) {
	d := begin(t)
	for i := range 450 {
		check(t, d.auth().Vault.CreateCaller(t.Context(), vault.Caller{ID: fmt.Sprintf("1%020d", i), Name: "x"}))
	}
	if out, _ := d.does("", "callers", "list", "--project", "p"); strings.Count(out.Reveal(), "\n") != 450 {
		t.Errorf("%d lines", strings.Count(out.Reveal(), "\n"))
	}
}
