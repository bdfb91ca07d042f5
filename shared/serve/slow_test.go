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

// S13: a thousand connections that send one byte of their body, and no more, must
// keep nobody out.
func TestAThousandSlowConnectionsTakeNoPlace(t *testing.T) {
	served := atomic.Int32{}
	d := door(io.Discard)
	d.Limiter = serve.NewLimiter(2)
	refused := make(chan error, 1000)
	d.Fail = func(_ http.ResponseWriter, _ *http.Request, err error) { refused <- err }
	server := httptest.NewServer(d.Handler(func(http.ResponseWriter, *http.Request) error { served.Add(1); return nil }))
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
			t.Fatalf("an honest request was answered %d", res.StatusCode)
		}
	}
	if got := served.Load(); got != 20 {
		t.Errorf("%d were served", got)
	}
	for range slow { // each ends at its read deadline
		if err := <-refused; fault.KindOf(err) != fault.Invalid {
			t.Fatalf("got %v", err)
		}
	}
	if len(conns) != slow || served.Load() != 20 {
		t.Errorf("%d were served", served.Load())
	}
}

// S18: anybody may ask for /ready/store as often as they like.
func TestManyLooksAtTheStoreAreOne(t *testing.T) {
	var checks, ahead atomic.Int64
	broken := atomic.Bool{}
	hold := make(chan struct{})
	start := time.Now()
	h := serve.Stored(func(context.Context) error {
		checks.Add(1)
		<-hold
		if broken.Load() {
			return fault.New(fault.Unavailable, fault.None)
		}
		return nil
	}, func() time.Time { return start.Add(time.Duration(ahead.Load())) }, http.NotFoundHandler())
	look := func() int {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/ready/store", nil))
		return w.Code
	}
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if got := look(); got != http.StatusOK {
				t.Errorf("got %d", got)
			}
		})
	}
	close(hold)
	all.Wait()
	broken.Store(true)
	if got := look(); got != http.StatusOK || checks.Load() != 1 {
		t.Errorf("at once: %d, %d checks", got, checks.Load())
	}
	ahead.Store(int64(3 * time.Second))
	if got := look(); got != http.StatusServiceUnavailable || checks.Load() != 2 {
		t.Errorf("after three seconds: %d, %d checks", got, checks.Load())
	}
}

func TestACheckThatPanicsIsAStoreThatIsNotReached(t *testing.T) {
	h := serve.Stored(func(context.Context) error { panic("a bug") }, time.Now, http.NotFoundHandler())
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/ready/store", nil))
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("got %d", w.Code)
	}
}
