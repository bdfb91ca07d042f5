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

// emulator is Google's Firestore emulator, behind a wire that can be slow.
type emulator struct {
	address  string
	listener net.Listener
	slow     atomic.Int64 // nanoseconds that an answer is on its way
	own      *exec.Cmd    // nil when it ran before
}

func startEmulator(ctx context.Context) (*emulator, error) {
	e := &emulator{}
	to := os.Getenv("FIRESTORE_EMULATOR_HOST")
	if to == "" {
		root, err := exec.CommandContext(ctx, "gcloud", "info", "--format=value(installation.sdk_root)").Output()
		if err != nil {
			return nil, errors.New("the benchmark needs Google's Firestore emulator: install gcloud and its component cloud-firestore-emulator, or name one in FIRESTORE_EMULATOR_HOST")
		}
		free, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		to = free.Addr().String()
		_ = free.Close()
		e.own = exec.Command(filepath.Join(strings.TrimSpace(string(root)), "platform/cloud-firestore-emulator/cloud_firestore_emulator"), "start", "--host=127.0.0.1", "--port="+to[strings.LastIndex(to, ":")+1:]) //nolint:gosec,noctx // where gcloud says it is; ended by close
		e.own.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}                                                                                                                                                      // it is a script that starts Java
		if err := e.own.Start(); err != nil {
			return nil, err
		}
		if err := answering(ctx, to); err != nil {
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
			near, err := e.listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", to)
			if err != nil {
				_ = near.Close()
				continue
			}
			go func() { _, _ = io.Copy(far, near); _ = far.Close() }()
			go func() { e.carry(near, far); _ = near.Close() }()
		}
	}()
	return e, nil
}

func answering(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 40*time.Second)
	defer cancel()
	for {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err == nil {
			return c.Close()
		}
		select {
		case <-ctx.Done():
			return errors.New("the Firestore emulator does not answer")
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// carry copies what the emulator says, each piece after the time that the wire
// takes, and in order.
func (e *emulator) carry(to io.Writer, from io.Reader) {
	type piece struct {
		at   time.Time
		text []byte
	}
	pieces := make(chan piece, 4096)
	go func() {
		defer close(pieces)
		for {
			buffer := make([]byte, 32<<10)
			n, err := from.Read(buffer)
			if n > 0 {
				pieces <- piece{time.Now().Add(time.Duration(e.slow.Load())), buffer[:n]}
			}
			if err != nil {
				return
			}
		}
	}()
	for p := range pieces {
		if wait := time.Until(p.at); wait > 0 {
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
	if e.own != nil {
		_ = syscall.Kill(-e.own.Process.Pid, syscall.SIGKILL)
		_ = e.own.Wait()
	}
}
