// Package deployed runs Deputy on this machine the way Google runs it: the one
// binary that the buildpack makes, a process for each function, and Google under
// its real names, played by whatever handler it is given.
//
// It holds no rules of the buildpack and no story: tests and bench do.
package deployed

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
	"time"
)

// Internet is Google under its real names: a TLS server with a certificate for
// them, and a proxy that leads there whatever the name. The binary
// gets both as any program does, by HTTPS_PROXY and SSL_CERT_FILE; nothing in
// it knows.
type Internet struct {
	server, proxy *httptest.Server
	roots         *x509.CertPool
	file          string // the certificate, as PEM

	mu    sync.Mutex
	hosts map[string]int // how many connections were asked for, by name
}

// Connect lets google answer for these hosts, until Close.
func Connect(google http.Handler, hosts ...string) (*Internet, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "stand-in, not Google"}, DNSNames: hosts,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "deputy-roots")
	if err != nil {
		return nil, err
	}
	n := &Internet{roots: x509.NewCertPool(), file: filepath.Join(folder, "roots.pem"), hosts: map[string]int{}}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	n.roots.AppendCertsFromPEM(text)
	if err := os.WriteFile(n.file, text, 0o600); err != nil {
		return nil, err
	}
	n.server = httptest.NewUnstartedServer(google)
	n.server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	n.server.StartTLS()
	n.proxy = httptest.NewServer(http.HandlerFunc(n.tunnel))
	return n, nil
}

// Close ends it, with all connections.
func (n *Internet) Close() {
	n.proxy.CloseClientConnections()
	n.proxy.Close()
	n.server.CloseClientConnections()
	n.server.Close()
	_ = os.RemoveAll(filepath.Dir(n.file))
}

// tunnel answers CONNECT by a connection to the one server there is.
func (n *Internet) tunnel(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		http.Error(w, "only CONNECT", http.StatusMethodNotAllowed)
		return
	}
	n.mu.Lock()
	n.hosts[r.Host]++
	n.mu.Unlock()
	far, err := net.Dial("tcp", n.server.Listener.Addr().String())
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

// Environment leads a process to this internet.
func (n *Internet) Environment() []string {
	return []string{"HTTPS_PROXY=" + n.proxy.URL, "SSL_CERT_FILE=" + n.file, "SSL_CERT_DIR=" + filepath.Dir(n.file)}
}

// Transport leads a client to it; loopback stays what it is.
func (n *Internet) Transport() (*http.Transport, error) {
	proxy, err := url.Parse(n.proxy.URL)
	if err != nil {
		return nil, err
	}
	return &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: n.roots},
		Proxy: func(r *http.Request) (*url.URL, error) {
			if r.URL.Scheme == "https" {
				return proxy, nil
			}
			return nil, nil
		},
	}, nil
}

// Asked is how many connections were asked for so far, by host and port.
func (n *Internet) Asked() map[string]int {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := map[string]int{}
	for host, count := range n.hosts {
		out[host] = count
	}
	return out
}
