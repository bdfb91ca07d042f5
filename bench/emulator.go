package main

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// emulator is Google's Firestore emulator behind a proxy that can delay responses.
type emulator struct {
	address  string
	listener net.Listener
	delay    atomic.Int64 // nanoseconds
	cmd      *exec.Cmd    // nil if FIRESTORE_EMULATOR_HOST named a running one
}

func startEmulator(ctx context.Context) (*emulator, error) {
	e := &emulator{}
	upstream := os.Getenv("FIRESTORE_EMULATOR_HOST")
	if upstream == "" {
		root, err := exec.CommandContext(ctx, "gcloud", "info", "--format=value(installation.sdk_root)").Output()
		if err != nil {
			return nil, errors.New("no Firestore emulator; install gcloud with its component" +
				" cloud-firestore-emulator, or set FIRESTORE_EMULATOR_HOST")
		}
		free, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		upstream = free.Addr().String()
		_ = free.Close()
		program := filepath.Join(strings.TrimSpace(string(root)),
			"platform/cloud-firestore-emulator/cloud_firestore_emulator")
		port := upstream[strings.LastIndex(upstream, ":")+1:]
		//nolint:gosec,noctx // gcloud's own program; ended by close
		e.cmd = exec.Command(program, "start", "--host=127.0.0.1", "--port="+port)
		e.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // it is a script that starts Java
		if err := e.cmd.Start(); err != nil {
			return nil, err
		}
		if err := waitForPort(ctx, upstream); err != nil {
			e.close()
			return nil, err
		}
	}
	var err error
	if e.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	e.address = e.listener.Addr().String()
	go func() {
		for {
			client, err := e.listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", upstream)
			if err != nil {
				_ = client.Close()
				continue
			}
			go func() { _, _ = io.Copy(server, client); _ = server.Close() }()
			go func() { e.copyDelayed(client, server); _ = client.Close() }()
		}
	}()
	return e, nil
}

// waitForPort waits until address accepts connections.
func waitForPort(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 40*time.Second)
	defer cancel()
	for {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err == nil {
			return c.Close()
		}
		select {
		case <-ctx.Done():
			return errors.New("the Firestore emulator did not start within 40 seconds")
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// copyDelayed copies the emulator's responses in order, each part after the delay.
func (e *emulator) copyDelayed(to io.Writer, from io.Reader) {
	type part struct {
		due  time.Time
		text []byte
	}
	parts := make(chan part, 4096)
	go func() {
		defer close(parts)
		for {
			buffer := make([]byte, 32<<10)
			n, err := from.Read(buffer)
			if n > 0 {
				parts <- part{time.Now().Add(time.Duration(e.delay.Load())), buffer[:n]}
			}
			if err != nil {
				return
			}
		}
	}()
	for p := range parts {
		if wait := time.Until(p.due); wait > 0 {
			time.Sleep(wait)
		}
		if _, err := to.Write(p.text); err != nil {
			return
		}
	}
}

func (e *emulator) close() {
	if e.listener != nil {
		_ = e.listener.Close()
	}
	if e.cmd != nil {
		_ = syscall.Kill(-e.cmd.Process.Pid, syscall.SIGKILL)
		_ = e.cmd.Wait()
	}
}
