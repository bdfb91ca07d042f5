package buildpack

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// internet is Google under its real names: a TLS server with a certificate for
// them, and a proxy that leads there whatever the name. The binary under test
// gets both as any program does, by HTTPS_PROXY and SSL_CERT_FILE; nothing in
// it knows.
type internet struct {
	proxy *httptest.Server
	roots *x509.CertPool
	file  string // the certificate, as PEM

	mu    sync.Mutex
	hosts map[string]int // how many connections were asked for, by name
}

func newInternet(t *testing.T, google http.Handler, hosts ...string) *internet {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "stand-in, not Google"}, DNSNames: hosts,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	n := &internet{roots: x509.NewCertPool(), file: filepath.Join(t.TempDir(), "roots.pem"), hosts: map[string]int{}}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	n.roots.AppendCertsFromPEM(text)
	if err := os.WriteFile(n.file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(google)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	server.StartTLS()
	t.Cleanup(server.Close)
	n.proxy = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.tunnel(w, r, server.Listener.Addr().String())
	}))
	t.Cleanup(n.proxy.Close)
	return n
}

// tunnel answers CONNECT by a connection to the one server there is.
func (n *internet) tunnel(w http.ResponseWriter, r *http.Request, to string) {
	if r.Method != http.MethodConnect {
		http.Error(w, "only CONNECT", http.StatusMethodNotAllowed)
		return
	}
	n.mu.Lock()
	n.hosts[r.Host]++
	n.mu.Unlock()
	far, err := net.Dial("tcp", to)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	near, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		_ = far.Close()
		return
	}
	_, _ = near.Write([]byte("HTTP/1.1 200 OK\r\n\r\n"))
	go func() { _, _ = io.Copy(far, near); _ = far.Close() }()
	go func() { _, _ = io.Copy(near, far); _ = near.Close() }()
}

// environment leads a process to this internet.
func (n *internet) environment() []string {
	return []string{"HTTPS_PROXY=" + n.proxy.URL, "SSL_CERT_FILE=" + n.file, "SSL_CERT_DIR=" + filepath.Dir(n.file)}
}

// transport leads a client to it; loopback stays what it is.
func (n *internet) transport(t *testing.T) *http.Transport {
	t.Helper()
	proxy, err := url.Parse(n.proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: n.roots},
		Proxy: func(r *http.Request) (*url.URL, error) {
			if r.URL.Scheme == "https" {
				return proxy, nil
			}
			return nil, nil
		},
	}
}

func (n *internet) asked() map[string]int {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := map[string]int{}
	for host, count := range n.hosts {
		out[host] = count
	}
	return out
}
