package googleauth_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
)

// signer signs tokens with one key and serves it under settable key IDs. Its clock stands still but can be moved.
type signer struct {
	t       testing.TB
	key     *rsa.PrivateKey
	server  *httptest.Server
	fetches atomic.Int32
	mu      sync.Mutex
	kids    []string
	status  int
	start   time.Time
	ahead   atomic.Int64

	cacheControl, age string // headers of the keys
}

// signerKey is generated once, because that is slow.
var signerKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func newSigner(t testing.TB) *signer {
	t.Helper()
	key := signerKey()
	s := &signer{t: t, key: key, kids: []string{"k1"}, status: http.StatusOK, start: time.Now()}
	s.cacheControl, s.age = "public, max-age=3600", "600"
	s.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.fetches.Add(1)
		s.mu.Lock()
		defer s.mu.Unlock()
		w.Header().Set("Cache-Control", s.cacheControl)
		w.Header().Set("Age", s.age)
		w.WriteHeader(s.status)
		var set jose.JSONWebKeySet
		for _, kid := range s.kids {
			set.Keys = append(set.Keys, jose.JSONWebKey{Key: key.Public(), KeyID: kid, Algorithm: "RS256"})
		}
		_ = json.NewEncoder(w).Encode(set)
	}))
	t.Cleanup(s.server.Close)
	return s
}

func (s *signer) now() time.Time { return s.start.Add(time.Duration(s.ahead.Load())) }

func (s *signer) verifier() *googleauth.Verifier {
	keys := googleauth.NewKeySet(s.server.URL, http.DefaultTransport, s.now)
	return googleauth.NewVerifier(googleauth.Issuer, keys, s.now, "aud")
}

func (s *signer) token(kid string, change func(map[string]any)) config.Secret {
	s.t.Helper()
	claims := map[string]any{
		"iss": googleauth.Issuer, "aud": "aud", "sub": "1", "email": "ada@example.com", "email_verified": "true",
		"hd": "example.com", "nonce": "n", "iat": s.now().Unix(), "exp": s.now().Add(time.Hour).Unix(),
	}
	if change != nil {
		change(claims)
	}
	return s.sign(jose.RS256, s.key, kid, claims)
}

func (s *signer) sign(alg jose.SignatureAlgorithm, key any, kid string, claims any) config.Secret {
	s.t.Helper()
	options := (&jose.SignerOptions{}).WithHeader("kid", kid)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, options)
	if err != nil {
		s.t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		s.t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		s.t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		s.t.Fatal(err)
	}
	return config.NewSecret(text)
}

func (s *signer) set(status int, kids ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status, s.kids = status, kids
}

