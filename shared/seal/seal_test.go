package seal_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
	"github.com/tink-crypto/tink-go/v2/signature"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/seal"
)

func newKeys(t *testing.T, project, client string) (k *seal.Keys, keyset, lookup config.Secret) {
	t.Helper()
	keyset, lookup, err := seal.Generate()
	if err != nil {
		t.Fatal(err)
	}
	k, err = seal.New(keyset, lookup, seal.Project(project), client)
	if err != nil {
		t.Fatal(err)
	}
	return k, keyset, lookup
}

func TestOpen_OtherPlace(t *testing.T) {
	k, keyset, lookup := newKeys(t, "p", "c")
	place := seal.Place{Purpose: "act", Collection: "grants", Document: "1", Field: "refresh"}
	sealed, err := k.Seal([]byte("token"), place)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := k.Open(sealed, place); err != nil || string(text) != "token" {
		t.Fatalf("same place: %q, %v", text, err)
	}
	for name, other := range map[string]seal.Place{
		"other purpose":      {"revoke", "grants", "1", "refresh"},
		"other collection":   {"act", "revocations", "1", "refresh"},
		"other document":     {"act", "grants", "2", "refresh"},
		"other field":        {"act", "grants", "1", "access"},
		"shifted boundaries": {"act", "grants1", "", "refresh"},
	} {
		if _, err := k.Open(sealed, other); !errors.Is(err, seal.ErrNotAuthentic) ||
			fault.KindOf(err) != fault.Internal {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, other := range map[string][2]string{"other project": {"q", "c"}, "other client": {"p", "d"}} {
		k2, err := seal.New(keyset, lookup, seal.Project(other[0]), other[1])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := k2.Open(sealed, place); !errors.Is(err, seal.ErrNotAuthentic) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i := range sealed[5:] {
		altered := bytes.Clone(sealed)
		altered[5+i] ^= 1
		if _, err := k.Open(altered, place); !errors.Is(err, seal.ErrNotAuthentic) {
			t.Fatalf("byte %d altered: %v", i, err)
		}
	}
	for _, text := range [][]byte{nil, {1}, {1, 0, 0, 0}, []byte("hello")} {
		if _, err := k.Open(text, place); !errors.Is(err, seal.ErrNotAuthentic) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestOpen_UnknownKey(t *testing.T) {
	k1, _, _ := newKeys(t, "p", "c")
	k2, _, _ := newKeys(t, "p", "c")
	sealed, err := k1.Seal([]byte("token"), seal.Place{})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range [][]byte{sealed, sealed[:5]} {
		_, err = k2.Open(text, seal.Place{})
		if !errors.Is(err, seal.ErrUnknownKey) || fault.KindOf(err) != fault.Unavailable {
			t.Errorf("%d bytes: %v", len(text), err)
		}
	}
}

func TestCode(t *testing.T) {
	k, _, _ := newKeys(t, "p", "c")
	other, _, _ := newKeys(t, "p", "c")
	seen := map[string]string{}
	add := func(name string, k *seal.Keys, purpose string, parts ...string) {
		code, err := k.MAC(purpose, parts...)
		if err != nil || len(code) != 32 {
			t.Fatalf("%s: %d bytes, %v", name, len(code), err)
		}
		if twin, ok := seen[string(code)]; ok {
			t.Errorf("%s has the same code as %s", name, twin)
		}
		seen[string(code)] = name
	}
	add("plain", k, "act", "a", "bc")
	add("shifted", k, "act", "ab", "c")
	add("purpose", k, "email", "a", "bc")
	add("key", other, "act", "a", "bc")
	again, _ := k.MAC("act", "a", "bc")
	if seen[string(again)] != "plain" {
		t.Error("the same input gives a different code")
	}
}

func TestNew_InvalidKeysetNotQuoted(t *testing.T) {
	good, lookup, err := seal.Generate()
	if err != nil {
		t.Fatal(err)
	}
	marked := config.NewSecret("marked-secret")
	for _, c := range []struct {
		keyset, lookup config.Secret
		want           string
	}{
		{marked, lookup, " KEYSET: not a Tink JSON keyset in clear text"},
		{good, marked, " LOOKUP_KEYSET: not a Tink JSON keyset in clear text"},
		{lookup, lookup, " KEYSET: "},
		{good, good, " LOOKUP_KEYSET: "},
	} {
		_, err := seal.New(c.keyset, c.lookup, "p", "c")
		if err == nil || fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %q", err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "marked") {
			t.Errorf("the error quotes the keyset: %v", err)
		}
	}
}

// newKeyset returns a keyset with one key of any type, in clear text.
func newKeyset(t *testing.T, template *tinkpb.KeyTemplate) config.Secret {
	t.Helper()
	handle, err := keyset.NewHandle(template)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&out)); err != nil {
		t.Fatal(err)
	}
	return config.NewSecret(out.String())
}

func TestNew_OtherKeyTypes(t *testing.T) {
	_, good, lookup := newKeys(t, "p", "c")
	withoutPrefix := newKeyset(t, aead.AES256GCMNoPrefixKeyTemplate())
	if _, err := seal.New(withoutPrefix, lookup, "p", "c"); fault.KindOf(err) != fault.Unavailable ||
		!strings.Contains(err.Error(), "KEYSET: key ") {
		t.Errorf("a key that its texts do not name: %v", err)
	}
	signatures := newKeyset(t, signature.ED25519KeyTemplate())
	if _, err := seal.New(signatures, lookup, "p", "c"); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("signature keys as KEYSET: %v", err)
	}
	if _, err := seal.New(good, signatures, "p", "c"); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("signature keys as LOOKUP_KEYSET: %v", err)
	}
	if _, _, err := seal.Add(signatures); fault.KindOf(err) != fault.Invalid ||
		!strings.Contains(fault.Public(i18n.In("en"), err, ""), "neither a KEYSET nor a LOOKUP_KEYSET") {
		t.Errorf("a key added to signature keys: %v", err)
	}
}
