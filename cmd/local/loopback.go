package main

import (
	"net"
	"net/http"

	"example.com/deputy/shared/config"
)

// requireLoopback refuses requests whose Host is not loopback, against DNS rebinding, and cross-origin
// requests. Either could act as any person here; with -google, in a real account.
func requireLoopback(next http.Handler) http.Handler {
	return http.NewCrossOriginProtection().Handler(requireLoopbackHost(next))
}

func requireLoopbackHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if !config.IsLoopback(host) {
			http.Error(w, "Open this page at a loopback address, such as 127.0.0.1.", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}
