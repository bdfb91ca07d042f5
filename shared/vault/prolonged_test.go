package vault_test

import (
	"testing"
	"time"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/vault"
)

// Attack: who can write the store prolongs a record, by its expiry in the clear.
func TestExpiry_Prolonged(t *testing.T) {
	v, docs, clock := open(t)
	if _, err := v.CreateOperation(t.Context(), vault.Operation{ID: "op", Person: "users/1", Caller: "ci", Request: "r", Result: config.NewSecret("{}")}); err != nil {
		t.Fatal(err)
	}
	if err := v.NoteActivity(t.Context(), "users/1", "a", vault.Activity{When: clock.now(), Caller: "ci", Action: "spaces.create"}); err != nil {
		t.Fatal(err)
	}
	for _, collection := range []string{"operations", "activity/1/acts"} {
		all, err := docs.List(t.Context(), vault.Collection(collection), "", 10)
		if err != nil || len(all) != 1 {
			t.Fatalf("%s: %v, %v", collection, all, err)
		}
		all[0].Fields["expires"] = clock.now().Add(1000 * 24 * time.Hour)
		if _, err := docs.Replace(t.Context(), vault.Collection(collection), all[0].ID, all[0].Fields, all[0].Version); err != nil {
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
