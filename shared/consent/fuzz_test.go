package consent_test

import (
	"encoding/base64"
	"io"
	"strings"
	"testing"
	"time"

	"example.com/deputy/internal/vaulttest"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/vault/memory"
)

// FuzzInvitation opens links of any text, and seals of ours around any text:
// the first begin nothing, the second lead to Google and nowhere else.
func FuzzInvitation(f *testing.F) {
	a, b, err := seal.Generate()
	if err != nil {
		f.Fatal(err)
	}
	keys, err := seal.New(a, b, "project", "client")
	if err != nil {
		f.Fatal(err)
	}
	f.Add("", []byte(`{"p":"users/1","c":["CreateSpaces"],"e":"2999-01-01T00:00:00Z"}`))
	f.Fuzz(func(t *testing.T, text string, inside []byte) {
		docs := &vaulttest.Counting{Docs: &memory.Docs{}}
		auth := newInstance(depsOn(docs, keys, "http://127.0.0.1:1", io.Discard, time.Now))
		_, err := auth.Start(t.Context(), config.NewSecret(text), browser)
		if kind := fault.KindOf(err); err == nil || kind != fault.Invalid && kind != fault.Unavailable || docs.Writes() != 0 {
			t.Errorf("any text: %v, %d writes", err, docs.Writes())
		}
		sealed, err := keys.Seal(inside, seal.Place{Purpose: "invitation"})
		if err != nil {
			t.Fatal(err)
		}
		address, err := auth.Start(t.Context(), config.NewSecret(base64.RawURLEncoding.EncodeToString(sealed)), browser)
		if err == nil && !strings.HasPrefix(address.Reveal(), "http://127.0.0.1:1/o/oauth2/v2/auth?") {
			t.Error("it leads elsewhere")
		}
		if err != nil && docs.Writes() != 0 {
			t.Errorf("a consent is in flight though it failed: %v", err)
		}
	})
}
