// Package kms is Tink's AEAD on one symmetric key of Cloud KMS: it wraps and
// unwraps the keysets (KEYSET_KEK), once per start of an instance.
//
// It goes over the REST API with google.golang.org/api, since Tink's own
// extension cannot stand beside this version of Firestore's client in one
// go.mod (docs/decisions.md).
package kms

import (
	"context"
	"encoding/base64"
	"errors"
	"hash/crc32"
	"regexp"
	"time"

	cloudkms "google.golang.org/api/cloudkms/v1"
	"google.golang.org/api/option"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googlecall"
)

// AEAD encrypts and decrypts with one key of Cloud KMS. It implements
// tink.AEADWithContext and is safe for concurrent use.
type AEAD struct {
	name string // projects/.../cryptoKeys/...
	api  *cloudkms.Service
}

var uri = regexp.MustCompile(`^gcp-kms://(projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+)$`)

// Check tells whether text names a key as gcp-kms://projects/.../cryptoKeys/...
func Check(text string) error {
	if !uri.MatchString(text) {
		return &fault.Error{Op: "kms.Check", Kind: fault.Invalid, Err: errors.New(
			"must be gcp-kms://projects/PROJECT/locations/LOCATION/keyRings/RING/cryptoKeys/KEY, without a version")}
	}
	return nil
}

// New is the key that keyURI names. The options are those of Google's clients;
// without any it is Google's own service, with the credentials of where it
// runs.
func New(ctx context.Context, keyURI string, options ...option.ClientOption) (*AEAD, error) {
	if err := Check(keyURI); err != nil {
		return nil, err
	}
	api, err := cloudkms.NewService(ctx, options...)
	if err != nil {
		return nil, &fault.Error{Op: "kms.New", Kind: fault.Unavailable, Err: err}
	}
	return &AEAD{name: uri.FindStringSubmatch(keyURI)[1], api: api}, nil
}

// EncryptWithContext implements tink.AEADWithContext.
func (a *AEAD) EncryptWithContext(ctx context.Context, plaintext, associated []byte) ([]byte, error) {
	call := a.api.Projects.Locations.KeyRings.CryptoKeys.Encrypt(a.name, &cloudkms.EncryptRequest{
		Plaintext: encode(plaintext), PlaintextCrc32c: sum(plaintext),
		AdditionalAuthenticatedData: encode(associated), AdditionalAuthenticatedDataCrc32c: sum(associated),
		ForceSendFields: []string{"PlaintextCrc32c", "AdditionalAuthenticatedDataCrc32c"},
	})
	var out []byte
	err := policy.Do(ctx, googlecall.Later, func(ctx context.Context) error {
		res, err := call.Context(ctx).Do()
		if err != nil {
			return err
		}
		if !res.VerifiedPlaintextCrc32c || !res.VerifiedAdditionalAuthenticatedDataCrc32c {
			return errDamaged
		}
		out, err = decode(res.Ciphertext, res.CiphertextCrc32c)
		return err
	})
	return out, api.Fault("kms.Encrypt", err)
}

// DecryptWithContext implements tink.AEADWithContext.
func (a *AEAD) DecryptWithContext(ctx context.Context, ciphertext, associated []byte) ([]byte, error) {
	call := a.api.Projects.Locations.KeyRings.CryptoKeys.Decrypt(a.name, &cloudkms.DecryptRequest{
		Ciphertext: encode(ciphertext), CiphertextCrc32c: sum(ciphertext),
		AdditionalAuthenticatedData: encode(associated), AdditionalAuthenticatedDataCrc32c: sum(associated),
		ForceSendFields: []string{"CiphertextCrc32c", "AdditionalAuthenticatedDataCrc32c"},
	})
	var out []byte
	err := policy.Do(ctx, googlecall.Later, func(ctx context.Context) error {
		res, err := call.Context(ctx).Do()
		if err != nil {
			return err
		}
		out, err = decode(res.Plaintext, res.PlaintextCrc32c)
		return err
	})
	return out, api.Fault("kms.Decrypt", err)
}

// errDamaged is an answer or a request that was altered on the way: Google
// says to try again a few times.
// https://docs.cloud.google.com/kms/docs/data-integrity-guidelines
var errDamaged = errors.New("a checksum does not fit")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func sum(b []byte) int64     { return int64(crc32.Checksum(b, castagnoli)) }
func encode(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

func decode(text string, want int64) ([]byte, error) {
	out, err := base64.StdEncoding.DecodeString(text)
	if err != nil || sum(out) != want {
		return nil, errDamaged
	}
	return out, nil
}

var policy = googlecall.Policy{Tries: 3, Each: 5 * time.Second}

// api fails for the operator to see.
var api = googlecall.API{Operator: true}
