// Package seal encrypts small secrets with Tink. A secret opens only in the place it was sealed for.
// Package seal also derives the keyed codes that records are looked up by.
package seal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/prf"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
	"github.com/tink-crypto/tink-go/v2/tink"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
)

// Errors of Open, for errors.Is.
var (
	// ErrUnknownKey means that KEYSET lacks the key: the operator has not completed a
	// rotation. The fault is Unavailable.
	ErrUnknownKey = errors.New("sealed with a key that is not in KEYSET")
	// ErrNotAuthentic means that the text was altered, or sealed for another place. The fault is Internal.
	ErrNotAuthentic = errors.New("altered, or sealed for another place")
)

// Place identifies the purpose and the field that a text is sealed for. The text opens in no other place.
type Place struct {
	Purpose    string // such as "button" or "invitation"
	Collection string // the record's collection; empty if the text is not stored
	Document   string
	Field      string
}

// Keys seals and opens texts for one project and one OAuth client. It is safe for concurrent use.
type Keys struct {
	aead    tink.AEAD
	ids     map[uint32]bool
	primary uint32
	lookup  *prf.Set
	project string
	client  string
}

// Project is the ID of a Google Cloud project.
type Project string

// New returns Keys for two Tink JSON keysets in clear text: AEAD keys (KEYSET) and
// PRF keys (LOOKUP_KEYSET). Seals and codes are bound to project and clientID.
func New(keysetJSON, lookupJSON config.Secret, project Project, clientID string) (*Keys, error) {
	handle, err := parse(Keyset, keysetJSON)
	if err != nil {
		return nil, err
	}
	info := handle.KeysetInfo()
	k := &Keys{ids: map[uint32]bool{}, primary: info.GetPrimaryKeyId(), project: string(project), client: clientID}
	for _, key := range info.GetKeyInfo() {
		if key.GetOutputPrefixType() != tinkpb.OutputPrefixType_TINK {
			return nil, unavailable(Keyset, fmt.Errorf("key %d has no Tink output prefix", key.GetKeyId()))
		}
		if key.GetStatus() == tinkpb.KeyStatusType_ENABLED {
			k.ids[key.GetKeyId()] = true
		}
	}
	if k.aead, err = aead.New(handle); err != nil {
		return nil, unavailable(Keyset, err)
	}
	if handle, err = parse(Lookup, lookupJSON); err != nil {
		return nil, err
	}
	if k.lookup, err = prf.NewPRFSet(handle); err != nil {
		return nil, unavailable(Lookup, err)
	}
	return k, nil
}

func parse(name string, text config.Secret) (*keyset.Handle, error) {
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(strings.NewReader(text.Reveal())))
	if err != nil {
		// Tink's own text may quote the keyset.
		return nil, unavailable(name, errors.New("not a Tink JSON keyset in clear text (is KEYSET_KEK missing?)"))
	}
	return handle, nil
}

func unavailable(name string, err error) error {
	return &fault.Error{Op: "seal.New", Kind: fault.Unavailable, Err: fmt.Errorf("%s: %w", name, err)}
}

// Seal encrypts text for one place.
func (k *Keys) Seal(text []byte, place Place) ([]byte, error) {
	sealed, err := k.aead.Encrypt(text, k.associatedData(place))
	return sealed, fault.Wrap("seal.Seal", err)
}

// Open decrypts a text that was sealed for place. It fails with a fault around ErrUnknownKey or ErrNotAuthentic.
func (k *Keys) Open(sealed []byte, place Place) ([]byte, error) {
	text, err := k.aead.Decrypt(sealed, k.associatedData(place))
	if err == nil {
		return text, nil
	}
	if id, ok := keyID(sealed); ok && !k.ids[id] {
		return nil, &fault.Error{Op: "seal.Open", Kind: fault.Unavailable, Err: ErrUnknownKey}
	}
	return nil, &fault.Error{Op: "seal.Open", Err: ErrNotAuthentic}
}

// keyID returns the ID of the key that sealed a text. Tink's output prefix is the
// byte 0x01 and then the ID, big-endian.
func keyID(sealed []byte) (uint32, bool) {
	if len(sealed) < 5 || sealed[0] != 1 {
		return 0, false
	}
	return binary.BigEndian.Uint32(sealed[1:5]), true
}

// SealedByPrimary reports whether a text was sealed with the primary key.
func (k *Keys) SealedByPrimary(sealed []byte) bool {
	id, ok := keyID(sealed)
	return ok && id == k.primary
}

// Primary returns the IDs of the primary keys of KEYSET and LOOKUP_KEYSET. Reseal
// records of other keys before you disable those keys.
func (k *Keys) Primary() (keysetID, lookupID uint32) { return k.primary, k.lookup.PrimaryID }

// MAC returns a keyed code of 32 bytes for a purpose and its parts: the output of
// the primary PRF of LOOKUP_KEYSET. It is the same in every instance.
func (k *Keys) MAC(purpose string, parts ...string) ([]byte, error) {
	code, err := k.lookup.ComputePrimaryPRF(k.codeInput(purpose, parts), 32)
	return code, fault.Wrap("seal.MAC", err)
}

// MACs returns the codes under every enabled key, the primary key's first. They
// also find records that were stored before a rotation.
func (k *Keys) MACs(purpose string, parts ...string) ([][]byte, error) {
	first, err := k.MAC(purpose, parts...)
	if err != nil {
		return nil, err
	}
	out := [][]byte{first}
	for id, key := range k.lookup.PRFs {
		if id == k.lookup.PrimaryID {
			continue
		}
		code, err := key.ComputePRF(k.codeInput(purpose, parts), 32)
		if err != nil {
			return nil, fault.Wrap("seal.MACs", err)
		}
		out = append(out, code)
	}
	return out, nil
}

func (k *Keys) codeInput(purpose string, parts []string) []byte {
	return join(append([]string{purpose, k.project, k.client}, parts...))
}

// associatedData encodes a place for the AEAD.
func (k *Keys) associatedData(p Place) []byte {
	return join([]string{"1", p.Purpose, k.project, k.client, p.Collection, p.Document, p.Field})
}

// join concatenates parts, each with its length before it, so that no two lists of parts give the same bytes.
func join(parts []string) []byte {
	var out []byte
	for _, p := range parts {
		out = binary.BigEndian.AppendUint32(out, uint32(len(p))) //nolint:gosec // far below 4 GiB
		out = append(out, p...)
	}
	return out
}
