package firestore

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

// dial connects to a host and port, through the proxy that HTTPS_PROXY names, if any, within ctx. gRPC's own dialer
// waits for a proxy's answer without limit, and never tries again.
func dial(ctx context.Context, address string) (net.Conn, error) {
	target := &http.Request{Method: http.MethodConnect, URL: &url.URL{Scheme: "https", Host: address}, Host: address}
	proxy, err := http.ProxyFromEnvironment(target)
	if err != nil {
		return nil, err
	}
	var dialer net.Dialer
	if proxy == nil {
		return dialer.DialContext(ctx, "tcp", address)
	}
	conn, err := dialer.DialContext(ctx, "tcp", proxy.Host)
	if err != nil {
		return nil, err
	}
	if err := connect(ctx, conn, target, proxy.User); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("proxy: %w", err)
	}
	return conn, nil
}

// connect asks a proxy to connect conn to the target (RFC 9110, section 9.3.6).
func connect(ctx context.Context, conn net.Conn, target *http.Request, user *url.Userinfo) error {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	target.Header = http.Header{}
	if user != nil {
		password, _ := user.Password()
		credentials := base64.StdEncoding.EncodeToString([]byte(user.Username() + ":" + password))
		target.Header.Set("Proxy-Authorization", "Basic "+credentials)
	}
	if err := target.Write(conn); err != nil {
		return err
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), target) // the target sends nothing before TLS begins
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", answer.StatusCode)
	}
	return nil
}
