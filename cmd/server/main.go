// Command server serves Deputy's functions as one HTTP server, for hosts that run a container: /chatevent,
// /oauthcallback/, /createspace/ and /securityevent/. It listens on PORT (default 8080) and reads the same environment
// variables as the functions (docs/elsewhere.md). On SIGTERM it finishes the requests in progress. See
// docs/elsewhere.md.
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

	"example.com/deputy/functions/chatevent"
	"example.com/deputy/functions/createspace"
	"example.com/deputy/functions/oauthcallback"
	"example.com/deputy/functions/securityevent"
	"example.com/deputy/shared/logging"
	"example.com/deputy/shared/serve"
)

func main() {
	logging.Start(os.Stderr, os.Getenv("GOOGLE_CLOUD_PROJECT"), logging.Level(os.Getenv("LOG_LEVEL")))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, ":"+cmp.Or(os.Getenv("PORT"), "8080"))
	stop()
	if err != nil {
		slog.Error("server stopped", slog.String("error", err.Error()))
		os.Exit(1)
	}
}

// run serves until ctx is done, then waits for requests in progress, for at most serve.DrainTime.
func run(ctx context.Context, address string) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	var drain serve.Drain
	s := serve.NewServer(drain.Track(handler()))
	slog.InfoContext(ctx, "serving", slog.String("address", listener.Addr().String()))
	served := make(chan error, 1)
	go func() { served <- s.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	drain.Begin()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), serve.DrainTime)
	defer cancel()
	err = s.Shutdown(ctx)
	if serveErr := <-served; !errors.Is(serveErr, http.ErrServerClosed) {
		err = errors.Join(err, serveErr)
	}
	return err
}

// handler serves each function under its path, including the function's own
// /health, /startup and /ready. /startup and /ready at the root require all functions.
func handler() http.Handler {
	functions := map[string]http.Handler{
		"/chatevent": serve.Lazy(chatevent.FromEnv), "/oauthcallback": serve.Lazy(oauthcallback.FromEnv),
		"/createspace": serve.Lazy(createspace.FromEnv), "/securityevent": serve.Lazy(securityevent.FromEnv),
	}
	mux := http.NewServeMux()
	for path, function := range functions {
		mux.Handle(path+"/", http.StripPrefix(path, function))
	}
	mux.Handle("POST /chatevent", functions["/chatevent"]) // the URL in Chat's configuration has no final slash
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	for _, path := range []string{"/startup", "/ready"} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			for _, function := range functions {
				rec := &statusRecorder{header: http.Header{}}
				if function.ServeHTTP(rec, r); rec.code != http.StatusOK {
					text := "Deputy isn't ready. Its operator can find the reason in the log."
					http.Error(w, text, http.StatusServiceUnavailable)
					return
				}
			}
			w.WriteHeader(http.StatusOK)
		})
	}
	return mux
}

// statusRecorder keeps the status of a response and discards its body.
type statusRecorder struct {
	header http.Header
	code   int
}

func (r *statusRecorder) Header() http.Header { return r.header }

func (r *statusRecorder) WriteHeader(code int) { r.code = cmp.Or(r.code, code) }

func (r *statusRecorder) Write(text []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return len(text), nil
}
