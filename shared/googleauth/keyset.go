package googleauth

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/singleflight"

	"example.com/deputy/shared/fault"
)

const (
	keysTime   = 3 * time.Second // of one fetch
	refetch    = time.Minute     // at the soonest, for a key id that is not there
	lull       = 5 * time.Second // after a fetch that failed
	defaultAge = 5 * time.Minute // of an answer that names no max-age
	maxAge     = 24 * time.Hour
)

// KeySet are the public keys behind one address, as a JWK set or as a map of
// key ids to x509 certificates. It implements oidc.KeySet.
//
// The answer's max-age is honoured, and a key id that is not there makes one
// new fetch a minute at most, so invented ids cost Google and us nothing; after
// a fetch that failed the next waits some seconds.
// Requests that need a fetch at once share it. It is safe for concurrent use.
type KeySet struct {
	url  string
	http *http.Client
	now  func() time.Time

	flight singleflight.Group
	mu     sync.Mutex
	keys   map[string]*rsa.PublicKey
	until  time.Time
	tried  time.Time // the last fetch, good or bad
	failed error     // why the last fetch failed; nil if it did not
}

// NewKeySet is the keys at url, fetched over base when first needed.
func NewKeySet(url string, base http.RoundTripper, now func() time.Time) *KeySet {
	return &KeySet{url: url, http: &http.Client{Transport: base}, now: now}
}

// VerifySignature gives the payload of a compact JWT that is signed RS256 with
// one of the keys. Unauthenticated when it is not, Unavailable when the keys
// cannot be had.
func (s *KeySet) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	token, err := jose.ParseSignedCompact(jwt, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		// jose's text may quote the token.
		return nil, unsigned("not a compact JWT signed RS256")
	}
	key, err := s.key(ctx, token.Signatures[0].Protected.KeyID)
	if err != nil {
		return nil, err
	}
	payload, err := token.Verify(key)
	if err != nil {
		return nil, unsigned("wrong signature")
	}
	return payload, nil
}

func unsigned(why string) error {
	return &fault.Error{Op: "googleauth.KeySet", Kind: fault.Unauthenticated, Err: errors.New(why)}
}

func (s *KeySet) key(ctx context.Context, kid string) (*rsa.PublicKey, error) {
	key, fetch := s.look(kid)
	if err := s.unusable(); err != nil && !fetch {
		return nil, err
	}
	if !fetch {
		return key, missing(key)
	}
	// The fetch is everybody's: it must outlive the request that began it.
	done := s.flight.DoChan("", func() (any, error) {
		if _, fetch := s.look(kid); fetch { // not done by the flight before this one
			s.fetch(context.WithoutCancel(ctx))
		}
		return nil, nil
	})
	select {
	case <-done:
		key, _ := s.look(kid)
		if err := s.unusable(); err != nil {
			return nil, err
		}
		return key, missing(key)
	case <-ctx.Done():
		return nil, &fault.Error{Op: "googleauth.KeySet", Kind: fault.Unavailable, Err: ctx.Err()}
	}
}

func missing(key *rsa.PublicKey) error {
	if key == nil {
		return unsigned("unknown key id")
	}
	return nil
}

// look finds a key among the ones at hand and tells whether a fetch is due.
func (s *KeySet) look(kid string) (key *rsa.PublicKey, fetch bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if !now.Before(s.until) {
		return nil, s.failed == nil || now.Sub(s.tried) >= lull
	}
	key = s.keys[kid]
	return key, key == nil && now.Sub(s.tried) >= refetch
}

// unusable is why there are no keys at hand at all.
func (s *KeySet) unusable() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now().Before(s.until) {
		return nil
	}
	return s.failed
}

func (s *KeySet) fetch(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, keysTime)
	defer cancel()
	keys, age, err := s.load(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tried = s.now()
	if s.failed = nil; err != nil {
		s.failed = &fault.Error{Op: "googleauth.KeySet", Kind: fault.Unavailable, Err: fmt.Errorf("keys at %s: %w", s.url, err)}
		return
	}
	s.keys, s.until = keys, s.tried.Add(age)
}

func (s *KeySet) load(ctx context.Context) (map[string]*rsa.PublicKey, time.Duration, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return nil, 0, err
	}
	res, err := s.http.Do(req)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return nil, 0, fmt.Errorf("status %d", res.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return nil, 0, err
	}
	keys, err := parseKeys(body)
	return keys, ageOf(res.Header), err
}

var maxAgeOf = regexp.MustCompile(`(?:^|[ ,])max-age=(\d{1,9})`)

// ageOf is how long the answer may be used (RFC 9111: max-age less Age).
func ageOf(h http.Header) time.Duration {
	m := maxAgeOf.FindStringSubmatch(h.Get("Cache-Control"))
	if m == nil {
		return defaultAge
	}
	seconds, _ := strconv.Atoi(m[1])       // digits: never fails
	spent, _ := strconv.Atoi(h.Get("Age")) // absent or odd: 0
	return min(max(time.Duration(seconds-spent)*time.Second, refetch), maxAge)
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
