package googleauth_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
)

// signer is a Google of one key, whose certificates can be rotated and broken.
type signer struct {
	t       testing.TB
	key     *rsa.PrivateKey
	server  *httptest.Server
	fetches atomic.Int32
	mu      sync.Mutex
	kids    []string
	status  int
	ahead   atomic.Int64
}

func newSigner(t testing.TB) *signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	s := &signer{t: t, key: key, kids: []string{"k1"}, status: http.StatusOK}
	s.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.fetches.Add(1)
		s.mu.Lock()
		defer s.mu.Unlock()
		w.Header().Set("Cache-Control", "public, max-age=3600")
		w.Header().Set("Age", "600")
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

func (s *signer) now() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }

func (s *signer) verifier() *googleauth.Verifier {
	keys := googleauth.NewKeySet(s.server.URL, http.DefaultTransport, s.now)
	return googleauth.NewVerifier(googleauth.Issuer, "aud", keys, s.now)
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
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", kid))
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

func TestAGoodTokenGivesItsClaims(t *testing.T) {
	s := newSigner(t)
	for name, change := range map[string]func(map[string]any){
		"as Google writes it":       nil,
		"issuer without the scheme": func(c map[string]any) { c["iss"] = "accounts.google.com" },
		"verified as a boolean":     func(c map[string]any) { c["email_verified"] = true },
		"a clock a little ahead":    func(c map[string]any) { c["iat"] = s.now().Add(50 * time.Second).Unix() },
	} {
		got, err := s.verifier().Verify(t.Context(), s.token("k1", change))
		want := googleauth.Claims{Subject: "1", Email: "ada@example.com", EmailVerified: true, Domain: "example.com", Nonce: "n"}
		if err != nil || got != want {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}

func TestATokenThatIsNotRightIsUnauthenticated(t *testing.T) {
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
	for name, token := range map[string]config.Secret{
		"another key under our kid":  s.sign(jose.RS256, other, "k1", map[string]any{"iss": googleauth.Issuer, "aud": "aud"}),
		"HS256 with the public key":  s.sign(jose.HS256, public, "k1", map[string]any{"iss": googleauth.Issuer, "aud": "aud"}),
		"PS256":                      s.sign(jose.PS256, s.key, "k1", map[string]any{"iss": googleauth.Issuer, "aud": "aud"}),
		"alg none":                   config.NewSecret("eyJhbGciOiJub25lIiwia2lkIjoiazEifQ." + parts[1] + "."),
		"unknown kid":                s.token("k2", nil),
		"no kid":                     s.token("", nil),
		"truncated":                  config.NewSecret(good[:len(good)/2]),
		"signature of another":       config.NewSecret(parts[0] + "." + parts[1] + "." + strings.Split(s.token("k1", func(c map[string]any) { c["sub"] = "2" }).Reveal(), ".")[2]),
		"null payload":               s.sign(jose.RS256, s.key, "k1", nil),
		"a list as payload":          s.sign(jose.RS256, s.key, "k1", []int{1}),
		"null header":                config.NewSecret("bnVsbA." + parts[1] + "." + parts[2]),
		"JSON serialization":         config.NewSecret(`{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`),
		"empty":                      {},
		"another issuer":             s.token("k1", func(c map[string]any) { c["iss"] = "https://accounts.google.com.evil.example" }),
		"another audience":           s.token("k1", func(c map[string]any) { c["aud"] = "other" }),
		"two audiences":              s.token("k1", func(c map[string]any) { c["aud"] = []string{"aud", "other"} }),
		"no audience":                s.token("k1", func(c map[string]any) { delete(c, "aud") }),
		"expired":                    s.token("k1", func(c map[string]any) { c["exp"] = s.now().Add(-time.Second).Unix() }),
		"no end":                     s.token("k1", func(c map[string]any) { delete(c, "exp") }),
		"not yet valid":              s.token("k1", func(c map[string]any) { c["nbf"] = s.now().Add(time.Hour).Unix() }),
		"issued in the future":       s.token("k1", func(c map[string]any) { c["iat"] = s.now().Add(2 * time.Minute).Unix() }),
		"signature taken off by IAM": config.NewSecret(parts[0] + "." + parts[1] + ".SIGNATURE_REMOVED_BY_GOOGLE"),
	} {
		if got, err := s.verifier().Verify(t.Context(), token); fault.KindOf(err) != fault.Unauthenticated {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}

func TestAThousandInventedKeyIDsCauseOneFetch(t *testing.T) {
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

func TestARotatedKeyIsFoundWithinAMinuteAndMaxAgeIsHonoured(t *testing.T) {
	s := newSigner(t)
	v := s.verifier()
	check := func(when string, token config.Secret, want fault.Kind, fetches int32) {
		t.Helper()
		_, err := v.Verify(t.Context(), token)
		if (err == nil) != (want == -1) || (err != nil && fault.KindOf(err) != want) {
			t.Errorf("%s: got %v", when, err)
		}
		if got := s.fetches.Load(); got != fetches {
			t.Errorf("%s: fetches: got %d, want %d", when, got, fetches)
		}
	}
	const fine fault.Kind = -1
	check("cold", s.token("k1", nil), fine, 1)
	s.set(http.StatusOK, "k1", "k2")
	check("rotated, at once", s.token("k2", nil), fault.Unauthenticated, 1)
	s.ahead.Add(int64(time.Minute))
	check("rotated, a minute later", s.token("k2", nil), fine, 2)
	s.ahead.Add(int64(49 * time.Minute)) // max-age 3600 less Age 600
	check("within max-age", s.token("k1", nil), fine, 2)
	s.ahead.Add(int64(2 * time.Minute))
	check("after max-age", s.token("k1", nil), fine, 3)

	s.set(http.StatusInternalServerError)
	s.ahead.Add(int64(2 * time.Minute))
	check("an unknown kid while Google is down", s.token("k3", nil), fault.Unavailable, 4)
	check("a known one goes on", s.token("k1", nil), fine, 4)
	s.ahead.Add(int64(time.Hour))
	check("down for longer than max-age", s.token("k1", nil), fault.Unavailable, 5)
	s.set(http.StatusOK, "k1")
	check("back again, at once", s.token("k1", nil), fault.Unavailable, 5)
	s.ahead.Add(int64(5 * time.Second))
	check("back again, seconds later", s.token("k1", nil), fine, 6)
}

func TestInventedKeyIDsWhileGoogleIsDownCauseOneFetch(t *testing.T) {
	s := newSigner(t)
	s.set(http.StatusInternalServerError)
	v := s.verifier()
	for i := range 100 {
		if _, err := v.Verify(t.Context(), s.token(fmt.Sprintf("invented-%d", i), nil)); fault.KindOf(err) != fault.Unavailable {
			t.Fatalf("got %v", err)
		}
	}
	if got := s.fetches.Load(); got != 1 {
		t.Errorf("fetches: got %d, want 1", got)
	}
}

func TestATokenThatWasVerifiedCountsAgainUntilItsEndAndNoLonger(t *testing.T) {
	s := newSigner(t)
	s.set(http.StatusOK, "one")
	v := s.verifier()
	token := s.token("one", func(c map[string]any) { c["exp"] = s.now().Add(2 * time.Minute).Unix() })
	for range 2 {
		if got, err := v.Verify(t.Context(), token); err != nil || got.Subject == "" {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	// Attack: the claims of a token that is known, with another signature.
	known := strings.Split(token.Reveal(), ".")
	forged := known[0] + "." + known[1] + "." + strings.Split(s.token("one", nil).Reveal(), ".")[2]
	if _, err := v.Verify(t.Context(), config.NewSecret(forged)); !errors.Is(err, googleauth.ErrSignature) {
		t.Errorf("a forged signature: %v", err)
	}
	s.ahead.Add(int64(2*time.Minute + time.Second))
	if _, err := v.Verify(t.Context(), token); fault.KindOf(err) != fault.Unauthenticated {
		t.Errorf("past its end: %v", err)
	}
}

func TestAKeyThatGoogleTakesBackEndsAKnownTokenWithinMinutes(t *testing.T) {
	s := newSigner(t)
	s.set(http.StatusOK, "one", "two")
	v := s.verifier()
	token := s.token("one", func(c map[string]any) { c["exp"] = s.now().Add(3 * time.Hour).Unix() })
	if _, err := v.Verify(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	s.set(http.StatusOK, "two")
	s.ahead.Add(int64(2 * time.Hour)) // past the keys' max-age, too
	if _, err := v.Verify(t.Context(), token); !errors.Is(err, googleauth.ErrUnknownKey) {
		t.Errorf("%v", err)
	}
}

func TestANewKeyIsFoundSoonAfterAFetchForItHasFailed(t *testing.T) {
	s := newSigner(t)
	s.set(http.StatusOK, "old")
	v := s.verifier()
	if _, err := v.Verify(t.Context(), s.token("old", nil)); err != nil {
		t.Fatal(err)
	}
	s.ahead.Add(int64(2 * time.Minute))
	s.set(http.StatusInternalServerError, "old", "new")
	if _, err := v.Verify(t.Context(), s.token("new", nil)); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("the keys cannot be had: %v", err)
	}
	s.set(http.StatusOK, "old", "new")
	s.ahead.Add(int64(6 * time.Second))
	if _, err := v.Verify(t.Context(), s.token("new", nil)); err != nil {
		t.Errorf("some seconds later: %v", err)
	}
}

// Compared with benchstat, as docs/performance.md says.
func BenchmarkVerify(b *testing.B) {
	for name, same := range map[string]bool{"a token that is known": true, "another each time": false} {
		b.Run(name, func(b *testing.B) {
			s := newSigner(b)
			s.set(http.StatusOK, "one")
			v := s.verifier()
			tokens := make([]config.Secret, 1_500) // more than are remembered
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

// A key that is short enough to be broken must sign nothing.
func TestAKeyOfLessThan2048BitsSignsNothing(t *testing.T) {
	s := newSigner(t)
	short, err := rsa.GenerateKey(rand.Reader, 1024) //nolint:gosec // that is the point
	if err != nil {
		t.Skipf("NOT TESTED: short RSA keys; this Go makes none: %v", err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
			{Key: s.key.Public(), KeyID: "good", Algorithm: "RS256"}, {Key: short.Public(), KeyID: "short", Algorithm: "RS256"},
		}}
		_ = json.NewEncoder(w).Encode(set)
	}))
	defer server.Close()
	verifier := googleauth.NewVerifier(googleauth.Issuer, "client", googleauth.NewKeySet(server.URL, http.DefaultTransport, s.now), s.now)
	claims := map[string]any{"iss": googleauth.Issuer, "aud": "client", "sub": "1", "iat": s.now().Unix(), "exp": s.now().Add(time.Hour).Unix()}
	if _, err := verifier.Verify(t.Context(), s.sign(jose.RS256, s.key, "good", claims)); err != nil {
		t.Errorf("the good key: %v", err)
	}
	if _, err := verifier.Verify(t.Context(), s.sign(jose.RS256, short, "short", claims)); !errors.Is(err, googleauth.ErrUnknownKey) {
		t.Errorf("the short key: %v", err)
	}
}

func TestATokenOfMoreThan8KiBIsNotDecoded(t *testing.T) {
	s := newSigner(t)
	if _, err := s.verifier().Verify(t.Context(), s.token("k1", func(c map[string]any) { c["padding"] = strings.Repeat("x", 8<<10) })); fault.KindOf(err) != fault.Unauthenticated || s.fetches.Load() != 0 {
		t.Errorf("%v, %d fetches", err, s.fetches.Load())
	}
}
