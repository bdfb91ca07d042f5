package consent_test

import (
	"encoding/base64"
	"io"
	"strings"
	"testing"
	"time"

	"example.com/deputy/internal/consenttest"
	"example.com/deputy/internal/vaulttest"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/vault/memory"
)

// FuzzInvitation opens links of arbitrary text, which start no consent, and links that Deputy sealed around
// arbitrary text, which lead only to Google.
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
		inst := consenttest.NewInstance(consenttest.NewDeps(docs, keys, "http://127.0.0.1:1", io.Discard, time.Now))
		_, err := inst.Start(t.Context(), config.NewSecret(text), browser, false)
		kind := fault.KindOf(err)
		if err == nil || kind != fault.Invalid && kind != fault.Unavailable || docs.Writes() != 0 {
			t.Errorf("arbitrary text: %v, %d writes", err, docs.Writes())
		}
		sealed, err := keys.Seal(inside, seal.Place{Purpose: "invitation"})
		if err != nil {
			t.Fatal(err)
		}
		link := config.NewSecret(base64.RawURLEncoding.EncodeToString(sealed))
		address, err := inst.Start(t.Context(), link, browser, false)
		if err == nil && !strings.HasPrefix(address.Reveal(), "http://127.0.0.1:1/o/oauth2/v2/auth?") {
			t.Error("the link does not lead to Google")
		}
		if err != nil && docs.Writes() != 0 {
			t.Errorf("a consent that failed is pending: %v", err)
		}
	})
}
