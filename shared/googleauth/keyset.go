package googleauth

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"time"

	"github.com/go-jose/go-jose/v4"

	"example.com/deputy/shared/fault"
)

// KeySet are the public keys behind one address, as a JWK set or as a map of
// key ids to x509 certificates. It implements oidc.KeySet.
//
// The answer's max-age is honoured, and a key id that is not there makes one
// new fetch a minute at most, so invented ids cost Google and us nothing. It is
// safe for concurrent use.
type KeySet struct {
	keys *remote[map[string]*rsa.PublicKey]
}

// NewKeySet is the keys at url, fetched over base when first needed.
func NewKeySet(url string, base http.RoundTripper, now func() time.Time) *KeySet {
	return &KeySet{newRemote(url, base, now, parseKeys)}
}

// Why a token's signature does not count, for errors.Is. The fault's kind is
// Unauthenticated.
var (
	ErrNoToken    = errors.New("not a compact JWT signed RS256")
	ErrUnknownKey = errors.New("unknown key id")
	ErrSignature  = errors.New("wrong signature")
)

// VerifySignature gives the payload of a compact JWT that is signed RS256 with
// one of the keys. Unauthenticated when it is not, Unavailable when the keys
// cannot be had.
func (s *KeySet) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	token, err := parse(jwt)
	if err != nil {
		return nil, err
	}
	return s.verify(ctx, token)
}

// Warm fetches the keys if there are none, so that the first token need not
// wait for them. A fetch that fails is tried again for a token.
func (s *KeySet) Warm(ctx context.Context) {
	_, _ = s.keys.get(ctx, func(map[string]*rsa.PublicKey) bool { return true })
}

// mostToken is how long a token may be, in bytes: Google's have some 1,500. What
// is longer is not worth decoding.
const mostToken = 8 << 10

// parse reads a compact JWT, without a call to anybody.
func parse(jwt string) (*jose.JSONWebSignature, error) {
	if len(jwt) > mostToken {
		return nil, unsigned(ErrNoToken)
	}
	token, err := jose.ParseSignedCompact(jwt, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return nil, unsigned(ErrNoToken) // jose's text may quote the token
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
		return nil, unsigned(ErrUnknownKey)
	}
	payload, err := token.Verify(keys[kid])
	if err != nil {
		return nil, unsigned(ErrSignature)
	}
	return payload, nil
}

func unsigned(why error) error {
	return &fault.Error{Op: "googleauth.KeySet", Kind: fault.Unauthenticated, Err: why}
}

// parseKeys reads {"keys": [JWK, ...]} or {"kid": "PEM certificate", ...}.
// What is not an RSA key of at least 2048 bits is passed over.
func parseKeys(body []byte) (map[string]*rsa.PublicKey, error) {
	keys := map[string]*rsa.PublicKey{}
	keep := func(kid string, key any) {
		if k, ok := key.(*rsa.PublicKey); ok && kid != "" && k.N.BitLen() >= 2048 {
			keys[kid] = k
		}
	}
	var jwks jose.JSONWebKeySet
	if json.Unmarshal(body, &jwks) == nil && jwks.Keys != nil {
		for _, k := range jwks.Keys {
			keep(k.KeyID, k.Key)
		}
	} else {
		var certificates map[string]string
		if err := json.Unmarshal(body, &certificates); err != nil {
			return nil, errors.New("neither a JWK set nor a map of certificates")
		}
		for kid, text := range certificates {
			if block, _ := pem.Decode([]byte(text)); block != nil {
				if cert, err := x509.ParseCertificate(block.Bytes); err == nil {
					keep(kid, cert.PublicKey)
				}
			}
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("no usable key")
	}
	return keys, nil
}
