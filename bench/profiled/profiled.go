// Package profiled serves net/http/pprof at the address in PPROF, so that a
// function can be profiled while it is measured. Only bench -profile links it.
package profiled

import (
	"net/http"
	_ "net/http/pprof" //nolint:gosec // only in the benchmark's binary, on loopback
	"os"
	"time"
)

func init() {
	if address := os.Getenv("PPROF"); address != "" {
		server := &http.Server{Addr: address, ReadHeaderTimeout: 10 * time.Second}
		go func() { _ = server.ListenAndServe() }() // ends with the process
	}
}
