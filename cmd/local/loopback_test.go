package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// A page on the internet makes its own name point to this machine, or posts across sites. Neither listener answers.
func TestAttack_DNSRebinding(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if len(w.servers) != 2 {
		t.Fatalf("%d listeners", len(w.servers))
	}
	for i, server := range w.servers {
		for name, c := range map[string]struct{ method, host, origin string }{
			"name":               {"GET", "evil.example", ""},
			"name with a port":   {"POST", "evil.example:8080", ""},
			"look-alike":         {"GET", "127.0.0.1.evil.example", ""},
			"another site posts": {"POST", "127.0.0.1:8080", "https://evil.example"},
		} {
			r := httptest.NewRequestWithContext(t.Context(), c.method, "/", nil)
			r.Host = c.host
			if c.origin != "" {
				r.Header.Set("Origin", c.origin)
			}
			answer := httptest.NewRecorder()
			server.Handler.ServeHTTP(answer, r)
			if answer.Code != http.StatusForbidden {
				t.Errorf("listener %d, %s: got %d", i, name, answer.Code)
			}
		}
	}
}
