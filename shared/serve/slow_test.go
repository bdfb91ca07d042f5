package serve_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/serve"
)

// Attack: a thousand connections that send only the first byte of their bodies.
func TestLimiter_SlowConnections(t *testing.T) {
	served := atomic.Int32{}
	e := newEndpoint(io.Discard)
	e.Limiter = serve.NewLimiter(2)
	errs := make(chan error, 1000)
	e.WriteError = func(_ http.ResponseWriter, _ *http.Request, err error) { errs <- err }
	server := httptest.NewServer(e.Handler(func(http.ResponseWriter, *http.Request) error {
		served.Add(1)
		return nil
	}))
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	const slow = 1000
	conns := make([]net.Conn, 0, slow)
	for range slow {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		if _, err := fmt.Fprint(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"); err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
	}
	for range 20 {
		res, err := http.Post(server.URL, "application/json", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Fatalf("a complete request: status %d", res.StatusCode)
		}
	}
	if got := served.Load(); got != 20 {
		t.Errorf("served %d requests", got)
	}
	for range slow { // each fails at its read deadline
		if err := <-errs; fault.KindOf(err) != fault.Invalid {
			t.Fatalf("got %v", err)
		}
	}
	if len(conns) != slow || served.Load() != 20 {
		t.Errorf("served %d requests", served.Load())
	}
}

// Attack: many requests for /ready, which is public.
func TestWithReadyCheck_CachesResult(t *testing.T) {
	var checks, ahead atomic.Int64
	broken := atomic.Bool{}
	release := make(chan struct{})
	start := time.Now()
	h := serve.WithReadyCheck(func(context.Context) error {
		checks.Add(1)
		<-release
		if broken.Load() {
			return fault.New(fault.Unavailable, fault.NoText)
		}
		return nil
	}, func() time.Time { return start.Add(time.Duration(ahead.Load())) }, http.NotFoundHandler())
	get := func() int {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/ready", nil))
		return w.Code
	}
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			if got := get(); got != http.StatusOK {
				t.Errorf("got %d", got)
			}
		})
	}
	close(release)
	wg.Wait()
	broken.Store(true)
	if got := get(); got != http.StatusOK || checks.Load() != 1 {
		t.Errorf("immediately: %d, %d checks", got, checks.Load())
	}
	ahead.Store(int64(3 * time.Second))
	if got := get(); got != http.StatusServiceUnavailable || checks.Load() != 2 {
		t.Errorf("after three seconds: %d, %d checks", got, checks.Load())
	}
}

func TestWithReadyCheck_CheckPanics(t *testing.T) {
	h := serve.WithReadyCheck(func(context.Context) error { panic("a bug") }, time.Now, http.NotFoundHandler())
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/ready", nil))
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("got %d", w.Code)
	}
}
