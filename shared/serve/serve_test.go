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

type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) { l.mu.Lock(); defer l.mu.Unlock(); return l.buf.Write(p) }

func (l *lines) String() string { l.mu.Lock(); defer l.mu.Unlock(); return l.buf.String() }

func door(log io.Writer) serve.Endpoint {
	return serve.Endpoint{
		Name: "test", Log: logging.New(log, "p", slog.LevelInfo), Deadline: time.Minute,
		Fail: func(w http.ResponseWriter, r *http.Request, err error) {
			w.WriteHeader(http.StatusTeapot)
			_, _ = io.WriteString(w, fault.Public(i18n.In("en"), err, logging.Reference(r.Context())))
		},
	}
}

func ask(t *testing.T, h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r.WithContext(t.Context()))
	return w
}

func TestAPanicAfterTheAnswerBeganLeavesNoneOfThatAnswer(t *testing.T) {
	var log lines
	h := door(&log).Handler(func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("X-Begun", "yes")
		_, _ = io.WriteString(w, "half an answer")
		panic("boom")
	})
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	w := ask(t, h, r)
	if got, want := w.Code, http.StatusTeapot; got != want {
		t.Errorf("status: got %d, want %d", got, want)
	}
	if body := w.Body.String(); strings.Contains(body, "half") || strings.Contains(body, "boom") || !strings.Contains(body, "4bf92f3577b34da6a3ce929d0e0e4736") {
		t.Errorf("body: %q", body)
	}
	if w.Header().Get("X-Begun") != "" {
		t.Error("a header of the begun answer is left")
	}
	for _, want := range []string{`"severity":"ERROR"`, "panic: boom", "goroutine", "serve_test.go"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%q is missing in the log: %s", want, log.String())
		}
	}
	if got := strings.Count(log.String(), "\n"); got != 1 {
		t.Errorf("log lines: got %d, want 1", got)
	}
}

func TestARendererThatPanicsStillAnswers(t *testing.T) {
	d := door(io.Discard)
	d.Fail = func(http.ResponseWriter, *http.Request, error) { panic("again") }
	w := ask(t, d.Handler(func(http.ResponseWriter, *http.Request) error { return errors.New("x") }), httptest.NewRequest(http.MethodGet, "/", nil))
	if got, want := w.Code, http.StatusInternalServerError; got != want {
		t.Errorf("got %d, want %d", got, want)
	}
}

func TestABodyOverTheCapIsInvalid(t *testing.T) {
	for size, want := range map[int]fault.Kind{serve.MaxBody: -1, serve.MaxBody + 1: fault.Invalid} {
		var got fault.Kind = -1
		served := false
		d := door(io.Discard)
		d.Fail = func(_ http.ResponseWriter, _ *http.Request, err error) { got = fault.KindOf(err) }
		h := d.Handler(func(http.ResponseWriter, *http.Request) error { served = true; return nil })
		ask(t, h, httptest.NewRequest(http.MethodPost, "/", strings.NewReader(strings.Repeat("x", size))))
		if got != want || served != (want == -1) {
			t.Errorf("%d bytes: got %v, want %v; served: %v", size, got, want, served)
		}
	}
}

func TestTheHandlerHasADeadline(t *testing.T) {
	d := door(io.Discard)
	d.Deadline = time.Millisecond
	h := d.Handler(func(_ http.ResponseWriter, r *http.Request) error {
		<-r.Context().Done()
		return fault.New(fault.Unavailable, i18n.English("Too slow."))
	})
	if got, want := ask(t, h, httptest.NewRequest(http.MethodGet, "/", nil)).Body.String(), "Too slow."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAStartThatFailedIsTriedAgainAndSuccessIsKept(t *testing.T) {
	var builds atomic.Int32
	h := serve.Lazy(func(context.Context) (http.Handler, error) {
		if builds.Add(1) == 1 {
			return nil, errors.New("no network yet")
		}
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "served") }), nil
	})
	steps := []struct {
		path string
		want int
	}{{"/health", 200}, {"/ready", 503}, {"/ready", 200}, {"/any", 200}, {"/ready", 200}, {"/favicon.ico", 404}}
	for _, step := range steps {
		if got := ask(t, h, httptest.NewRequest(http.MethodGet, step.path, nil)).Code; got != step.want {
			t.Errorf("%s: got %d, want %d", step.path, got, step.want)
		}
	}
	if got, want := builds.Load(), int32(2); got != want {
		t.Errorf("builds: got %d, want %d", got, want)
	}
}

func TestRequestsAtAColdStartWaitForOneBuild(t *testing.T) {
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
			if got := ask(t, h, httptest.NewRequest(http.MethodPost, "/", nil)).Code; got != http.StatusOK {
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

func TestSIGTERMWaitsForTheRequestInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var drain serve.Drain
		release := make(chan struct{})
		h := drain.Track(door(io.Discard).Handler(func(w http.ResponseWriter, _ *http.Request) error {
			<-release
			_, err := io.WriteString(w, "whole answer")
			return err
		}))
		answer := httptest.NewRecorder()
		go h.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/", nil))
		synctest.Wait() // until it is in flight
		signals, exits := make(chan os.Signal, 1), make(chan int, 1)
		go drain.OnSignal(signals, func(code int) { exits <- code })
		signals <- syscall.SIGTERM
		synctest.Wait() // until everybody waits for somebody
		if len(exits) != 0 {
			t.Fatalf("exit %d with a request in flight", <-exits)
		}
		close(release)
		if got := <-exits; got != 0 || answer.Body.String() != "whole answer" {
			t.Errorf("exit %d, answer %q", got, answer.Body)
		}
	})
}

func TestARequestThatDoesNotEndHoldsSIGTERMForDrainTimeOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var drain serve.Drain
		release := make(chan struct{})
		go drain.Track(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release })).
			ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
		synctest.Wait()
		signals, exits, start := make(chan os.Signal, 1), make(chan int, 1), time.Now()
		go drain.OnSignal(signals, func(code int) { exits <- code })
		signals <- syscall.SIGTERM
		if got := <-exits; got != 1 || time.Since(start) != serve.DrainTime {
			t.Errorf("exit %d after %v", got, time.Since(start))
		}
		close(release)
	})
}
