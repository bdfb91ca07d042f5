package seal

import (
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/prf"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
)

// To rotate a keyset so that every instance can open every text: Add, deploy everywhere, Promote,
// deploy everywhere, reseal the store (grants.Sweep), Disable, deploy.

// Key describes one key of a keyset without its secret part.
type Key struct {
	ID      uint32 `json:"id"`
	Primary bool   `json:"primary"` // seals; other keys only open
	Enabled bool   `json:"enabled"`
}

// Describe returns a keyset's keys, oldest first. It fails with Invalid if text is not a keyset.
func Describe(text config.Secret) ([]Key, error) {
	handle, err := parseAny(text)
	if err != nil {
		return nil, err
	}
	info := handle.KeysetInfo()
	var out []Key
	for _, k := range info.GetKeyInfo() {
		enabled := k.GetStatus() == tinkpb.KeyStatusType_ENABLED
		out = append(out, Key{k.GetKeyId(), k.GetKeyId() == info.GetPrimaryKeyId(), enabled})
	}
	return out, nil
}

// Add adds a new key of the same type to a keyset and returns the key's ID. The key only opens until it is promoted.
func Add(text config.Secret) (config.Secret, uint32, error) {
	handle, err := parseAny(text)
	if err != nil {
		return config.Secret{}, 0, err
	}
	manager := keyset.NewManagerFromHandle(handle)
	id, err := manager.Add(keyTypes[handle.KeysetInfo().GetKeyInfo()[0].GetTypeUrl()].template)
	if err != nil {
		return config.Secret{}, 0, fault.Wrap("seal.Add", err)
	}
	out, err := encodeManaged(manager)
	return out, id, err
}

// Promote makes a key the primary key, which seals.
func Promote(text config.Secret, id uint32) (config.Secret, error) {
	return change(text, "seal.Promote", func(m *keyset.Manager) error { return m.SetPrimary(id) })
}

// Disable disables a key: it no longer opens anything. It fails for the primary key.
func Disable(text config.Secret, id uint32) (config.Secret, error) {
	return change(text, "seal.Disable", func(m *keyset.Manager) error { return m.Disable(id) })
}

func change(text config.Secret, op string, do func(*keyset.Manager) error) (config.Secret, error) {
	handle, err := parseAny(text)
	if err != nil {
		return config.Secret{}, err
	}
	manager := keyset.NewManagerFromHandle(handle)
	if err := do(manager); err != nil {
		public := i18n.English("The keyset does not allow that: %v.")
		return config.Secret{}, &fault.Error{Op: op, Kind: fault.Invalid, Public: public, Args: []any{err}}
	}
	return encodeManaged(manager)
}

func encodeManaged(m *keyset.Manager) (config.Secret, error) {
	handle, err := m.Handle()
	if err != nil {
		return config.Secret{}, fault.Wrap("seal.encodeManaged", err)
	}
	return encode(handle)
}

// keyTypes are the keysets by the type URL of their keys.
var keyTypes = map[string]struct {
	name     string // Keyset or Lookup
	template *tinkpb.KeyTemplate
}{
	"type.googleapis.com/google.crypto.tink.AesGcmKey":  {Keyset, aead.AES256GCMKeyTemplate()},
	"type.googleapis.com/google.crypto.tink.HmacPrfKey": {Lookup, prf.HMACSHA256PRFKeyTemplate()},
}

// parseAny parses a keyset of either type.
func parseAny(text config.Secret) (*keyset.Handle, error) {
	handle, err := parse("keyset", text)
	if err != nil {
		public := i18n.English("This is not a Tink JSON keyset in clear text. If a KMS key wraps it, name that key.")
		return nil, &fault.Error{Op: "seal", Kind: fault.Invalid, Public: public, Err: err}
	}
	for _, k := range handle.KeysetInfo().GetKeyInfo() {
		if keyTypes[k.GetTypeUrl()].template == nil {
			public := i18n.English("This keyset is neither a KEYSET nor a LOOKUP_KEYSET.")
			err := fmt.Errorf("unknown key type %s", k.GetTypeUrl())
			return nil, &fault.Error{Op: "seal", Kind: fault.Invalid, Public: public, Err: err}
		}
	}
	return handle, nil
}