func TestVerifier_Claims(t *testing.T) {
	s := newSigner(t)
	for name, change := range map[string]func(map[string]any){
		"typical":                   nil,
		"issuer without the scheme": func(c map[string]any) { c["iss"] = "accounts.google.com" },
		"boolean email_verified":    func(c map[string]any) { c["email_verified"] = true },
		"clock skew":                func(c map[string]any) { c["iat"] = s.now().Add(50 * time.Second).Unix() },
	} {
		got, err := s.verifier().Verify(t.Context(), s.token("k1", change))
		want := googleauth.Claims{
			Subject: "1", Email: "ada@example.com", EmailVerified: true, Domain: "example.com", Nonce: "n",
		}
		if err != nil || got != want {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}

func TestVerifier_InvalidTokens(t *testing.T) {
	s := newSigner(t)
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	good := s.token("k1", nil).Reveal()
	parts := strings.Split(good, ".")
	public, err := json.Marshal(jose.JSONWebKey{Key: s.key.Public()})
	if err != nil {
		t.Fatal(err)
	}
	minimal := map[string]any{"iss": googleauth.Issuer, "aud": "aud"}
	set := func(name string, value any) config.Secret {
		return s.token("k1", func(c map[string]any) { c[name] = value })
	}
	remove := func(name string) config.Secret {
		return s.token("k1", func(c map[string]any) { delete(c, name) })
	}
	otherSignature := strings.Split(set("sub", "2").Reveal(), ".")[2]
	for name, token := range map[string]config.Secret{
		"other key, same kid":   s.sign(jose.RS256, other, "k1", minimal),
		"HS256 with public key": s.sign(jose.HS256, public, "k1", minimal),
		"PS256":                 s.sign(jose.PS256, s.key, "k1", minimal),
		"alg none":              config.NewSecret("eyJhbGciOiJub25lIiwia2lkIjoiazEifQ." + parts[1] + "."),
		"unknown kid":           s.token("k2", nil),
		"no kid":                s.token("", nil),
		"truncated":             config.NewSecret(good[:len(good)/2]),
		"other signature":       config.NewSecret(parts[0] + "." + parts[1] + "." + otherSignature),
		"null payload":          s.sign(jose.RS256, s.key, "k1", nil),
		"list payload":          s.sign(jose.RS256, s.key, "k1", []int{1}),
		"null header":           config.NewSecret("bnVsbA." + parts[1] + "." + parts[2]),
		"JSON serialization": config.NewSecret(
			`{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`),
		"empty":                    {},
		"other issuer":             set("iss", "https://accounts.google.com.evil.example"),
		"other audience":           set("aud", "other"),
		"two audiences":            set("aud", []string{"aud", "other"}),
		"no audience":              remove("aud"),
		"expired":                  set("exp", s.now().Add(-time.Second).Unix()),
		"no expiry":                remove("exp"),
		"not yet valid":            set("nbf", s.now().Add(time.Hour).Unix()),
		"issued in the future":     set("iat", s.now().Add(6*time.Minute).Unix()),
		"sub with a slash":         set("sub", "1/acts/2"),
		"address not text":         set("email", 7),
		"signature removed by IAM": config.NewSecret(parts[0] + "." + parts[1] + ".SIGNATURE_REMOVED_BY_GOOGLE"),
	} {
		if got, err := s.verifier().Verify(t.Context(), token); fault.KindOf(err) != fault.Unauthenticated {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}

func TestVerifier_NoSubject(t *testing.T) {
	s := newSigner(t) // Chat's tokens have no sub
	got, err := s.verifier().Verify(t.Context(), s.token("k1", func(c map[string]any) { delete(c, "sub") }))
	if err != nil || got.Subject != "" || got.Email != "ada@example.com" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestVerifier_CacheLifetime(t *testing.T) {
	s := newSigner(t)
	s.cacheControl = "max-age=60"
	v, token := s.verifier(), s.token("k1", nil)
	check := func(step string, ok bool) {
		t.Helper()
		got, err := v.Verify(t.Context(), token)
		if ok != (err == nil) || ok != (got.Subject == "1") || !ok && !errors.Is(err, googleauth.ErrUnknownKey) {
			t.Errorf("%s: %+v, %v", step, got, err)
		}
	}
	check("new", true)
	s.set(http.StatusOK, "k2")
	s.ahead.Add(int64(5*time.Minute - time.Second))
	check("cached", true)
	s.ahead.Add(int64(time.Second))
	check("after five minutes", false)
	s.set(http.StatusOK, "k1")
	s.ahead.Add(int64(time.Minute))
	check("a failure is not cached", true)
}

func TestNewVerifier_NoAudience(t *testing.T) {
	for name, create := range map[string]func(){
		"verifier":         func() { googleauth.NewVerifier(googleauth.Issuer, nil, time.Now, "") },
		"events, none":     func() { googleauth.NewEventVerifier("", nil, nil, time.Now) },
		"events, empty":    func() { googleauth.NewEventVerifier("", []string{""}, nil, time.Now) },
		"events, one of 2": func() { googleauth.NewEventVerifier("", []string{"c", ""}, nil, time.Now) },
	} {
		func() {
			defer func() {
				if text, _ := recover().(string); !strings.Contains(text, "empty") {
					t.Errorf("%s: recovered %q", name, text)
				}
			}()
			create()
		}()
	}
}

func TestClaims_Authoritative(t *testing.T) {
	for name, c := range map[string]struct {
		claims googleauth.Claims
		want   bool
	}{
		"gmail": {googleauth.Claims{Email: "ada@gmail.com", EmailVerified: true}, true},
		"own organization": {
			googleauth.Claims{Email: "a@Example.com", EmailVerified: true, Domain: "EXAMPLE.com"},
			true,
		},
		"not verified":    {googleauth.Claims{Email: "ada@gmail.com"}, false},
		"other domain":    {googleauth.Claims{Email: "a@x.com", EmailVerified: true, Domain: "example.com"}, false},
		"no organization": {googleauth.Claims{Email: "a@x.com", EmailVerified: true}, false},
		"no address":      {googleauth.Claims{EmailVerified: true}, false},
	} {
		if got := c.claims.Authoritative(); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestKeySet_Freshness(t *testing.T) {
	for name, c := range map[string]struct {
		cacheControl, age string
		want              time.Duration
	}{
		"none":            {"", "", 5 * time.Minute},
		"not max-age":     {"s-max-age=7200", "", 5 * time.Minute},
		"max-age":         {"max-age=7200", "", 2 * time.Hour},
		"after others":    {"no-transform,max-age=7200", "", 2 * time.Hour},
		"less age":        {"public, max-age=7200", "3600", time.Hour},
		"age is not text": {"max-age=7200", "x", 2 * time.Hour},
		"at least":        {"max-age=1", "", time.Minute},
		"at most":         {"max-age=999999999", "", 24 * time.Hour},
	} {
		s := newSigner(t)
		s.cacheControl, s.age = c.cacheControl, c.age
		keys := googleauth.NewKeySet(s.server.URL, http.DefaultTransport, s.now)
		keys.Prefetch(t.Context())
		s.ahead.Add(int64(c.want - time.Second))
		keys.Prefetch(t.Context())
		if n := s.fetches.Load(); n != 1 {
			t.Errorf("%s: %d fetches just before %v", name, n, c.want)
		}
		s.ahead.Add(int64(time.Second))
		if keys.Prefetch(t.Context()); s.fetches.Load() != 2 {
			t.Errorf("%s: not fetched again after %v", name, c.want)
		}
	}
}

// fixed answers every request with a function's result.
type fixed func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f fixed) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func body(text string) fixed {
	return func(*http.Request) (*http.Response, error) {
		w := httptest.NewRecorder()
		_, _ = w.WriteString(text)
		return w.Result(), nil
	}
}

// certificate returns a self-signed certificate in PEM.
func certificate(t *testing.T, key crypto.Signer) string {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func TestKeySet_Formats(t *testing.T) {
	s := newSigner(t)
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	text := func(v any) fixed {
		out, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return body(string(out))
	}
	certificates := text(map[string]string{
		"k1": certificate(t, s.key), "": certificate(t, s.key), "ec": certificate(t, ec), "text": "x",
		"garbage": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
	})
	set := text(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: ec.Public(), KeyID: "ec"}, {Key: s.key.Public()}, {Key: s.key.Public(), KeyID: "k1"},
	}})
	for name, base := range map[string]fixed{"certificates": certificates, "JWK set": set} {
		keys := googleauth.NewKeySet("http://google/", base, s.now)
		if payload, err := keys.VerifySignature(t.Context(), s.token("k1", nil).Reveal()); err != nil ||
			!strings.Contains(string(payload), `"sub":"1"`) {
			t.Errorf("%s: %s, %v", name, payload, err)
		}
		for _, kid := range []string{"", "ec", "text", "garbage"} {
			payload, err := keys.VerifySignature(t.Context(), s.token(kid, nil).Reveal())
			if !errors.Is(err, googleauth.ErrUnknownKey) || payload != nil {
				t.Errorf("%s, key %q: %v", name, kid, err)
			}
		}
		long := s.token("k1", func(c map[string]any) { c["x"] = strings.Repeat("x", 8<<10) }).Reveal()
		if _, err := keys.VerifySignature(t.Context(), long); !errors.Is(err, googleauth.ErrInvalidJWT) {
			t.Errorf("%s, too long: %v", name, err)
		}
	}
}

func TestKeySet_Unusable(t *testing.T) {
	s := newSigner(t)
	for name, c := range map[string]struct {
		base fixed
		kind fault.Kind
		log  string
	}{
		"not JSON":        {body("x"), fault.Unavailable, "not a JWK set"},
		"no keys":         {body(`{"keys":null}`), fault.Unavailable, "no usable key"},
		"empty set":       {body(`{"keys":[]}`), fault.Unavailable, "no usable key"},
		"no certificates": {body(`{}`), fault.Unavailable, "no usable key"},
		"no connection": {
			func(*http.Request) (*http.Response, error) { return nil, errors.New("refused") }, fault.Unavailable,
			"refused",
		},
		"incomplete": {func(*http.Request) (*http.Response, error) {
			return &http.Response{
				StatusCode: http.StatusOK,
				Body:       io.NopCloser(iotest.ErrReader(errors.New("reset"))),
			}, nil
		}, fault.Unavailable, "reset"},
		"bug": {func(*http.Request) (*http.Response, error) { panic("a bug") }, fault.Internal, "a bug"},
	} {
		keys := googleauth.NewKeySet("http://google/", c.base, s.now)
		_, err := keys.VerifySignature(t.Context(), s.token("k1", nil).Reveal())
		if fault.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.log) {
			t.Errorf("%s: %v", name, err)
		}
	}
	keys := googleauth.NewKeySet("http://[", http.DefaultTransport, s.now)
	if _, err := keys.VerifySignature(t.Context(),
		s.token("k1", nil).Reveal()); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("invalid URL: %v", err)
	}
}

func TestKeySet_Timeouts(t *testing.T) {
	token := newSigner(t).token("k1", nil).Reveal()
	for name, limit := range map[string]time.Duration{"fetch": time.Hour, "request": time.Second} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			keys, start := googleauth.NewKeySet("http://google/", &silent{}, time.Now), time.Now()
			_, err := keys.VerifySignature(ctx, token)
			if took := time.Since(start); fault.KindOf(err) != fault.Unavailable || took != min(limit, 3*time.Second) {
				t.Errorf("%s: %v in %v", name, err, took)
			}
			time.Sleep(3 * time.Second) // by the bubble's clock: the fetch outlives the request
		})
	}
}

