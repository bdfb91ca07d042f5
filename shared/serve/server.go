package serve

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"
	"time"
)

// NewServer returns an HTTP server for functions. Its limits hold before a function sees a request. A path such as
// //v1/spaces, from a base address that ends with a slash, is served as /v1/spaces: http.ServeMux would answer with an
// empty redirect, which some clients take for success.
func NewServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           withCleanPath(h),
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout:   65 * time.Second, // longer than the API's limit of 55 seconds
		IdleTimeout:    11 * time.Minute, // longer than a load balancer's 10 minutes, which must close first
		MaxHeaderBytes: 64 << 10,
	}
}

// withCleanPath removes empty and dot segments from the path, and keeps a slash at its end.
func withCleanPath(next http.Handler) http.Handler {
	clean := func(p string) string {
		cleaned := path.Clean("/" + p)
		if strings.HasSuffix(p, "/") && cleaned != "/" {
			cleaned += "/"
		}
		return cleaned
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw := clean(r.URL.EscapedPath())
		if decoded, err := url.PathUnescape(raw); err == nil { // always: the server has parsed it
			r.URL.Path, r.URL.RawPath = decoded, raw
		}
		next.ServeHTTP(w, r)
	})
}

// TakePort serves h at a port, in place of the functions framework's own server, which has neither time limits nor a
// limit on headers below 1 MiB, and redirects //v1/spaces. It returns the port that is left for the framework: a free
// one, or the same if it isn't free, so that the framework reports the error.
func TakePort(port string, h http.Handler) string {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", ":"+port)
	if err != nil {
		return port
	}
	go func() { // for the life of the process
		slog.Error("server stopped", slog.String("error", NewServer(h).Serve(listener).Error()))
		os.Exit(1)
	}()
	return "0"
}
