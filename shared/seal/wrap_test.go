package seal_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/seal"
)

// localKEK is a key-encryption key on this machine. It returns err if that is set.
type localKEK struct {
	aead tink.AEAD
	err  error
}

func newKEK(t *testing.T) *localKEK {
	t.Helper()
	return &localKEK{aead: must(aead.New(must(keyset.NewHandle(aead.AES256GCMKeyTemplate()))(t)))(t)}
}

// EncryptWithContext implements tink.AEADWithContext.
func (k *localKEK) EncryptWithContext(_ context.Context, text, associated []byte) ([]byte, error) {
	if k.err != nil {
		return nil, k.err
	}
	return k.aead.Encrypt(text, associated)
}

// DecryptWithContext implements tink.AEADWithContext.
func (k *localKEK) DecryptWithContext(_ context.Context, sealed, associated []byte) ([]byte, error) {
	if k.err != nil {
		return nil, k.err
	}
	return k.aead.Decrypt(sealed, associated)
}

func TestWrap(t *testing.T) {
	kek := newKEK(t)
	_, keyset, lookup := newKeys(t, "p", "c")
	for name, text := range map[string]config.Secret{seal.Keyset: keyset, seal.Lookup: lookup} {
		wrapped := must(seal.Wrap(t.Context(), name, text, kek))(t)
		if strings.Contains(wrapped.Reveal(), `"keyData"`) {
			t.Errorf("%s: the wrapped keyset contains a key in clear text", name)
		}
		if got := seal.KeysetName(wrapped); got != name {
			t.Errorf("%s: its name is %q", name, got)
		}
		got := must(seal.Unwrap(t.Context(), name, wrapped, kek))(t)
		if id, want := must(seal.Describe(got))(t)[0].ID, must(seal.Describe(text))(t)[0].ID; id != want {
			t.Errorf("%s: unwrapped key %d, want %d", name, id, want)
		}
		for situation, unwrap := range map[string]func() (config.Secret, error){
			"other name": func() (config.Secret, error) { return seal.Unwrap(t.Context(), "OTHER", wrapped, kek) },
			"other key":  func() (config.Secret, error) { return seal.Unwrap(t.Context(), name, wrapped, newKEK(t)) },
			"clear text": func() (config.Secret, error) { return seal.Unwrap(t.Context(), name, text, kek) },
			"not JSON": func() (config.Secret, error) {
				return seal.Unwrap(t.Context(), name, config.NewSecret("keyData"), kek)
			},
		} {
			got, err := unwrap()
			if fault.KindOf(err) != fault.Unavailable || !got.Empty() || strings.Contains(err.Error(), "keyData") ||
				!strings.Contains(err.Error(), "not a keyset wrapped with this KEYSET_KEK and name") {
				t.Errorf("%s, %s: %v", name, situation, err)
			}
		}
	}
}

func TestWrap_Errors(t *testing.T) {
	kek := newKEK(t)
	_, keyset, _ := newKeys(t, "p", "c")
	wrapped := must(seal.Wrap(t.Context(), seal.Keyset, keyset, kek))(t)
	if _, err := seal.Wrap(t.Context(), seal.Keyset, wrapped, kek); fault.KindOf(err) != fault.Invalid {
		t.Errorf("wrapped twice: %v", err)
	}
	kek.err = &fault.Error{Kind: fault.Unavailable, Err: errors.New("the key is disabled")}
	_, err := seal.Unwrap(t.Context(), seal.Keyset, wrapped, kek)
	if fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "the key is disabled") {
		t.Errorf("unwrap: %v", err)
	}
	_, err = seal.Wrap(t.Context(), seal.Keyset, keyset, kek)
	if fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "the key is disabled") {
		t.Errorf("wrap: %v", err)
	}
}

func TestKeysetName_Unknown(t *testing.T) {
	_, keyset, _ := newKeys(t, "p", "c")
	for _, text := range []string{
		"", "secret", "{}", `{"keysetInfo":{"keyInfo":[]}}`, `{"keysetInfo":{"keyInfo":[{"typeUrl":"x"}]}}`,
		keyset.Reveal(),
	} {
		if got := seal.KeysetName(config.NewSecret(text)); got != "" {
			t.Errorf("%q: got %q", text, got)
		}
	}
}