func TestKeySet_InventedKeyIDs(t *testing.T) {
	s := newSigner(t)
	v := s.verifier()
	var wg sync.WaitGroup
	for i := range 1000 {
		wg.Go(func() {
			header := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"alg":"RS256","kid":"invented-%d"}`, i))
			_, err := v.Verify(t.Context(), config.NewSecret(header+".e30.AAAA"))
			if fault.KindOf(err) != fault.Unauthenticated || !strings.Contains(err.Error(), "unknown key id") {
				t.Errorf("got %v", err)
			}
		})
	}
	wg.Wait()
	if got := s.fetches.Load(); got != 1 {
		t.Errorf("fetches: got %d, want 1", got)
	}
}

func TestKeySet_RotationAndMaxAge(t *testing.T) {
	s := newSigner(t)
	v := s.verifier()
	check := func(step string, token config.Secret, want fault.Kind, fetches int32) {
		t.Helper()
		_, err := v.Verify(t.Context(), token)
		if (err == nil) != (want == -1) || (err != nil && fault.KindOf(err) != want) {
			t.Errorf("%s: got %v", step, err)
		}
		if got := s.fetches.Load(); got != fetches {
			t.Errorf("%s: fetches: got %d, want %d", step, got, fetches)
		}
	}
	check("cold", s.token("k1", nil), valid, 1)
	s.set(http.StatusOK, "k1", "k2")
	check("immediately after rotation", s.token("k2", nil), fault.Unauthenticated, 1)
	s.ahead.Add(int64(59 * time.Second))
	check("just before a minute", s.token("k2", nil), fault.Unauthenticated, 1)
	s.ahead.Add(int64(time.Second))
	check("a minute after rotation", s.token("k2", nil), valid, 2)
	s.ahead.Add(int64(49 * time.Minute)) // max-age 3600 minus Age 600
	check("within max-age", s.token("k1", nil), valid, 2)
	s.ahead.Add(int64(2 * time.Minute))
	check("after max-age", s.token("k1", nil), valid, 3)

	s.set(http.StatusInternalServerError)
	s.ahead.Add(int64(2 * time.Minute))
	check("unknown kid during an outage", s.token("k3", nil), fault.Unavailable, 6) // three tries
	check("known kid during an outage", s.token("k1", nil), valid, 6)
}

func TestKeySet_InventedKeyIDsDuringOutage(t *testing.T) {
	s := newSigner(t)
	s.set(http.StatusInternalServerError)
	v := s.verifier()
	for i := range 100 {
		_, err := v.Verify(t.Context(), s.token(fmt.Sprintf("invented-%d", i), nil))
		if fault.KindOf(err) != fault.Unavailable {
			t.Fatalf("got %v", err)
		}
	}
	if got := s.fetches.Load(); got != 3 {
		t.Errorf("fetches: got %d, want 3", got)
	}
}

func TestVerifier_CachedTokenExpires(t *testing.T) {
	s := newSigner(t)
	s.set(http.StatusOK, "one")
	v := s.verifier()
	token := s.token("one", func(c map[string]any) { c["exp"] = s.now().Add(2 * time.Minute).Unix() })
	for range 2 {
		if got, err := v.Verify(t.Context(), token); err != nil || got.Subject == "" {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	// Attack: the claims of a cached token with another signature.
	parts := strings.Split(token.Reveal(), ".")
	forged := parts[0] + "." + parts[1] + "." + strings.Split(s.token("one", nil).Reveal(), ".")[2]
	if _, err := v.Verify(t.Context(), config.NewSecret(forged)); !errors.Is(err, googleauth.ErrSignature) {
		t.Errorf("a forged signature: %v", err)
	}
	s.ahead.Add(int64(2*time.Minute + time.Second))
	if _, err := v.Verify(t.Context(), token); fault.KindOf(err) != fault.Unauthenticated {
		t.Errorf("expired: %v", err)
	}
}

func TestVerifier_CachedTokenOfRevokedKey(t *testing.T) {
	s := newSigner(t)
	s.set(http.StatusOK, "one", "two")
	v := s.verifier()
	token := s.token("one", func(c map[string]any) { c["exp"] = s.now().Add(3 * time.Hour).Unix() })
	if _, err := v.Verify(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	s.set(http.StatusOK, "two")
	s.ahead.Add(int64(2 * time.Hour)) // also past the keys' max-age
	if _, err := v.Verify(t.Context(), token); !errors.Is(err, googleauth.ErrUnknownKey) {
		t.Errorf("%v", err)
	}
}

func TestKeySet_RetryAfterFailedFetch(t *testing.T) {
	s := newSigner(t)
	s.set(http.StatusOK, "old")
	v := s.verifier()
	if _, err := v.Verify(t.Context(), s.token("old", nil)); err != nil {
		t.Fatal(err)
	}
	s.ahead.Add(int64(2 * time.Minute))
	s.set(http.StatusInternalServerError, "old", "new")
	if _, err := v.Verify(t.Context(), s.token("new", nil)); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("failed fetch: %v", err)
	}
	s.set(http.StatusOK, "old", "new")
	s.ahead.Add(int64(6 * time.Second))
	if _, err := v.Verify(t.Context(), s.token("new", nil)); err != nil {
		t.Errorf("seconds later: %v", err)
	}
}

// docs/performance.md says how to compare results with benchstat.
func BenchmarkVerify(b *testing.B) {
	for name, same := range map[string]bool{"same token": true, "different tokens": false} {
		b.Run(name, func(b *testing.B) {
			s := newSigner(b)
			s.set(http.StatusOK, "one")
			v := s.verifier()
			tokens := make([]config.Secret, 1_500) // more than the cache holds
			for i := range tokens {
				tokens[i] = s.token("one", func(c map[string]any) { c["jti"] = i })
			}
			b.ReportAllocs()
			b.ResetTimer()
			for i := 0; i < b.N; i++ {
				token := tokens[0]
				if !same {
					token = tokens[i%len(tokens)]
				}
				if _, err := v.Verify(b.Context(), token); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Attack: a token signed with a key short enough to be broken.
func TestKeySet_ShortRSAKey(t *testing.T) {
	s := newSigner(t)
	short, err := rsa.GenerateKey(rand.Reader, 1024) //nolint:gosec // short on purpose
	if err != nil {
		t.Skipf("NOT TESTED: short RSA keys; this version of Go generates none: %v", err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
			{Key: s.key.Public(), KeyID: "long", Algorithm: "RS256"},
			{Key: short.Public(), KeyID: "short", Algorithm: "RS256"},
		}}
		_ = json.NewEncoder(w).Encode(set)
	}))
	defer server.Close()
	keys := googleauth.NewKeySet(server.URL, http.DefaultTransport, s.now)
	v := googleauth.NewVerifier(googleauth.Issuer, keys, s.now, "client")
	claims := map[string]any{
		"iss": googleauth.Issuer, "aud": "client", "sub": "1",
		"iat": s.now().Unix(), "exp": s.now().Add(time.Hour).Unix(),
	}
	if _, err := v.Verify(t.Context(), s.sign(jose.RS256, s.key, "long", claims)); err != nil {
		t.Errorf("2048-bit key: %v", err)
	}
	_, err = v.Verify(t.Context(), s.sign(jose.RS256, short, "short", claims))
	if !errors.Is(err, googleauth.ErrUnknownKey) {
		t.Errorf("1024-bit key: %v", err)
	}
}

func TestVerifier_TokenTooLong(t *testing.T) {
	s := newSigner(t)
	token := s.token("k1", func(c map[string]any) { c["padding"] = strings.Repeat("x", 8<<10) })
	_, err := s.verifier().Verify(t.Context(), token)
	if fault.KindOf(err) != fault.Unauthenticated || s.fetches.Load() != 0 {
		t.Errorf("%v, %d fetches", err, s.fetches.Load())
	}
}
