package seal_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
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
	for _, text := range [][]byte{nil, {1}, []byte("hello")} {
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
	_, err = k2.Open(sealed, seal.Place{})
	if !errors.Is(err, seal.ErrUnknownKey) || fault.KindOf(err) != fault.Unavailable {
		t.Errorf("got %v", err)
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
	for _, pair := range [][2]config.Secret{{marked, lookup}, {good, marked}, {lookup, lookup}, {good, good}} {
		_, err := seal.New(pair[0], pair[1], "p", "c")
		if err == nil || fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "KEYSET") {
			t.Errorf("got %v", err)
		}
		if err != nil && strings.Contains(err.Error(), "marked") {
			t.Errorf("the error quotes the keyset: %v", err)
		}
	}
}
