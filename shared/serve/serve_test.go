package serve_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/logging"
	"example.com/deputy/shared/serve"
)

type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func newEndpoint(log io.Writer) serve.Endpoint {
	return serve.Endpoint{
		Name: "test", Log: logging.New(log, "p", slog.LevelInfo), Deadline: time.Minute,
		WriteError: func(w http.ResponseWriter, r *http.Request, err error) {
			w.WriteHeader(http.StatusTeapot)
			_, _ = io.WriteString(w, fault.Public(i18n.In("en"), err, logging.Reference(r.Context())))
		},
	}
}

func serveRequest(t *testing.T, h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r.WithContext(t.Context()))
	return w
}

func TestHandler_PanicDropsPartialResponse(t *testing.T) {
	var log syncBuffer
	h := newEndpoint(&log).Handler(func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("X-Partial", "yes")
		_, _ = io.WriteString(w, "half a response")
		panic("boom")
	})
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	w := serveRequest(t, h, r)
	if got, want := w.Code, http.StatusTeapot; got != want {
		t.Errorf("status: got %d, want %d", got, want)
	}
	body := w.Body.String()
	if strings.Contains(body, "half") || strings.Contains(body, "boom") ||
		!strings.Contains(body, "4bf92f3577b34da6a3ce929d0e0e4736") {
		t.Errorf("body: %q", body)
	}
	if w.Header().Get("X-Partial") != "" {
		t.Error("a header of the partial response was sent")
	}
	for _, want := range []string{`"severity":"ERROR"`, "panic: boom", "goroutine", "serve_test.go"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%q is not in the log: %s", want, log.String())
		}
	}
	if got := strings.Count(log.String(), "\n"); got != 1 {
		t.Errorf("log lines: got %d, want 1", got)
	}
}

func TestHandler_FailPanics(t *testing.T) {
	e := newEndpoint(io.Discard)
	e.WriteError = func(http.ResponseWriter, *http.Request, error) { panic("again") }
	h := e.Handler(func(http.ResponseWriter, *http.Request) error { return errors.New("x") })
	w := serveRequest(t, h, httptest.NewRequest(http.MethodGet, "/", nil))
	if got, want := w.Code, http.StatusInternalServerError; got != want {
		t.Errorf("got %d, want %d", got, want)
	}
}

func TestHandler_BodyLimit(t *testing.T) {
	for size, want := range map[int]fault.Kind{serve.MaxBody: -1, serve.MaxBody + 1: fault.Invalid} {
		var got fault.Kind = -1
		served := false
		e := newEndpoint(io.Discard)
		e.WriteError = func(_ http.ResponseWriter, _ *http.Request, err error) { got = fault.KindOf(err) }
		h := e.Handler(func(http.ResponseWriter, *http.Request) error { served = true; return nil })
		serveRequest(t, h, httptest.NewRequest(http.MethodPost, "/", strings.NewReader(strings.Repeat("x", size))))
		if got != want || served != (want == -1) {
			t.Errorf("%d bytes: got %v, want %v; served: %v", size, got, want, served)
		}
	}
}

// A body that says that it is too large is not read. One that doesn't say so is read up to the limit.
func TestHandler_BodyUnread(t *testing.T) {
	for name, c := range map[string]struct {
		declared int64
		unread   bool
	}{"declared": {101, true}, "not declared": {-1, false}} {
		body := &countingReader{}
		var got error
		e := newEndpoint(io.Discard)
		e.MaxBody = func(*http.Request) int64 { return 100 }
		e.WriteError = func(_ http.ResponseWriter, _ *http.Request, err error) { got = err }
		r := httptest.NewRequest(http.MethodPost, "/", body)
		r.ContentLength = c.declared
		w := serveRequest(t, e.Handler(func(http.ResponseWriter, *http.Request) error { return nil }), r)
		if !errors.Is(got, serve.ErrTooLarge) || body.read > 512 || c.unread && body.read > 0 ||
			w.Header().Get("Connection") != "close" {
			t.Errorf("%s: %v after %d bytes; %v", name, got, body.read, w.Header())
		}
	}
}

// countingReader has no end.
type countingReader struct{ read int }

func (r *countingReader) Read(p []byte) (int, error) {
	r.read += len(p)
	return len(p), nil
}

func TestHandler_Deadline(t *testing.T) {
	e := newEndpoint(io.Discard)
	e.Deadline = time.Millisecond
	h := e.Handler(func(_ http.ResponseWriter, r *http.Request) error {
		<-r.Context().Done()
		return fault.New(fault.Unavailable, i18n.English("Too slow."))
	})
	w := serveRequest(t, h, httptest.NewRequest(http.MethodGet, "/", nil))
	if got, want := w.Body.String(), "Too slow."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLazy_RetriesFailedBuild(t *testing.T) {
	var builds atomic.Int32
	h := serve.Lazy(func(context.Context) (http.Handler, error) {
		if builds.Add(1) == 1 {
			return nil, errors.New("no network yet")
		}
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "served")
		}), nil
	})
	steps := []struct {
		path string
		want int
	}{{"/health", 200}, {"/startup", 503}, {"/startup", 200}, {"/any", 200}, {"/startup", 200}, {"/favicon.ico", 404}}
	for _, step := range steps {
		if got := serveRequest(t, h, httptest.NewRequest(http.MethodGet, step.path, nil)).Code; got != step.want {
			t.Errorf("%s: got %d, want %d", step.path, got, step.want)
		}
	}
	if got, want := builds.Load(), int32(2); got != want {
		t.Errorf("builds: got %d, want %d", got, want)
	}
}

