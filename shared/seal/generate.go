package seal

import (
	"bytes"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/prf"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
)

// Generate returns new keysets for KEYSET (AES-256-GCM) and LOOKUP_KEYSET
// (HMAC-SHA-256), each with one key, in clear text.
func Generate() (keysetJSON, lookupJSON config.Secret, err error) {
	keysetJSON, err = newKeyset(aead.AES256GCMKeyTemplate())
	if err == nil {
		lookupJSON, err = newKeyset(prf.HMACSHA256PRFKeyTemplate())
	}
	return keysetJSON, lookupJSON, err
}

func newKeyset(template *tinkpb.KeyTemplate) (config.Secret, error) {
	handle, err := keyset.NewHandle(template)
	if err != nil {
		return config.Secret{}, fault.Wrap("seal.Generate", err)
	}
	return encode(handle)
}

// encode returns a keyset as JSON in clear text.
func encode(handle *keyset.Handle) (config.Secret, error) {
	var out bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&out)); err != nil {
		return config.Secret{}, fault.Wrap("seal.encode", err)
	}
	return config.NewSecret(out.String()), nil
}
