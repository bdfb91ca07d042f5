package firestore

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A proxy that never answers ends with the attempt to connect. gRPC's dialer would wait for ever (grpc-go, proxyDial).
func TestConnect_ProxySilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, proxy := net.Pipe()
		defer func() { _ = proxy.Close() }()
		go func() {
			for buf := make([]byte, 4096); ; {
				if _, err := proxy.Read(buf); err != nil {
					return
				}
			}
		}()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		start := time.Now()
		err := connect(ctx, conn, request("firestore.example:443"), nil)
		if took := time.Since(start); err == nil || took != 5*time.Second {
			t.Errorf("%v after %v", err, took)
		}
	})
}

func TestConnect_Proxy(t *testing.T) {
	for status, want := range map[string]string{"200 OK": "", "407 Proxy Authentication Required": "407"} {
		conn, proxy := net.Pipe()
		asked := make(chan string, 1)
		go func() {
			buf := make([]byte, 4096)
			n, _ := proxy.Read(buf)
			asked <- string(buf[:n])
			_, _ = proxy.Write([]byte("HTTP/1.1 " + status + "\r\n\r\n"))
			_ = proxy.Close()
		}()
		err := connect(t.Context(), conn, request("firestore.example:443"), url.UserPassword("ada", "secret"))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", status, err)
		}
		got := <-asked
		for _, line := range []string{
			"CONNECT firestore.example:443 HTTP/1.1\r\n", "Host: firestore.example:443\r\n",
			"Proxy-Authorization: Basic YWRhOnNlY3JldA==\r\n",
		} {
			if !strings.Contains(got, line) {
				t.Errorf("%s: %q is not in %q", status, line, got)
			}
		}
	}
}

func TestDial_Refused(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = dial(t.Context(), listener.Addr().String())
	if _, ok := errors.AsType[*net.OpError](err); !ok {
		t.Errorf("got %v", err)
	}
}

func request(host string) *http.Request {
	return &http.Request{Method: http.MethodConnect, URL: &url.URL{Scheme: "https", Host: host}, Host: host}
}