func TestLazy_ConcurrentRequestsShareBuild(t *testing.T) {
	var builds atomic.Int32
	release := make(chan struct{})
	h := serve.Lazy(func(context.Context) (http.Handler, error) {
		builds.Add(1)
		<-release
		return http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), nil
	})
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if got := serveRequest(t, h, httptest.NewRequest(http.MethodPost, "/", nil)).Code; got != http.StatusOK {
				t.Errorf("got %d", got)
			}
		})
	}
	close(release)
	wg.Wait()
	if got := builds.Load(); got != 1 {
		t.Errorf("builds: got %d, want 1", got)
	}
}

func TestDrain_WaitsForRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var drain serve.Drain
		release := make(chan struct{})
		h := drain.Track(newEndpoint(io.Discard).Handler(func(w http.ResponseWriter, _ *http.Request) error {
			<-release
			_, err := io.WriteString(w, "whole response")
			return err
		}))
		response := httptest.NewRecorder()
		go h.ServeHTTP(response, httptest.NewRequest(http.MethodGet, "/", nil))
		synctest.Wait() // the request is in flight
		signals, exits := make(chan os.Signal, 1), make(chan int, 1)
		go drain.ExitOnSignal(signals, func(code int) { exits <- code })
		signals <- syscall.SIGTERM
		synctest.Wait() // ExitOnSignal waits for the request
		if len(exits) != 0 {
			t.Fatalf("exit %d with a request in flight", <-exits)
		}
		close(release)
		if got := <-exits; got != 0 || response.Body.String() != "whole response" {
			t.Errorf("exit %d, response %q", got, response.Body)
		}
	})
}

// Work that would take longer than the process has left ends in time to say so, also if it was detached.
func TestDrain_EndsWork(t *testing.T) {
	for name, detach := range map[string]bool{"of the request": false, "detached": true} {
		synctest.Test(t, func(t *testing.T) {
			var drain serve.Drain
			var lines syncBuffer
			h := drain.Track(newEndpoint(&lines).Handler(func(_ http.ResponseWriter, r *http.Request) error {
				ctx := r.Context()
				if detach {
					var cancel context.CancelFunc
					ctx, cancel = fault.Detach(ctx, time.Minute)
					defer cancel()
				}
				<-ctx.Done()
				return &fault.Error{Kind: fault.Unavailable, Err: ctx.Err()}
			}))
			response := httptest.NewRecorder()
			go h.ServeHTTP(response, httptest.NewRequest(http.MethodGet, "/", nil))
			synctest.Wait() // the request is in flight
			signals, exits, start := make(chan os.Signal, 1), make(chan int, 1), time.Now()
			go drain.ExitOnSignal(signals, func(code int) { exits <- code })
			signals <- syscall.SIGTERM
			if got := <-exits; got != 0 || time.Since(start) >= serve.DrainTime {
				t.Errorf("%s: exit %d after %v", name, got, time.Since(start))
			}
			if !strings.Contains(response.Body.String(), "restarting") || !strings.Contains(lines.String(), `"ERROR"`) {
				t.Errorf("%s: %s; log: %s", name, response.Body, lines.String())
			}
		})
	}
}

func TestDrain_Timeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var drain serve.Drain
		release := make(chan struct{})
		go drain.Track(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release })).
			ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
		synctest.Wait()
		signals, exits, start := make(chan os.Signal, 1), make(chan int, 1), time.Now()
		go drain.ExitOnSignal(signals, func(code int) { exits <- code })
		signals <- syscall.SIGTERM
		if got := <-exits; got != 1 || time.Since(start) != serve.DrainTime {
			t.Errorf("exit %d after %v", got, time.Since(start))
		}
		close(release)
	})
}

func TestServer_CleanPath(t *testing.T) {
	for sent, want := range map[string]string{
		"/": "/", "//": "/", "/v1/spaces": "/v1/spaces", "//v1/spaces": "/v1/spaces", "/v1///spaces//": "/v1/spaces/",
		"/v1/spaces/A/members/groups%2Fg": "/v1/spaces/A/members/groups%2Fg",
		"//v1/members/groups%2F%2Fg":      "/v1/members/groups%2F%2Fg",
		"/v1/../../etc":                   "/etc", "/a%2F..%2Fb//c": "/a%2F..%2Fb/c",
	} {
		var got string
		h := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.URL.EscapedPath() })
		server := httptest.NewServer(serve.NewServer(h).Handler)
		res, err := http.Get(server.URL + sent)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if got != want {
			t.Errorf("%s: got %s, want %s", sent, got, want)
		}
		server.Close()
	}
}
