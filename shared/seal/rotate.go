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

// Rotation of a keyset is five steps, so that at no moment an instance meets a
// text it cannot open: Add, deploy everywhere, Promote, deploy everywhere,
// reseal the store (grants.Sweep), Disable, deploy.

// Key is what may be known of one key of a keyset.
type Key struct {
	ID      uint32 `json:"id"`
	Primary bool   `json:"primary"` // seals; the others only open
	Enabled bool   `json:"enabled"`
}

// Describe lists a keyset's keys, oldest first. It is Invalid when the text is
// not a keyset.
func Describe(text config.Secret) ([]Key, error) {
	handle, err := readAny(text)
	if err != nil {
		return nil, err
	}
	info := handle.KeysetInfo()
	var out []Key
	for _, k := range info.GetKeyInfo() {
		out = append(out, Key{k.GetKeyId(), k.GetKeyId() == info.GetPrimaryKeyId(), k.GetStatus() == tinkpb.KeyStatusType_ENABLED})
	}
	return out, nil
}

// Add puts a fresh key of the same kind into a keyset. It seals nothing yet.
func Add(text config.Secret) (config.Secret, uint32, error) {
	handle, err := readAny(text)
	if err != nil {
		return config.Secret{}, 0, err
	}
	manager := keyset.NewManagerFromHandle(handle)
	id, err := manager.Add(kinds[handle.KeysetInfo().GetKeyInfo()[0].GetTypeUrl()].template)
	if err != nil {
		return config.Secret{}, 0, fault.Wrap("seal.Add", err)
	}
	out, err := managed(manager)
	return out, id, err
}

// Promote makes a key the one that seals.
func Promote(text config.Secret, id uint32) (config.Secret, error) {
	return change(text, "seal.Promote", func(m *keyset.Manager) error { return m.SetPrimary(id) })
}

// Disable keeps a key from opening anything more. The primary key cannot be
// disabled.
func Disable(text config.Secret, id uint32) (config.Secret, error) {
	return change(text, "seal.Disable", func(m *keyset.Manager) error { return m.Disable(id) })
}

func change(text config.Secret, op string, do func(*keyset.Manager) error) (config.Secret, error) {
	handle, err := readAny(text)
	if err != nil {
		return config.Secret{}, err
	}
	manager := keyset.NewManagerFromHandle(handle)
	if err := do(manager); err != nil {
		return config.Secret{}, &fault.Error{Op: op, Kind: fault.Invalid, Public: i18n.English("The keyset does not allow that: %v."), Args: []any{err}}
	}
	return managed(manager)
}

func managed(m *keyset.Manager) (config.Secret, error) {
	handle, err := m.Handle()
	if err != nil {
		return config.Secret{}, fault.Wrap("seal.managed", err)
	}
	return write(handle)
}

// kinds are the two kinds of keysets, by Tink's name for their keys.
var kinds = map[string]struct {
	name     string // of the keyset
	template *tinkpb.KeyTemplate
}{
	"type.googleapis.com/google.crypto.tink.AesGcmKey":  {Keyset, aead.AES256GCMKeyTemplate()},
	"type.googleapis.com/google.crypto.tink.HmacPrfKey": {Lookup, prf.HMACSHA256PRFKeyTemplate()},
}

// readAny reads a keyset of either kind.
func readAny(text config.Secret) (*keyset.Handle, error) {
	handle, err := read("the keyset", text)
	if err != nil {
		return nil, &fault.Error{Op: "seal", Kind: fault.Invalid, Public: i18n.English("This is not a Tink JSON keyset in clear text. If a KMS key wraps it, name that key."), Err: err}
	}
	for _, k := range handle.KeysetInfo().GetKeyInfo() {
		if kinds[k.GetTypeUrl()].template == nil {
			return nil, &fault.Error{Op: "seal", Kind: fault.Invalid, Public: i18n.English("This is neither a KEYSET nor a LOOKUP_KEYSET of Deputy's."), Err: fmt.Errorf("a key of type %s", k.GetTypeUrl())}
		}
	}
	return handle, nil
}
