package vault_test

import (
	"testing"
	"time"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/vault"
)

// TestExpiry_Prolonged: an attacker with write access to the store extends the expiry in the clear.
func TestExpiry_Prolonged(t *testing.T) {
	v, docs, clock := newVault(t)
	o := vault.Operation{ID: "op", Person: "users/1", Caller: "ci", RequestHash: "r", Result: config.NewSecret("{}")}
	if _, err := v.CreateOperation(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	a := vault.Activity{Time: clock.now(), Caller: "ci", Action: "spaces.create"}
	if err := v.RecordActivity(t.Context(), "users/1", "a", a); err != nil {
		t.Fatal(err)
	}
	for _, collection := range []string{"operations", "activity/1/acts"} {
		all, err := docs.List(t.Context(), vault.Collection(collection), "", 10)
		if err != nil || len(all) != 1 {
			t.Fatalf("%s: %v, %v", collection, all, err)
		}
		all[0].Fields["expires"] = clock.now().Add(1000 * 24 * time.Hour)
		_, err = docs.Replace(t.Context(), vault.Collection(collection), all[0].ID, all[0].Fields, all[0].Version)
		if err != nil {
			t.Fatal(err)
		}
	}
	clock.advance(31 * 24 * time.Hour)
	if got, err := v.Operations(t.Context(), "users/1", 10); err != nil || len(got) != 0 {
		t.Errorf("operations: %v, %v", got, err)
	}
	if got, err := v.Activities(t.Context(), "users/1", 10); err != nil || len(got) != 0 {
		t.Errorf("activity: %v, %v", got, err)
	}
}
