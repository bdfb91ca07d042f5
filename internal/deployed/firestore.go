package deployed

import (
	"net/http"
	"net/http/httputil"
)

// FirestoreHost is the host of the binary's store.
const FirestoreHost = "firestore.googleapis.com"

// Firestore returns a handler that passes gRPC calls on to Google's emulator at address, a host and port. A call needs
// a token, as Firestore does. The emulator sees its own one, which allows everything.
func Firestore(address string) http.Handler {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	return &httputil.ReverseProxy{
		Transport:     &http.Transport{Protocols: &protocols},
		FlushInterval: -1,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = "http", address
			if r.In.Header.Get("Authorization") != "" {
				r.Out.Header.Set("Authorization", "Bearer owner")
			}
		},
	}
}
