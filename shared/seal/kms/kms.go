// Package kms implements Tink's AEAD with a symmetric key of Cloud KMS. The key
// wraps and unwraps the keysets (KEYSET_KEK), once per start of an instance.
//
// It calls the REST API because Tink's own extension conflicts with the version of
// the Firestore client in go.mod (docs/decisions.md).
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

// AEAD encrypts and decrypts with one Cloud KMS key. It implements tink.AEADWithContext and is safe for concurrent use.
type AEAD struct {
	name string // projects/.../cryptoKeys/...
	api  *cloudkms.Service
}

var uri = regexp.MustCompile(`^gcp-kms://(projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+)$`)

// CheckURI returns an Invalid fault if keyURI is not gcp-kms://projects/.../cryptoKeys/...
func CheckURI(keyURI string) error {
	if !uri.MatchString(keyURI) {
		return &fault.Error{Op: "kms.CheckURI", Kind: fault.Invalid, Err: errors.New(
			"must be gcp-kms://projects/PROJECT/locations/LOCATION/keyRings/RING/cryptoKeys/KEY, without a version")}
	}
	return nil
}

// New returns an AEAD for the key that keyURI names. Without options it uses
// Google's service and the application default credentials.
func New(ctx context.Context, keyURI string, options ...option.ClientOption) (*AEAD, error) {
	if err := CheckURI(keyURI); err != nil {
		return nil, err
	}
	scopes := []string{cloudkms.CloudkmsScope}
	options, err := googlecall.OwnOptions("https://cloudkms.googleapis.com/", scopes, options...)
	if err != nil {
		return nil, fault.Wrap("kms.New", err)
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
		Plaintext: encode(plaintext), PlaintextCrc32c: checksum(plaintext),
		AdditionalAuthenticatedData: encode(associated), AdditionalAuthenticatedDataCrc32c: checksum(associated),
		ForceSendFields: []string{"PlaintextCrc32c", "AdditionalAuthenticatedDataCrc32c"},
	})
	var out []byte
	err := policy.Do(ctx, googlecall.RetryDelay, func(ctx context.Context) error {
		res, err := call.Context(ctx).Do()
		if err != nil {
			return err
		}
		if !res.VerifiedPlaintextCrc32c || !res.VerifiedAdditionalAuthenticatedDataCrc32c {
			return errChecksum
		}
		out, err = decode(res.Ciphertext, res.CiphertextCrc32c)
		return err
	})
	return out, api.Fault("kms.Encrypt", err)
}

// DecryptWithContext implements tink.AEADWithContext.
func (a *AEAD) DecryptWithContext(ctx context.Context, ciphertext, associated []byte) ([]byte, error) {
	call := a.api.Projects.Locations.KeyRings.CryptoKeys.Decrypt(a.name, &cloudkms.DecryptRequest{
		Ciphertext: encode(ciphertext), CiphertextCrc32c: checksum(ciphertext),
		AdditionalAuthenticatedData: encode(associated), AdditionalAuthenticatedDataCrc32c: checksum(associated),
		ForceSendFields: []string{"CiphertextCrc32c", "AdditionalAuthenticatedDataCrc32c"},
	})
	var out []byte
	err := policy.Do(ctx, googlecall.RetryDelay, func(ctx context.Context) error {
		res, err := call.Context(ctx).Do()
		if err != nil {
			return err
		}
		out, err = decode(res.Plaintext, res.PlaintextCrc32c)
		return err
	})
	return out, api.Fault("kms.Decrypt", err)
}

// errChecksum means that a request or response was corrupted in transit. Google
// recommends a limited number of retries:
// https://docs.cloud.google.com/kms/docs/data-integrity-guidelines
var errChecksum = errors.New("checksum mismatch")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(b []byte) int64 { return int64(crc32.Checksum(b, castagnoli)) }
func encode(b []byte) string  { return base64.StdEncoding.EncodeToString(b) }

func decode(text string, want int64) ([]byte, error) {
	out, err := base64.StdEncoding.DecodeString(text)
	if err != nil || checksum(out) != want {
		return nil, errChecksum
	}
	return out, nil
}

var policy = googlecall.Policy{Attempts: 3, AttemptTimeout: 5 * time.Second}

// api returns errors that only the operator sees.
var api = googlecall.ErrorTexts{OwnCredentials: true}
