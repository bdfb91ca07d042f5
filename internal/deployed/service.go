package deployed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// Service is the binary running as one function.
type Service struct {
	Cmd     *exec.Cmd
	Address string
	Log     *Lines
}

// Lines is what a process wrote so far.
type Lines struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	wrote chan struct{} // closed at the next write
}

func (l *Lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.wrote)
	l.wrote = make(chan struct{})
	return l.buf.Write(p)
}

func (l *Lines) String() string { l.mu.Lock(); defer l.mu.Unlock(); return l.buf.String() }

// Wait waits until the process has written a text.
func (l *Lines) Wait(text string) error {
	late := time.After(10 * time.Second)
	for {
		l.mu.Lock()
		wrote, found := l.wrote, strings.Contains(l.buf.String(), text)
		l.mu.Unlock()
		if found {
			return nil
		}
		select {
		case <-wrote:
		case <-late:
			return fmt.Errorf("%q is not in the log: %s", text, l)
		}
	}
}

// FreeAddress is one that nobody listens on.
func FreeAddress() (string, error) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return "http://" + free.Addr().String(), free.Close()
}

// Start starts the binary as one function at an address, with nothing but env,
// until Stop.
func Start(binary, address, target string, env ...string) (*Service, error) {
	s := &Service{Log: &Lines{wrote: make(chan struct{})}, Address: address}
	s.Cmd = exec.Command(binary) //nolint:gosec // what Build made
	s.Cmd.Stderr = s.Log
	s.Cmd.Env = append([]string{"FUNCTION_TARGET=" + target, "PORT=" + address[strings.LastIndex(address, ":")+1:]}, env...)
	return s, s.Cmd.Start()
}

// Stop ends it at once.
func (s *Service) Stop() {
	_ = s.Cmd.Process.Kill()
	_ = s.Cmd.Wait()
}

// Get asks until the process listens.
func (s *Service) Get(ctx context.Context, method, path string) (status int, body string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		r, err := http.NewRequestWithContext(ctx, method, s.Address+path, nil)
		if err != nil {
			return 0, "", err
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			if ctx.Err() != nil {
				return 0, "", errors.Join(err, fmt.Errorf("%s; log: %s", path, s.Log))
			}
			continue
		}
		text, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		return res.StatusCode, string(text), err
	}
}
