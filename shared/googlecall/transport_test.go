package googlecall_test

import (
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"example.com/deputy/internal/deadconn"
	"example.com/deputy/shared/googlecall"
)

// A connection that dies silently costs at most one try of a call, eight seconds, whether it dies during a call
// or between two. The next call gets a new connection.
func TestNewTransport_DeadConnection(t *testing.T) {
	for name, idle := range map[string]time.Duration{"during a call": 0, "idle for a minute": time.Minute} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := deadconn.New()
				protocols := make(chan string, 10)
				server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					protocols <- r.Proto
				}))
				_ = server.Listener.Close()
				server.Listener, server.EnableHTTP2 = network, true
				server.Config.ErrorLog = log.New(io.Discard, "", 0)
				server.StartTLS()
				defer server.Close()

				base := googlecall.NewTransport()
				defer base.CloseIdleConnections()
				roots := server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
				base.DialContext, base.TLSClientConfig = network.Dial, &tls.Config{RootCAs: roots}
				client := &http.Client{Transport: base, Timeout: 8 * time.Second}
				get := func() error {
					answer, err := client.Get("https://example.com/")
					if err == nil {
						err = answer.Body.Close()
					}
					return err
				}
				if err := get(); err != nil {
					t.Fatal(err)
				}
				if protocol := <-protocols; protocol != "HTTP/2.0" {
					t.Fatalf("the server speaks %s", protocol)
				}
				network.Lose()
				time.Sleep(idle)
				if err := get(); err == nil && idle == 0 {
					t.Error("the connection was not lost")
				}
				for range 3 {
					if err := get(); err != nil {
						t.Errorf("after the first try: %v", err)
					}
				}
				if dials := network.Dials(); dials != 2 {
					t.Errorf("%d connections", dials)
				}
			})
		})
	}
}

func TestNewTransport(t *testing.T) {
	got := googlecall.NewTransport()
	if got == http.DefaultTransport || got.MaxIdleConnsPerHost != 100 || got.ResponseHeaderTimeout != 10*time.Second {
		t.Errorf("%d connections, %v", got.MaxIdleConnsPerHost, got.ResponseHeaderTimeout)
	}
}
