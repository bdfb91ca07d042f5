package deployed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// Service is a process that runs the binary as one function.
type Service struct {
	Cmd     *exec.Cmd
	Address string
	Log     *LogBuffer
}

// LogBuffer collects the output of a process.
type LogBuffer struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	wrote chan struct{} // closed by the next write
}

func (l *LogBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.wrote)
	l.wrote = make(chan struct{})
	return l.buf.Write(p)
}

func (l *LogBuffer) String() string { l.mu.Lock(); defer l.mu.Unlock(); return l.buf.String() }

// WaitFor waits up to 10 seconds until the output contains text.
func (l *LogBuffer) WaitFor(text string) error {
	timeout := time.After(10 * time.Second)
	for {
		l.mu.Lock()
		wrote, found := l.wrote, strings.Contains(l.buf.String(), text)
		l.mu.Unlock()
		if found {
			return nil
		}
		select {
		case <-wrote:
		case <-timeout:
			return fmt.Errorf("%q not found in log: %s", text, l)
		}
	}
}

// FreeAddress returns the URL of an unused loopback address. Its port is below the range from which the system gives
// ports to others, so that no other server takes it before the process listens.
func FreeAddress() (string, error) {
	var last error
	for range 20 {
		host := fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(10_000))
		listener, err := net.Listen("tcp", host)
		if err == nil {
			return "http://" + host, listener.Close()
		}
		last = err
	}
	return "", last
}

// Start runs the binary as the function target at address until Stop. The environment
// consists of env and the variables that select both.
func Start(binary, address, target string, env ...string) (*Service, error) {
	s := &Service{Log: &LogBuffer{wrote: make(chan struct{})}, Address: address}
	s.Cmd = exec.Command(binary) //nolint:gosec // from Build
	s.Cmd.Stderr = s.Log
	port := address[strings.LastIndex(address, ":")+1:]
	s.Cmd.Env = append([]string{"FUNCTION_TARGET=" + target, "PORT=" + port}, env...)
	return s, s.Cmd.Start()
}

// Stop kills the process.
func (s *Service) Stop() {
	_ = s.Cmd.Process.Kill()
	_ = s.Cmd.Wait()
}

// Get sends a request, retrying for up to 20 seconds until the process listens.
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
