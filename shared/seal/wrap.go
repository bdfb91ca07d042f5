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

// The names of the two keysets in the configuration. Wrap binds a keyset to its name.
const (
	Keyset = "KEYSET"
	Lookup = "LOOKUP_KEYSET"
)

// KeysetName returns the name of a wrapped keyset, Keyset or Lookup, or "". It reads
// public metadata, which is not authenticated before Unwrap.
func KeysetName(wrapped config.Secret) string {
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
	return keyTypes[text.KeysetInfo.KeyInfo[0].TypeURL].name
}

// Wrap encrypts a keyset with a key-encryption key (KEYSET_KEK), so that reading the stored secret does not reveal its
// keys. name, Keyset or Lookup, is associated data: a keyset unwraps only under the name it was wrapped with.
func Wrap(ctx context.Context, name string, text config.Secret, kek tink.AEADWithContext) (config.Secret, error) {
	handle, err := parseAny(text)
	if err != nil {
		return config.Secret{}, err
	}
	var out bytes.Buffer
	if err := handle.WriteWithContext(ctx, keyset.NewJSONWriter(&out), kek, []byte(name)); err != nil {
		return config.Secret{}, &fault.Error{Op: "seal.Wrap", Kind: fault.Unavailable, Err: err}
	}
	return config.NewSecret(out.String()), nil
}

// Unwrap decrypts a keyset that Wrap encrypted and returns it in clear text.
func Unwrap(ctx context.Context, name string, wrapped config.Secret, kek tink.AEADWithContext) (config.Secret, error) {
	reader := keyset.NewJSONReader(strings.NewReader(wrapped.Reveal()))
	recorder := &recordingKEK{AEADWithContext: kek}
	handle, err := keyset.ReadWithContext(ctx, reader, recorder, []byte(name))
	switch {
	case recorder.err != nil:
		return config.Secret{}, unavailable(name, recorder.err)
	case err != nil: // Tink's text may quote the input
		return config.Secret{}, unavailable(name, errors.New("not a keyset wrapped with this KEYSET_KEK and name"))
	}
	return encode(handle)
}

// recordingKEK keeps the fault of a KMS, which Tink reports as text only.
type recordingKEK struct {
	tink.AEADWithContext
	err error
}

func (k *recordingKEK) DecryptWithContext(ctx context.Context, text, associatedData []byte) ([]byte, error) {
	out, err := k.AEADWithContext.DecryptWithContext(ctx, text, associatedData)
	if _, ok := errors.AsType[*fault.Error](err); ok {
		k.err = err
	}
	return out, err
}
