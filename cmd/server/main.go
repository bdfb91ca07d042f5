// Command server serves Deputy's functions as one plain program, for hosts that
// run a container: /chatevent, /oauthcallback/, /createspace/ and
// /securityevent/, on the port that PORT names (8080 without). It reads the
// same variables as the functions (design section 11), and on SIGTERM finishes
// what is in flight. docs/elsewhere.md is its manual.
package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"example.com/deputy/functions/chatevent"
	"example.com/deputy/functions/createspace"
	"example.com/deputy/functions/oauthcallback"
	"example.com/deputy/functions/securityevent"
	"example.com/deputy/shared/logging"
	"example.com/deputy/shared/serve"
)

func main() {
	slog.SetDefault(logging.New(os.Stderr, os.Getenv("GOOGLE_CLOUD_PROJECT"), logging.ParseLevel(os.Getenv("LOG_LEVEL"))))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, ":"+cmp.Or(os.Getenv("PORT"), "8080"))
	stop()
	if err != nil {
		slog.Error("the server ended", slog.String("error", err.Error()))
		os.Exit(1)
	}
}

// run serves until ctx ends, and then until nothing is in flight, at most for
// serve.DrainTime.
func run(ctx context.Context, address string) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	s := &http.Server{
		Handler: handler(),
		// Of a whole request: the longest act of the API has 55 seconds.
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 65 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10,
	}
	slog.InfoContext(ctx, "serving", slog.String("address", listener.Addr().String()))
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), serve.DrainTime)
	defer cancel()
	err = s.Shutdown(ctx)
	if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// handler has each function below its path, with /health and /ready of its own,
// and /ready for all of them.
func handler() http.Handler {
	functions := map[string]http.Handler{
		"/chatevent": serve.Lazy(chatevent.FromEnv), "/oauthcallback": serve.Lazy(oauthcallback.FromEnv),
		"/createspace": serve.Lazy(createspace.FromEnv), "/securityevent": serve.Lazy(securityevent.FromEnv),
	}
	mux := http.NewServeMux()
	for path, function := range functions {
		mux.Handle(path+"/", http.StripPrefix(path, function))
	}
	mux.Handle("POST /chatevent", functions["/chatevent"]) // as Chat is told, without a slash
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, r *http.Request) {
		ask := r.Clone(r.Context())
		ask.URL.Path = "/ready"
		for _, function := range functions {
			answer := &status{header: http.Header{}}
			if function.ServeHTTP(answer, ask); answer.code != http.StatusOK {
				http.Error(w, "Deputy is not ready. Its operator finds the reason in the log.", http.StatusServiceUnavailable)
				return
			}
		}
		w.WriteHeader(http.StatusOK)
	})
	return mux
}

// status keeps of an answer what it was, and drops the rest.
type status struct {
	header http.Header
	code   int
}

func (s *status) Header() http.Header { return s.header }

func (s *status) WriteHeader(code int) { s.code = cmp.Or(s.code, code) }

func (s *status) Write(text []byte) (int, error) {
	s.WriteHeader(http.StatusOK)
	return len(text), nil
}
