package seal

import (
	"bytes"
	"context"
	"strings"

	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
)

// Wrap encrypts a keyset with a key-encryption key (KEYSET_KEK), so that who
// reads the secret still cannot open anything. name, KEYSET or LOOKUP_KEYSET,
// is bound to it: one cannot be put in the other's place.
func Wrap(ctx context.Context, name string, text config.Secret, kek tink.AEADWithContext) (config.Secret, error) {
	handle, err := readAny(text)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	if err := handle.WriteWithContext(ctx, keyset.NewJSONWriter(&out), kek, []byte(name)); err != nil {
		return "", &fault.Error{Op: "seal.Wrap", Kind: fault.Unavailable, Err: err}
	}
	return config.Secret(out.String()), nil
}

// Unwrap is the keyset that Wrap encrypted, in clear text.
func Unwrap(ctx context.Context, name string, wrapped config.Secret, kek tink.AEADWithContext) (config.Secret, error) {
	handle, err := keyset.ReadWithContext(ctx, keyset.NewJSONReader(strings.NewReader(wrapped.Reveal())), kek, []byte(name))
	if err != nil {
		return "", wrong(name, err)
	}
	return write(handle)
}
