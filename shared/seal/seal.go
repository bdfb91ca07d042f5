// Package seal encrypts small secrets so that each opens only in the place it
// was sealed for, and derives the codes under which things are looked up.
//
// It knows Tink keysets and nothing of records, tokens or HTTP.
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

// What can be wrong with a sealed text, for errors.Is.
var (
	// ErrUnknownKey: sealed with a key that this keyset lacks, which is an
	// operator's fault (a rotation half done). The fault's kind is Unavailable.
	ErrUnknownKey = errors.New("sealed with a key that KEYSET does not hold")
	// ErrBroken: our key, but not sealed for this place, or altered. The
	// fault's kind is Internal.
	ErrBroken = errors.New("does not open in this place")
)

// Place is where a sealed text belongs. A text sealed for one place opens in
// no other: not for another purpose, document or field.
type Place struct {
	Purpose    string // what it may be used for, such as "act" or "invitation"
	Collection string // the record's collection; empty for what is not stored
	Document   string
	Field      string
}

// Keys seals and opens for one project and one OAuth client. It is safe for
// concurrent use.
type Keys struct {
	aead    tink.AEAD
	ids     map[uint32]bool
	primary uint32
	lookup  *prf.Set
	project string
	client  string
}

// Project is the id of the Google Cloud project that seals are bound to.
type Project string

// New reads Tink's JSON keysets: keyset of AEAD keys (KEYSET) and lookup of PRF
// keys (LOOKUP_KEYSET). Everything it seals is bound to project and client id.
func New(keysetJSON, lookupJSON config.Secret, project Project, clientID string) (*Keys, error) {
	handle, err := read(Keyset, keysetJSON)
	if err != nil {
		return nil, err
	}
	k := &Keys{ids: map[uint32]bool{}, primary: handle.KeysetInfo().GetPrimaryKeyId(), project: string(project), client: clientID}
	for _, info := range handle.KeysetInfo().GetKeyInfo() {
		if info.GetOutputPrefixType() != tinkpb.OutputPrefixType_TINK {
			return nil, wrong(Keyset, fmt.Errorf("key %d has no Tink prefix, so its texts could not be told apart", info.GetKeyId()))
		}
		if info.GetStatus() == tinkpb.KeyStatusType_ENABLED {
			k.ids[info.GetKeyId()] = true
		}
	}
	if k.aead, err = aead.New(handle); err != nil {
		return nil, wrong(Keyset, err)
	}
	if handle, err = read(Lookup, lookupJSON); err != nil {
		return nil, err
	}
	if k.lookup, err = prf.NewPRFSet(handle); err != nil {
		return nil, wrong(Lookup, err)
	}
	return k, nil
}

func read(name string, text config.Secret) (*keyset.Handle, error) {
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(strings.NewReader(text.Reveal())))
	if err != nil {
		// Tink's own text may quote the keyset.
		return nil, wrong(name, errors.New("it is not a Tink JSON keyset in clear text (is KEYSET_KEK missing?)"))
	}
	return handle, nil
}

func wrong(name string, err error) error {
	return &fault.Error{Op: "seal.New", Kind: fault.Unavailable, Err: fmt.Errorf("%s: %w", name, err)}
}

// Seal encrypts text for one place.
func (k *Keys) Seal(text []byte, at Place) ([]byte, error) {
	sealed, err := k.aead.Encrypt(text, k.bind(at))
	return sealed, fault.Wrap("seal.Seal", err)
}

// Open decrypts what was sealed for this place; else ErrUnknownKey or
// ErrBroken in a fault of the kind named there.
func (k *Keys) Open(sealed []byte, at Place) ([]byte, error) {
	text, err := k.aead.Decrypt(sealed, k.bind(at))
	if err == nil {
		return text, nil
	}
	if id, ok := keyOf(sealed); ok && !k.ids[id] {
		return nil, &fault.Error{Op: "seal.Open", Kind: fault.Unavailable, Err: ErrUnknownKey}
	}
	return nil, &fault.Error{Op: "seal.Open", Err: ErrBroken}
}

// keyOf is the id of the key that a text was sealed with, as Tink writes it in
// front: one byte 0x01, then the id, big-endian.
func keyOf(sealed []byte) (uint32, bool) {
	if len(sealed) < 5 || sealed[0] != 1 {
		return 0, false
	}
	return binary.BigEndian.Uint32(sealed[1:5]), true
}

// SealedByPrimary reports whether a text was sealed with the key in use.
func (k *Keys) SealedByPrimary(sealed []byte) bool {
	id, ok := keyOf(sealed)
	return ok && id == k.primary
}

// Primary are the keys in use: the one that seals, and the one that codes.
// What was stored under others has to be resealed before they are disabled.
func (k *Keys) Primary() (seals, codes uint32) { return k.primary, k.lookup.PrimaryID }

// Code is a keyed code of 32 bytes over a purpose and its parts (an HMAC when
// LOOKUP_KEYSET holds HMAC keys): the same in every instance, and not to be
// computed without the key.
func (k *Keys) Code(purpose string, parts ...string) ([]byte, error) {
	code, err := k.lookup.ComputePrimaryPRF(k.coded(purpose, parts), 32)
	return code, fault.Wrap("seal.Code", err)
}

// Codes are the codes under every key, the primary's first: what was stored
// before a rotation is found as well.
func (k *Keys) Codes(purpose string, parts ...string) ([][]byte, error) {
	first, err := k.Code(purpose, parts...)
	if err != nil {
		return nil, err
	}
	out := [][]byte{first}
	for id, key := range k.lookup.PRFs {
		if id == k.lookup.PrimaryID {
			continue
		}
		code, err := key.ComputePRF(k.coded(purpose, parts), 32)
		if err != nil {
			return nil, fault.Wrap("seal.Codes", err)
		}
		out = append(out, code)
	}
	return out, nil
}

func (k *Keys) coded(purpose string, parts []string) []byte {
	return join(append([]string{purpose, k.project, k.client}, parts...))
}

// bind is the associated data: every field with its length before it, so that
// no two places give the same bytes.
func (k *Keys) bind(at Place) []byte {
	return join([]string{"1", at.Purpose, k.project, k.client, at.Collection, at.Document, at.Field})
}

func join(parts []string) []byte {
	var out []byte
	for _, p := range parts {
		out = binary.BigEndian.AppendUint32(out, uint32(len(p))) //nolint:gosec // ids and names, far below 4 GiB
		out = append(out, p...)
	}
	return out
}
