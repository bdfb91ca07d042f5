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

func keys(t *testing.T, project, client string) (*seal.Keys, config.Secret, config.Secret) {
	t.Helper()
	a, b, err := seal.Generate()
	if err != nil {
		t.Fatal(err)
	}
	k, err := seal.New(a, b, seal.Project(project), client)
	if err != nil {
		t.Fatal(err)
	}
	return k, a, b
}

func TestASealedTextOpensInNoOtherPlace(t *testing.T) {
	k, a, b := keys(t, "p", "c")
	home := seal.Place{Purpose: "act", Collection: "grants", Document: "1", Field: "refresh"}
	sealed, err := k.Seal([]byte("token"), home)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := k.Open(sealed, home); err != nil || string(text) != "token" {
		t.Fatalf("at home: %q, %v", text, err)
	}
	for name, place := range map[string]seal.Place{
		"another purpose":    {"revoke", "grants", "1", "refresh"},
		"another collection": {"act", "revocations", "1", "refresh"},
		"another document":   {"act", "grants", "2", "refresh"},
		"another field":      {"act", "grants", "1", "access"},
		"shifted boundaries": {"act", "grants1", "", "refresh"},
	} {
		if _, err := k.Open(sealed, place); !errors.Is(err, seal.ErrBroken) || fault.KindOf(err) != fault.Internal {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, other := range map[string][2]string{"another project": {"q", "c"}, "another client": {"p", "d"}} {
		k2, err := seal.New(a, b, seal.Project(other[0]), other[1])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := k2.Open(sealed, home); !errors.Is(err, seal.ErrBroken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i := range sealed[5:] {
		altered := bytes.Clone(sealed)
		altered[5+i] ^= 1
		if _, err := k.Open(altered, home); !errors.Is(err, seal.ErrBroken) {
			t.Fatalf("byte %d altered: %v", i, err)
		}
	}
	for _, text := range [][]byte{nil, {1}, []byte("hello")} {
		if _, err := k.Open(text, home); !errors.Is(err, seal.ErrBroken) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestATextOfAnUnknownKeyIsTheOperatorsFault(t *testing.T) {
	k1, _, _ := keys(t, "p", "c")
	k2, _, _ := keys(t, "p", "c")
	sealed, err := k1.Seal([]byte("token"), seal.Place{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = k2.Open(sealed, seal.Place{})
	if !errors.Is(err, seal.ErrUnknownKey) || fault.KindOf(err) != fault.Unavailable {
		t.Errorf("got %v", err)
	}
}

func TestCodesDifferByPurposePartsAndKey(t *testing.T) {
	k, _, _ := keys(t, "p", "c")
	other, _, _ := keys(t, "p", "c")
	seen := map[string]string{}
	add := func(name string, k *seal.Keys, purpose string, parts ...string) {
		code, err := k.Code(purpose, parts...)
		if err != nil || len(code) != 32 {
			t.Fatalf("%s: %d bytes, %v", name, len(code), err)
		}
		if twin, ok := seen[string(code)]; ok {
			t.Errorf("%s has the code of %s", name, twin)
		}
		seen[string(code)] = name
	}
	add("plain", k, "act", "a", "bc")
	add("shifted", k, "act", "ab", "c")
	add("purpose", k, "email", "a", "bc")
	add("key", other, "act", "a", "bc")
	again, _ := k.Code("act", "a", "bc")
	if seen[string(again)] != "plain" {
		t.Error("the same input gives another code")
	}
}

func TestAKeysetThatIsNoneIsRefusedWithoutQuotingIt(t *testing.T) {
	good, lookup, err := seal.Generate()
	if err != nil {
		t.Fatal(err)
	}
	for _, pair := range [][2]config.Secret{{config.NewSecret("marked-secret"), lookup}, {good, config.NewSecret("marked-secret")}, {lookup, lookup}, {good, good}} {
		_, err := seal.New(pair[0], pair[1], "p", "c")
		if err == nil || fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "KEYSET") {
			t.Errorf("got %v", err)
		}
		if err != nil && strings.Contains(err.Error(), "marked") {
			t.Errorf("quotes the keyset: %v", err)
		}
	}
}
