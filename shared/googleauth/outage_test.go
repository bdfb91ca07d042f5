package googleauth_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
)

// certs is a transport to Google's keys.
type certs struct {
	fetches, failing atomic.Int64 // how many there were, and how many of the next ones fail
	hangs            atomic.Int64 // how long each fetch takes, in nanoseconds
}

// RoundTrip implements http.RoundTripper.
func (c *certs) RoundTrip(r *http.Request) (*http.Response, error) {
	c.fetches.Add(1)
	select {
	case <-time.After(time.Duration(c.hangs.Load())):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	w := httptest.NewRecorder()
	if c.failing.Add(-1) >= 0 {
		w.WriteHeader(http.StatusInternalServerError)
		return w.Result(), nil
	}
	w.Header().Set("Cache-Control", "max-age=3600")
	key := jose.JSONWebKey{Key: signerKey().Public(), KeyID: "k1", Algorithm: "RS256"}
	err := json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{key}})
	return w.Result(), err
}

const always = 1 << 20

// While Google's keys can't be fetched, the old ones are used for hours, without waiting (RFC 5861).
func TestKeySet_OldKeysDuringOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &certs{}
		keys := googleauth.NewKeySet("https://google.example/certs", c, time.Now)
		v := googleauth.NewVerifier(googleauth.Issuer, keys, time.Now, "aud")
		s := &signer{t: t, key: signerKey(), start: time.Now()}
		token := func() config.Secret {
			return s.token("k1", func(claims map[string]any) {
				claims["iat"], claims["exp"] = time.Now().Unix(), time.Now().Add(time.Minute).Unix()
			})
		}
		verify := func(step string, want fault.Kind, atMost time.Duration) {
			t.Helper()
			start := time.Now()
			_, err := v.Verify(t.Context(), token())
			if (err == nil) != (want == valid) || err != nil && fault.KindOf(err) != want {
				t.Errorf("%s: got %v", step, err)
			}
			if took := time.Since(start); took > atMost {
				t.Errorf("%s: took %v", step, took)
			}
			synctest.Wait()
		}
		c.failing.Store(1)
		verify("one failure at a cold start", valid, time.Second)
		time.Sleep(2 * time.Hour)
		c.failing.Store(always)
		verify("expired, the first request", valid, 4*time.Second)
		verify("expired, the next", valid, 0)
		time.Sleep(10 * time.Second)
		c.hangs.Store(int64(time.Minute))
		verify("tried again in the background", valid, 0)
		fetched := c.fetches.Load()
		time.Sleep(10 * time.Second)
		verify("and again", valid, 0)
		if c.fetches.Load() == fetched {
			t.Error("not tried again")
		}
		c.failing.Store(0)
		c.hangs.Store(0)
		time.Sleep(10 * time.Second)
		verify("after the outage", valid, 0)
		fetched = c.fetches.Load()
		verify("fresh", valid, 0)
		if c.fetches.Load() != fetched {
			t.Error("fetched again")
		}
		c.failing.Store(always)
		time.Sleep(8 * time.Hour)
		verify("too old", fault.Unavailable, 4*time.Second)
		c.failing.Store(0)
		time.Sleep(2 * time.Second)
		verify("back", valid, time.Second)
		time.Sleep(8 * time.Hour)
		c.hangs.Store(int64(2 * time.Second))
		verify("slow", valid, 3*time.Second)
	})
}

const valid fault.Kind = -1
