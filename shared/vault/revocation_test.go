package vault_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/vault"
)

func TestRevocation_Versions(t *testing.T) {
	v, docs, _ := newVault(t)
	if err := v.CreateRevocation(t.Context(), "users/1", 7, config.NewSecret("marked")); err != nil {
		t.Fatal(err)
	}
	all, err := v.Revocations(t.Context(), "", 9)
	if err != nil || len(all) != 1 {
		t.Fatalf("%v, %v", all, err)
	}
	first := all[0]
	want := vault.Revocation{
		ID: first.ID, Person: "users/1", Generation: 7, Expires: start.Add(7 * 24 * time.Hour),
		Token: config.NewSecret("marked"),
	}
	if diff := cmp.Diff(want, first, cmpopts.IgnoreUnexported(want), compareSecrets); diff != "" {
		t.Error(diff)
	}
	doc, err := docs.Get(t.Context(), "revocations", first.ID)
	if err != nil {
		t.Fatal(err)
	}
	fields := vault.Fields{"expires": start}
	if err := docs.Update(t.Context(), "revocations", first.ID, fields, doc.Version); err != nil {
		t.Fatal(err)
	}
	if all, err = v.Revocations(t.Context(), "", 9); err != nil || !all[0].Expires.Equal(want.Expires) {
		t.Errorf("an attacker changed the expiry in the clear: %v, %v", all[0].Expires, err)
	}
	if err := v.DeleteRevocation(t.Context(), first); fault.KindOf(err) != fault.Conflict {
		t.Errorf("delete of an old version: %v", err)
	}
	if err := v.DeleteRevocation(t.Context(), all[0]); err != nil {
		t.Error(err)
	}
	if all, err = v.Revocations(t.Context(), "", 9); err != nil || len(all) != 0 {
		t.Errorf("deleted: %v, %v", all, err)
	}
}

// A record that does not open must end, too: its expiry in the clear is all that is known of it.
func TestRevocations_BrokenRecord(t *testing.T) {
	v, docs, _ := newVault(t)
	for _, id := range []string{"a", "b", "c"} {
		fields := vault.Fields{"sealed": []byte("x"), "expires": start}
		if _, err := docs.Create(t.Context(), "revocations", id, fields); err != nil {
			t.Fatal(err)
		}
	}
	got, err := v.Revocations(t.Context(), "a", 1)
	if err != nil || len(got) != 1 || got[0].ID != "b" || !got[0].Expires.Equal(start) ||
		!errors.Is(got[0].Err, seal.ErrNotAuthentic) {
		t.Errorf("%+v, %v", got, err)
	}
	if err := v.DeleteRevocation(t.Context(), got[0]); err != nil {
		t.Errorf("delete: %v", err)
	}
}
