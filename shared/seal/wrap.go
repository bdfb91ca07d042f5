package seal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
)

// Names of the two keysets, as the configuration has them. They are bound to
// what wraps them.
const (
	Keyset = "KEYSET"
	Lookup = "LOOKUP_KEYSET"
)

// NameOf says which of the two a wrapped keyset is; empty when it is neither.
// What it looks at is not secret, and not proved before Unwrap.
func NameOf(wrapped config.Secret) string {
	var text struct {
		KeysetInfo struct {
			KeyInfo []struct {
				TypeURL string `json:"typeUrl"`
			} `json:"keyInfo"`
		} `json:"keysetInfo"`
	}
	if err := json.Unmarshal([]byte(wrapped.Reveal()), &text); err != nil || len(text.KeysetInfo.KeyInfo) == 0 {
		return ""
	}
	return kinds[text.KeysetInfo.KeyInfo[0].TypeURL].name
}

// Wrap encrypts a keyset with a key-encryption key (KEYSET_KEK), so that who
// reads the secret still cannot open anything. name, Keyset or Lookup, is bound
// to it: one cannot be put in the other's place.
func Wrap(ctx context.Context, name string, text config.Secret, kek tink.AEADWithContext) (config.Secret, error) {
	handle, err := readAny(text)
	if err != nil {
		return config.Secret{}, err
	}
	var out bytes.Buffer
	if err := handle.WriteWithContext(ctx, keyset.NewJSONWriter(&out), kek, []byte(name)); err != nil {
		return config.Secret{}, &fault.Error{Op: "seal.Wrap", Kind: fault.Unavailable, Err: err}
	}
	return config.NewSecret(out.String()), nil
}

// Unwrap is the keyset that Wrap encrypted, in clear text.
func Unwrap(ctx context.Context, name string, wrapped config.Secret, kek tink.AEADWithContext) (config.Secret, error) {
	handle, err := keyset.ReadWithContext(ctx, keyset.NewJSONReader(strings.NewReader(wrapped.Reveal())), kek, []byte(name))
	if _, away := errors.AsType[*fault.Error](err); err != nil && !away {
		// Tink's own text may quote what it was given.
		err = errors.New("it is not a keyset that this KEYSET_KEK has wrapped for this place")
	}
	if err != nil {
		return config.Secret{}, wrong(name, err)
	}
	return write(handle)
}
