package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/vault"
)

func TestPeople_ListWithoutSecrets(t *testing.T) {
	d := newDriver(t)
	d.saveGrants(450)
	out, _ := d.mustRun(config.Secret{}, "people", "list")
	if text := out.Reveal(); strings.Count(text, "\n") != 450 || strings.Contains(text, "1//0x") ||
		!strings.Contains(text, "users/449") || !strings.Contains(text, "a@example.com") {
		t.Errorf("%d lines: %.300s", strings.Count(text, "\n"), text)
	}
	asJSON, _ := d.mustRun(config.Secret{}, "people", "list", "--json")
	var all []map[string]any
	err := json.Unmarshal([]byte(asJSON.Reveal()), &all)
	if err != nil || len(all) != 450 || all[0]["status"] != "connected" || strings.Contains(asJSON.Reveal(), "1//0x") {
		t.Errorf("%v: %d people", err, len(all))
	}
	none, _ := newDriver(t).mustRun(config.Secret{}, "people", "list", "--json")
	if strings.Join(strings.Fields(none.Reveal()), "") != "[]" {
		t.Errorf("without grants: %s", none.Reveal())
	}
}

func TestPeople_ShowDisconnectPurge(t *testing.T) {
	d := newDriver(t)
	d.saveGrants(2)
	v := d.parts().Vault
	g, err := v.Grant(t.Context(), "users/1")
	check(t, err)
	g.Approve("100000000000000000109", "user", []string{"spaces.create"}, time.Now())
	_, err = v.SaveGrant(t.Context(), g)
	check(t, err)
	activity := vault.Activity{Time: time.Now(), Caller: "CI", Action: "spaces.create"}
	check(t, v.RecordActivity(t.Context(), "users/1", "one", activity))
	shown, _ := d.mustRun(config.Secret{}, "people", "show", "users/1", "--json")
	for _, want := range []string{`"holdsRefreshToken":true`, "spaces.create", `"CI"`, "a@example.com"} {
		if !strings.Contains(shown.Reveal(), want) {
			t.Errorf("output lacks %s: %s", want, shown.Reveal())
		}
	}
	if strings.Contains(shown.Reveal(), "1//0x") {
		t.Errorf("output has a token: %s", shown.Reveal())
	}
	out, _ := d.mustRun(config.Secret{}, "people", "disconnect", "users/0")
	if !strings.Contains(out.Reveal(), "outcome    revoke") {
		t.Errorf("got %s", out.Reveal())
	}
	out, _ = d.mustRun(config.Secret{}, "people", "erase", "users/1")
	if !strings.Contains(out.Reveal(), "withdrawn  1") || !strings.Contains(out.Reveal(), "approvals, activity") {
		t.Errorf("got %s", out.Reveal())
	}
	left, _ := d.mustRun(config.Secret{}, "people", "show", "users/1", "--json")
	if !strings.Contains(left.Reveal(), `"connection":null`) || strings.Contains(left.Reveal(), "CI") ||
		strings.Contains(left.Reveal(), "100000000000000000109") {
		t.Errorf("left: %s", left.Reveal())
	}
	if out, _ := d.mustRun(config.Secret{}, "people", "list"); !out.Empty() {
		t.Errorf("still listed: %s", out.Reveal())
	}
}

func TestPeople_FindByAddress(t *testing.T) {
	d := newDriver(t)
	_, err := d.parts().Vault.SaveGrant(t.Context(), vault.Grant{
		Person: "users/7", ClientID: "client", EmailAt: time.Now(), Status: vault.Connected,
		RefreshToken: config.NewSecret("1//0x"), Email: config.NewSecret("ada@example.com"),
	})
	check(t, err)
	out, _ := d.mustRun(config.Secret{}, "people", "show", "Ada@Example.com")
	if !strings.Contains(out.Reveal(), "person     users/7") {
		t.Errorf("got %s", out.Reveal())
	}
	for arg, want := range map[string]string{
		"nobody@example.com": "no person is connected",
		"ada":                "neither users/{id} nor an email address",
		"users/x":            "neither",
	} {
		code, _, stderr := d.run(config.Secret{}, "people", "show", arg)
		if code == 0 || !strings.Contains(stderr, want) {
			t.Errorf("%s: %d %s", arg, code, stderr)
		}
	}
}

// Before Deputy is removed, everybody is disconnected. A token that Google has not revoked is an error: nothing would
// revoke it later.
func TestPeople_DisconnectAll(t *testing.T) {
	d := newDriver(t)
	d.saveGrants(250)
	out, _ := d.mustRun(config.Secret{}, "people", "disconnect-all")
	if n := strings.Count(out.Reveal(), "revoked"); n != 250 {
		t.Errorf("%d revoked: %.300s", n, out.Reveal())
	}
	if left, _ := d.mustRun(config.Secret{}, "people", "list"); !left.Empty() {
		t.Errorf("still listed: %s", left.Reveal())
	}
	if out, _ := d.mustRun(config.Secret{}, "people", "disconnect-all"); !out.Empty() {
		t.Errorf("again: %s", out.Reveal())
	}
	d.saveGrants(1)
	revoke := d.google
	d.google = "http://127.0.0.1:1" // no server listens there
	code, _, stderr := d.run(config.Secret{}, "people", "disconnect-all")
	if code == 0 || !strings.Contains(stderr, "run the command again") {
		t.Errorf("without Google: %d %s", code, stderr)
	}
	d.google = revoke
	d.mustRun(config.Secret{}, "people", "disconnect-all")
}

// With --project, commands use what the deployed function uses, not the environment of a shell.
func TestPeople_DeploymentsVariables(t *testing.T) {
	d := newDriver(t)
	d.saveGrants(1)
	d.env = map[string]string{"FIRESTORE_DATABASE": "(default)"}
	d.cloud = d.healthyCloud()
	for _, args := range [][]string{{"people", "list"}, {"sweep"}, {"keys", "reseal"}} {
		d.mustRun(config.Secret{}, append(args, "--project", "p", "--region", "r")...)
		for name, want := range map[string]string{
			"FIRESTORE_DATABASE": "deputy-db", "KEYSET": d.keyset.Reveal(),
		} {
			if got, _ := d.variables(name); got != want {
				t.Errorf("%v: %s is %q", args, name, got)
			}
		}
	}
	d.cloud.refused = accessKeyset
	code, _, stderr := d.run(config.Secret{}, "people", "list", "--project", "p", "--region", "r")
	if code != 1 || !strings.Contains(stderr, "read the variables of deputy-oauthcallback in p: ") {
		t.Errorf("exit status %d: %s", code, stderr)
	}
	if code, _, _ := d.run(config.Secret{}, "people", "list", "--project", "p"); code != exitUsage {
		t.Errorf("without --region: exit status %d", code)
	}
}
