// Package deployed runs Deputy locally as it runs on Google Cloud: the binary that the buildpack builds, one process
// per function, over TLS, with given handlers that answer for Google's host names. Tests and bench use it. Break makes
// the network or a host fail (faults.go).
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
	"log"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Network answers for Google's host names: a TLS server with a certificate for them, and a proxy that connects every
// name to that server. The unmodified binary uses both through HTTPS_PROXY and SSL_CERT_FILE.
type Network struct {
	server, proxy *httptest.Server
	roots         *x509.CertPool
	certFile      string // PEM

	mu     sync.Mutex
	hosts  map[string]int // number of CONNECT requests by host and port
	faults map[string]*activeFault
	links  map[*link]struct{}
}

// NewNetwork serves hosts with the handler google until Close.
func NewNetwork(google http.Handler, hosts ...string) (*Network, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "emulator, not Google"}, DNSNames: hosts,
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
	n := &Network{
		roots: x509.NewCertPool(), certFile: filepath.Join(folder, "roots.pem"),
		hosts: map[string]int{}, faults: map[string]*activeFault{}, links: map[*link]struct{}{},
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	n.roots.AppendCertsFromPEM(text)
	if err := os.WriteFile(n.certFile, text, 0o600); err != nil {
		return nil, err
	}
	n.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Host = strings.TrimSuffix(r.Host, ":443") // gRPC names it
		n.handle(r.Host, google, w, r)
	}))
	n.server.EnableHTTP2 = true // as Google does
	n.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	n.server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	n.server.StartTLS()
	n.proxy = httptest.NewServer(http.HandlerFunc(n.tunnel))
	return n, nil
}

// Close shuts down both servers and all connections.
func (n *Network) Close() {
	n.closeLinks()
	n.proxy.CloseClientConnections()
	n.proxy.Close()
	n.server.CloseClientConnections()
	n.server.Close()
	_ = os.RemoveAll(filepath.Dir(n.certFile))
}

// tunnel answers CONNECT with a link to n.server, whatever the host.
func (n *Network) tunnel(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		http.Error(w, "method must be CONNECT", http.StatusMethodNotAllowed)
		return
	}
	n.mu.Lock()
	n.hosts[r.Host]++
	n.mu.Unlock()
	client, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		n.relay(r.URL.Hostname(), client, n.server.Listener.Addr().String(), "HTTP/1.1 200 OK\r\n\r\n")
	}
}

// Environment returns the variables that make a process use n.
func (n *Network) Environment() []string {
	dir := filepath.Dir(n.certFile)
	return []string{"HTTPS_PROXY=" + n.proxy.URL, "SSL_CERT_FILE=" + n.certFile, "SSL_CERT_DIR=" + dir}
}

// Transport returns a transport that sends https requests to n and others directly.
func (n *Network) Transport() (*http.Transport, error) {
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

// Connections returns the number of connections requested, by host and port.
func (n *Network) Connections() map[string]int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return maps.Clone(n.hosts)
}
