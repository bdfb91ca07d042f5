package main

import (
	"net"
	"net/http"

	"example.com/deputy/shared/config"
)

// onlyHere refuses requests whose Host is not this machine, so that a page of
// the Internet cannot reach in by a name of its own (DNS rebinding), and those
// that another site's page makes a browser send: they could act as anybody here,
// with -google even in the person's own account.
func onlyHere(next http.Handler) http.Handler {
	return http.NewCrossOriginProtection().Handler(hereNamed(next))
}

func hereNamed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if !config.Loopback(host) {
			http.Error(w, "Only for this machine itself.", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}
