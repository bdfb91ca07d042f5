package vault_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

// The answer and the grant are one commit: if one has changed meanwhile, neither is stored.
func TestSaveAnswer_WithGrant(t *testing.T) {
	v, _, _ := newVault(t)
	text, err := json.Marshal(vault.Asked{Actions: []string{"a", "b"}, Until: start.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = v.CreateOperation(t.Context(), vault.Operation{ID: "op", Result: config.NewSecret(text)}); err != nil {
		t.Fatal(err)
	}
	old, err := v.SaveGrant(t.Context(), vault.Grant{Person: "users/1", ClientID: "c", Status: vault.Connected})
	if err != nil {
		t.Fatal(err)
	}
	changed, err := v.SaveGrant(t.Context(), old)
	if err != nil {
		t.Fatal(err)
	}
	answer := vault.Answer{ID: "op", Person: "users/1", Given: []string{"b", "c"}}
	old.Approve("ci", "user", []string{"b"}, start)
	if err := v.SaveAnswer(t.Context(), answer, &old); fault.KindOf(err) != fault.Conflict {
		t.Errorf("over a newer grant: %v", err)
	}
	if _, asked, err := v.Asked(t.Context(), "op"); err != nil || asked.Answered {
		t.Errorf("the answer is stored without the grant: %+v, %v", asked, err)
	}
	changed.Approve("ci", "user", []string{"b"}, start)
	if err := v.SaveAnswer(t.Context(), answer, &changed); err != nil {
		t.Fatal(err)
	}
	o, asked, err := v.Asked(t.Context(), "op")
	g, grantErr := v.Grant(t.Context(), "users/1")
	if err != nil || grantErr != nil || !asked.Answered || !cmp.Equal(asked.Given, []string{"b"}) ||
		o.Person != "users/1" || len(g.Approvals) != 1 {
		t.Errorf("%+v by %s, %+v: %v, %v", asked, o.Person, g.Approvals, err, grantErr)
	}
}

// What isn't a request for approvals doesn't become one, and what is gone stores the grant alone.
func TestAsked_NotFound(t *testing.T) {
	v, _, _ := newVault(t)
	for id, result := range map[string]string{"other": `{"name":"spaces/A"}`, "text": `"x"`, "none": ""} {
		o := vault.Operation{ID: id, Result: config.NewSecret(result)}
		if _, err := v.CreateOperation(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		if _, _, err := v.Asked(t.Context(), id); fault.KindOf(err) != fault.NotFound {
			t.Errorf("%s: %v", id, err)
		}
	}
	for person, id := range map[resource.Person]string{"users/1": "", "users/2": "gone", "users/3": "other"} {
		g, err := v.SaveGrant(t.Context(), vault.Grant{Person: person, ClientID: "c", Status: vault.Connected})
		if err != nil {
			t.Fatal(err)
		}
		g.Approve("ci", "user", []string{"a"}, start)
		answer := vault.Answer{ID: id, Person: g.Person, Given: []string{"a"}}
		if err := v.SaveAnswer(t.Context(), answer, &g); err != nil {
			t.Errorf("%q: %v", id, err)
		}
		if stored, err := v.Grant(t.Context(), g.Person); err != nil || len(stored.Approvals) != 1 {
			t.Errorf("%q: %+v, %v", id, stored.Approvals, err)
		}
	}
}
