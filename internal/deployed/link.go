package deployed

import (
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
)

// link is one connection from the binary to a host.
type link struct {
	host           string
	client, server *net.TCPConn
	swallowed      atomic.Bool // bytes get lost from now on
}

func (l *link) close() { _ = l.client.Close(); _ = l.server.Close() }

// break changes an existing connection as a fault says.
func (l *link) apply(what connections) {
	switch what {
	case swallowed:
		l.swallowed.Store(true)
	case reset:
		_ = l.client.SetLinger(0)
		l.close()
	case cut:
		l.close()
	}
}

// relay connects client to the server at address, after it has sent hello, until either closes the connection.
func (n *Network) relay(host string, client net.Conn, address, hello string) {
	server, err := net.Dial("tcp", address)
	if err != nil {
		_ = client.Close()
		return
	}
	l := &link{host: host, client: client.(*net.TCPConn), server: server.(*net.TCPConn)}
	n.mu.Lock()
	n.links[l] = struct{}{}
	what := n.faults[host].connections()
	n.mu.Unlock()
	l.apply(what)
	if !l.swallowed.Load() {
		_, _ = client.Write([]byte(hello))
	}
	ended := make(chan struct{}, 2)
	pipe := func(to, from *net.TCPConn) {
		buf := make([]byte, 32<<10)
		for {
			read, err := from.Read(buf)
			if !l.swallowed.Load() {
				_, _ = to.Write(buf[:read])
			}
			if err != nil {
				break
			}
		}
		if !l.swallowed.Load() { // otherwise the other end never learns of it
			_ = to.Close()
		}
		ended <- struct{}{}
	}
	go pipe(l.server, l.client)
	go pipe(l.client, l.server)
	go func() {
		<-ended
		<-ended
		n.mu.Lock()
		delete(n.links, l)
		n.mu.Unlock()
		l.close()
	}()
}

// closeLinks closes all connections.
func (n *Network) closeLinks() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for l := range n.links {
		l.close()
	}
}

// closeLinkTo closes the connection whose server's side is at the remote address.
func (n *Network) closeLinkTo(remote string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for l := range n.links {
		if l.server.LocalAddr().String() == remote {
			l.close()
		}
	}
}

// ServePlain serves host without TLS and the proxy, as the metadata server is, and returns its address and a function
// that ends it.
func (n *Network) ServePlain(host string, handler http.Handler) (address string, stop func(), err error) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.handle(host, handler, w, r)
	}))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		server.Close()
		return "", nil, err
	}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			n.relay(host, client, server.Listener.Addr().String(), "")
		}
	}()
	return listener.Addr().String(), func() {
		_ = listener.Close()
		server.CloseClientConnections()
		server.Close()
	}, nil
}
