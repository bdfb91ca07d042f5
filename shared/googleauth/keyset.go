package googleauth

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"time"

	"github.com/go-jose/go-jose/v4"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/strictjson"
)

// KeySet caches the public keys at a URL: a JWK set, or a map of key IDs to x509
// certificates. It implements oidc.KeySet.
//
// It honors max-age. An unknown key ID causes at most one fetch per minute, so
// invented IDs do not cause traffic. It is safe for concurrent use.
type KeySet struct {
	keys *remote[map[string]*rsa.PublicKey]
}

// NewKeySet returns the keys at url. It fetches them over base when they are needed.
func NewKeySet(url string, base http.RoundTripper, now func() time.Time) *KeySet {
	return &KeySet{newRemote(url, base, now, parseKeys)}
}

// Errors of VerifySignature, for errors.Is. The fault is Unauthenticated.
var (
	ErrInvalidJWT = errors.New("not a compact JWT signed with RS256")
	ErrUnknownKey = errors.New("unknown key id")
	ErrSignature  = errors.New("invalid signature")
)

// VerifySignature returns the payload of a compact JWT that one of the keys signed with RS256. It fails
// with Unauthenticated if none did, and Unavailable if the keys cannot be fetched.
func (s *KeySet) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	token, err := parseJWT(jwt)
	if err != nil {
		return nil, err
	}
	return s.verify(ctx, token)
}

// Prefetch fetches the keys unless they are cached, so that the first token does not wait
// for them. It ignores errors; the next token causes another fetch.
func (s *KeySet) Prefetch(ctx context.Context) {
	_, _ = s.keys.get(ctx, func(map[string]*rsa.PublicKey) bool { return true })
}

// maxToken is the maximum length of a token in bytes. Google's have about 1,500.
const maxToken = 8 << 10

// parseJWT parses a compact JWT without verifying it.
func parseJWT(jwt string) (*jose.JSONWebSignature, error) {
	if len(jwt) > maxToken {
		return nil, badSignature(ErrInvalidJWT)
	}
	token, err := jose.ParseSignedCompact(jwt, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return nil, badSignature(ErrInvalidJWT) // the error of package jose may quote the token
	}
	return token, nil
}

func (s *KeySet) verify(ctx context.Context, token *jose.JSONWebSignature) ([]byte, error) {
	kid := token.Signatures[0].Protected.KeyID
	keys, err := s.keys.get(ctx, func(keys map[string]*rsa.PublicKey) bool { return keys[kid] != nil })
	switch {
	case err != nil:
		return nil, err
	case keys[kid] == nil:
		return nil, badSignature(ErrUnknownKey)
	}
	payload, err := token.Verify(keys[kid])
	if err != nil {
		return nil, badSignature(ErrSignature)
	}
	return payload, nil
}

func badSignature(err error) error {
	return &fault.Error{Op: "googleauth.KeySet", Kind: fault.Unauthenticated, Err: err}
}

// parseKeys parses {"keys": [JWK, ...]} or {"kid": "PEM certificate", ...}. It ignores
// all keys except RSA keys of at least 2048 bits.
func parseKeys(body []byte) (map[string]*rsa.PublicKey, error) {
	keys := map[string]*rsa.PublicKey{}
	add := func(kid string, key any) {
		if k, ok := key.(*rsa.PublicKey); ok && kid != "" && k.N.BitLen() >= 2048 {
			keys[kid] = k
		}
	}
	var jwks jose.JSONWebKeySet
	if strictjson.Decode(body, &jwks) == nil && jwks.Keys != nil {
		for _, k := range jwks.Keys {
			add(k.KeyID, k.Key)
		}
	} else {
		var certificates map[string]string
		if err := strictjson.Decode(body, &certificates); err != nil {
			return nil, errors.New("not a JWK set or a map of certificates")
		}
		for kid, text := range certificates {
			if block, _ := pem.Decode([]byte(text)); block != nil {
				if cert, err := x509.ParseCertificate(block.Bytes); err == nil {
					add(kid, cert.PublicKey)
				}
			}
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("no usable key")
	}
	return keys, nil
}
