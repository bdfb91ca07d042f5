package seal_test

import (
	"bytes"
	"errors"
	"testing"

	"example.com/deputy/shared/seal"
)

// FuzzOpen checks that only a text that was sealed for the place opens: a changed one is never accepted.
func FuzzOpen(f *testing.F) {
	keyset, lookup, err := seal.Generate()
	if err != nil {
		f.Fatal(err)
	}
	keys, err := seal.New(keyset, lookup, "project", "client")
	if err != nil {
		f.Fatal(err)
	}
	place := seal.Place{Purpose: "button"}
	sealed, err := keys.Seal([]byte("value"), place)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed[:5])
	f.Add(sealed[:len(sealed)-1])
	f.Add(append(bytes.Clone(sealed), 0))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, text []byte) {
		opened, err := keys.Open(text, place)
		if err == nil && !bytes.Equal(text, sealed) {
			t.Errorf("%x opened: %q", text, opened)
		}
		if err != nil && !errors.Is(err, seal.ErrNotAuthentic) && !errors.Is(err, seal.ErrUnknownKey) {
			t.Errorf("%x: got %v", text, err)
		}
	})
}
