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

	"example.com/deputy/internal/deployed"
	"example.com/deputy/shared/seal"
)

// TestMain runs the server in the processes that startServer starts.
func TestMain(m *testing.M) {
	if os.Getenv("SERVE") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// startServer starts the server as a process with all variables set, and returns its address.
func startServer(t *testing.T) (string, *exec.Cmd) {
	t.Helper()
	keyset, lookup, err := seal.Generate()
	if err != nil {
		t.Fatal(err)
	}
	address, err := deployed.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	address = strings.TrimPrefix(address, "http://")
	_, port, _ := strings.Cut(address, ":")
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program) //nolint:gosec // this test binary
	const origin = "https://deputy.example.com"
	cmd.Env = append(os.Environ(), "SERVE=yes", "PORT="+port,
		"GOOGLE_CLOUD_PROJECT=p", "KEYSET="+keyset.Reveal(), "LOOKUP_KEYSET="+lookup.Reveal(),
		"OAUTH_CALLBACK_URL="+origin+"/oauthcallback",
		`OAUTH_CLIENT={"web":{"client_id":"c","client_secret":"s",`+
			`"redirect_uris":["`+origin+`/oauthcallback/callback"]}}`,
		"CHAT_PROJECT_NUMBER=1", "CALLERS=/nowhere/callers.yaml", "OAUTH_CLIENT_ID=c",
		"CHAT_ENDPOINT_URL="+origin+"/chatevent", "API_AUDIENCE="+origin,
		"FIRESTORE_EMULATOR_HOST=127.0.0.1:1") // not used by these requests
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
			return address, cmd
		}
	}
	t.Fatal("the server did not start")
	return "", nil
}

// requestStatus returns the status of a request without a body.
func requestStatus(t *testing.T, method, address string) int {
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

func TestServer_Paths(t *testing.T) {
	address, _ := startServer(t)
	for path, want := range map[string]int{
		"GET /health": 200, "GET /startup": 200, "GET /ready": 503, "POST /chatevent": 401,
		"GET /chatevent/startup": 200, "GET /chatevent/ready": 503,
		"GET /oauthcallback/": 200, "GET /oauthcallback/privacy": 200, "GET /createspace/openapi.yaml": 200,
		"GET /createspace/v1/spaces": 401, "POST /securityevent/": 400, "GET /elsewhere": 404,
	} {
		method, path, _ := strings.Cut(path, " ")
		if got := requestStatus(t, method, "http://"+address+path); got != want {
			t.Errorf("%s: got %d, want %d", path, got, want)
		}
	}
}

func TestServer_DrainsOnSIGTERM(t *testing.T) {
	address, cmd := startServer(t)
	if got := requestStatus(t, "GET", "http://"+address+"/startup"); got != 200 {
		t.Fatalf("/startup: %d", got)
	}
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	// Half of a form's body. 100 Continue confirms that the server is reading it.
	_, _ = fmt.Fprintf(conn, "POST /oauthcallback/approve HTTP/1.1\r\nHost: d\r\n"+
		"Content-Type: application/x-www-form-urlencoded\r\nExpect: 100-continue\r\nContent-Length: 8\r\n\r\n")
	responses := bufio.NewReader(conn)
	if line, err := responses.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("%q, %v", line, err)
	}
	if _, err := responses.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(conn, "toke")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	refused := false
	for !refused {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		if refused = err != nil; !refused {
			_ = conn.Close()
		}
	}
	_, _ = io.WriteString(conn, "n=x&")
	res, err := http.ReadResponse(responses, nil)
	if err != nil || res.StatusCode != http.StatusBadRequest {
		t.Fatalf("%v, %v", res, err)
	}
	_ = res.Body.Close()
	if err := cmd.Wait(); err != nil { // want exit status 0
		t.Error(err)
	}
}
