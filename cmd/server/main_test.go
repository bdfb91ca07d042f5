package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/deputy/shared/seal"
)

// TestMain is the server itself in the processes that serving starts.
func TestMain(m *testing.M) {
	if os.Getenv("SERVE") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// serving starts the server as a process with a whole environment, and gives
// its address.
func serving(t *testing.T) (string, *exec.Cmd) {
	t.Helper()
	keyset, lookup, err := seal.Generate()
	if err != nil {
		t.Fatal(err)
	}
	free, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(free.Addr().String())
	_ = free.Close()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program) //nolint:gosec // ourselves
	cmd.Env = append(os.Environ(), "SERVE=yes", "PORT="+port,
		"GOOGLE_CLOUD_PROJECT=p", "KEYSET="+keyset.Reveal(), "LOOKUP_KEYSET="+lookup.Reveal(), "OAUTH_CALLBACK_URL=https://deputy.example.com/oauthcallback",
		`OAUTH_CLIENT={"web":{"client_id":"c","client_secret":"s","redirect_uris":["https://deputy.example.com/oauthcallback/callback"]}}`,
		"CHAT_PROJECT_NUMBER=1", "CALLERS=/nowhere/callers.yaml", "OAUTH_CLIENT_ID=c", "CHAT_ENDPOINT_URL=https://deputy.example.com/chatevent", "API_AUDIENCE=https://deputy.example.com",
		"FIRESTORE_EMULATOR_HOST=127.0.0.1:1") // nothing is asked of it here
	log, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "serving") {
			go func() { _, _ = io.Copy(io.Discard, log) }()
			return "127.0.0.1:" + port, cmd
		}
	}
	t.Fatal("it never served")
	return "", nil
}

func ask(t *testing.T, method, address string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode
}

func TestAllFunctionsAreServedBelowTheirPaths(t *testing.T) {
	address, _ := serving(t)
	for path, want := range map[string]int{
		"GET /health": 200, "GET /ready": 200, "POST /chatevent": 401, "GET /chatevent/ready": 200, "GET /oauthcallback/": 200, "GET /oauthcallback/privacy": 200,
		"GET /createspace/openapi.yaml": 200, "GET /createspace/v1/spaces": 401, "POST /securityevent/": 400, "GET /elsewhere": 404,
	} {
		method, path, _ := strings.Cut(path, " ")
		if got := ask(t, method, "http://"+address+path); got != want {
			t.Errorf("%s: got %d, want %d", path, got, want)
		}
	}
}

func TestWhatIsInFlightIsAnsweredBeforeTheServerEnds(t *testing.T) {
	address, cmd := serving(t)
	if got := ask(t, "GET", "http://"+address+"/ready"); got != 200 {
		t.Fatalf("/ready: %d", got)
	}
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	// A form of which one half has come; 100 Continue says that it is being read.
	_, _ = fmt.Fprintf(conn, "POST /oauthcallback/approve HTTP/1.1\r\nHost: d\r\nContent-Type: application/x-www-form-urlencoded\r\nExpect: 100-continue\r\nContent-Length: 8\r\n\r\n")
	answers := bufio.NewReader(conn)
	if line, err := answers.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("%q, %v", line, err)
	}
	if _, err := answers.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(conn, "toke")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	refused := false
	for !refused {
		late, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		if refused = err != nil; !refused {
			_ = late.Close()
		}
	}
	_, _ = io.WriteString(conn, "n=x&")
	res, err := http.ReadResponse(answers, nil)
	if err != nil || res.StatusCode != http.StatusBadRequest {
		t.Fatalf("%v, %v", res, err)
	}
	_ = res.Body.Close()
	if err := cmd.Wait(); err != nil { // ends with 0
		t.Error(err)
	}
}
