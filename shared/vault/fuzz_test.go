package vault_test

import (
	"testing"
	"time"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/vault/memory"
)

// FuzzStoredRecord reads records with arbitrary fields: none may count as sealed.
func FuzzStoredRecord(f *testing.F) {
	keyset, lookup, err := seal.Generate()
	if err != nil {
		f.Fatal(err)
	}
	keys, err := seal.New(keyset, lookup, "project", "client")
	if err != nil {
		f.Fatal(err)
	}
	f.Add("due", []byte("connected"), int64(7), "sealed", uint8(3))
	f.Fuzz(func(t *testing.T, first string, raw []byte, number int64, second string, kind uint8) {
		values := []any{string(raw), number, kind%2 == 0, raw, []string{string(raw)}, time.Unix(number%1e10, 0)}
		fields := vault.Fields{first: values[int(kind)%len(values)], second: values[int(kind/8)%len(values)]}
		docs := &memory.Docs{}
		v := vault.New(docs, keys, time.Now)
		for _, collection := range []string{"grants", "revocations", "pendingConsents", "sweep"} {
			id := "1"
			if collection == "sweep" {
				id = "cursor"
			}
			if _, err := docs.Create(t.Context(), vault.Collection(collection), id, fields); err != nil {
				t.Fatal(err)
			}
		}
		g, err := v.Grant(t.Context(), "users/1")
		if err == nil || !g.Broken || !g.RefreshToken.Empty() || !g.AccessToken.Empty() || !g.Email.Empty() {
			t.Errorf("an unsealed record counts as a grant: %v", err)
		}
		revocations, err := v.Revocations(t.Context(), "", 9)
		if err != nil || len(revocations) != 1 || !revocations[0].Token.Empty() || revocations[0].Err == nil {
			t.Errorf("revocations: %v, %v", revocations, err)
		}
		if p, err := v.TakePending(t.Context(), config.NewSecret("any"), nil); err == nil {
			t.Errorf("pending consent: %+v", p)
		}
		if _, err := v.Cursor(t.Context()); err != nil {
			t.Errorf("cursor: %v", err)
		}
		for _, collection := range vault.ExpiringCollections {
			if _, _, err := v.RemoveExpired(t.Context(), vault.Collection(collection), "", 9); err != nil {
				t.Errorf("%s: %v", collection, err)
			}
		}
	})
}
