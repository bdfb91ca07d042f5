package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/vault"
)

func TestPeopleAreListedWithoutAnySecret(t *testing.T) {
	d := begin(t)
	d.people(450)
	out, _ := d.does(config.Secret{}, "people", "list")
	if text := out.Reveal(); strings.Count(text, "\n") != 450 || strings.Contains(text, "1//0x") || !strings.Contains(text, "users/449") || !strings.Contains(text, "a@example.com") {
		t.Errorf("%d lines: %.300s", strings.Count(text, "\n"), text)
	}
	asJSON, _ := d.does(config.Secret{}, "people", "list", "--json")
	var all []map[string]any
	if err := json.Unmarshal([]byte(asJSON.Reveal()), &all); err != nil || len(all) != 450 || all[0]["status"] != "connected" || strings.Contains(asJSON.Reveal(), "1//0x") {
		t.Errorf("%v: %d people", err, len(all))
	}
	if none, _ := begin(t).does(config.Secret{}, "people", "list", "--json"); strings.Join(strings.Fields(none.Reveal()), "") != "[]" {
		t.Errorf("of nobody: %s", none.Reveal())
	}
}

func TestAPersonIsShownDisconnectedAndPurged(t *testing.T) {
	d := begin(t)
	d.people(2)
	v := d.parts().Vault
	g, err := v.Grant(t.Context(), "users/1")
	check(t, err)
	g.Approve("109", "user", []string{"spaces.create"}, time.Now())
	_, err = v.SaveGrant(t.Context(), g)
	check(t, err)
	check(t, v.NoteActivity(t.Context(), "users/1", "one", vault.Activity{When: time.Now(), Caller: "CI", Action: "spaces.create"}))
	shown, _ := d.does(config.Secret{}, "people", "show", "users/1", "--json")
	for _, want := range []string{`"holdsRefreshToken":true`, "spaces.create", `"CI"`, "a@example.com"} {
		if !strings.Contains(shown.Reveal(), want) {
			t.Errorf("%s is not shown: %s", want, shown.Reveal())
		}
	}
	if strings.Contains(shown.Reveal(), "1//0x") {
		t.Errorf("a token is shown: %s", shown.Reveal())
	}
	if out, _ := d.does(config.Secret{}, "people", "disconnect", "users/0"); !strings.Contains(out.Reveal(), "outcome    revoke") {
		t.Errorf("got %s", out.Reveal())
	}
	if out, _ := d.does(config.Secret{}, "people", "purge", "users/1"); !strings.Contains(out.Reveal(), "withdrawn  1") || !strings.Contains(out.Reveal(), "approvals, activity") {
		t.Errorf("got %s", out.Reveal())
	}
	left, _ := d.does(config.Secret{}, "people", "show", "users/1", "--json")
	if !strings.Contains(left.Reveal(), `"connection":null`) || strings.Contains(left.Reveal(), "CI") || strings.Contains(left.Reveal(), "109") {
		t.Errorf("left: %s", left.Reveal())
	}
	if out, _ := d.does(config.Secret{}, "people", "list"); !out.Empty() {
		t.Errorf("still listed: %s", out.Reveal())
	}
}

func TestAPersonIsFoundByTheirAddress(t *testing.T) {
	d := begin(t)
	_, err := d.parts().Vault.SaveGrant(t.Context(), vault.Grant{Person: "users/7", ClientID: "client", EmailAt: time.Now(), Status: vault.Connected, RefreshToken: config.NewSecret("1//0x"), Email: config.NewSecret("ada@example.com")})
	check(t, err)
	if out, _ := d.does(config.Secret{}, "people", "show", "Ada@Example.com"); !strings.Contains(out.Reveal(), "person     users/7") {
		t.Errorf("got %s", out.Reveal())
	}
	for who, want := range map[string]string{"nobody@example.com": "nobody has connected", "ada": "neither users/{id} nor an e-mail address", "users/x": "neither"} {
		if code, _, said := d.run(config.Secret{}, "people", "show", who); code == 0 || !strings.Contains(said, want) {
			t.Errorf("%s: %d %s", who, code, said)
		}
	}
}
