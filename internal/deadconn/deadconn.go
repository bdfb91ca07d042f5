// Package deadconn connects a client and a server in memory, and can lose their connections silently, as a NAT or a
// frozen instance does. It is for tests in a synctest bubble, where the minutes until a client notices cost no time.
package deadconn

import (
	"context"
	"net"
	"sync"
)

// Network is a net.Listener for a server, and Dial for its client.
type Network struct {
	accepted chan net.Conn
	closed   chan struct{}
	once     sync.Once

	mu    sync.Mutex
	conns []*conn
	dials int
}

// New returns a network without connections.
func New() *Network {
	return &Network{accepted: make(chan net.Conn), closed: make(chan struct{})}
}

// Dial connects to the server, whatever the address.
func (n *Network) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	c := &conn{Conn: client, lost: make(chan struct{})}
	n.mu.Lock()
	n.conns = append(n.conns, c)
	n.dials++
	n.mu.Unlock()
	select {
	case n.accepted <- server:
		return c, nil
	case <-n.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Lose lets every connection so far die: what the client writes is accepted and lost, and nothing arrives.
func (n *Network) Lose() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.conns {
		c.once.Do(func() { close(c.lost) })
	}
	n.conns = nil
}

// Dials returns how many connections were made.
func (n *Network) Dials() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.dials
}

// Accept implements net.Listener.
func (n *Network) Accept() (net.Conn, error) {
	select {
	case c := <-n.accepted:
		return c, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (n *Network) Close() error {
	n.once.Do(func() { close(n.closed) })
	return nil
}

// Addr implements net.Listener.
func (n *Network) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 443} }

// conn is the client's end of a connection.
type conn struct {
	net.Conn
	lost chan struct{}
	once sync.Once
}

func (c *conn) Write(p []byte) (int, error) {
	select {
	case <-c.lost:
		return len(p), nil
	default:
		return c.Conn.Write(p)
	}
}

func (c *conn) Read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		select {
		case <-c.lost:
			if err != nil { // closed
				return 0, err
			}
		default:
			return n, err
		}
	}
}
