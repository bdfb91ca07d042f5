// Package profiled lets a function be profiled while it is measured: linked by
// bench -profile alone, it serves net/http/pprof at PPROF.
package profiled

import (
	"net/http"
	_ "net/http/pprof" //nolint:gosec // in the benchmark's binary, on loopback
	"os"
	"time"
)

func init() {
	if address := os.Getenv("PPROF"); address != "" {
		server := &http.Server{Addr: address, ReadHeaderTimeout: 10 * time.Second}
		go func() { _ = server.ListenAndServe() }() // ends with the process
	}
}
