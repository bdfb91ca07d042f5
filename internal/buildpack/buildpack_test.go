// Package buildpack builds and starts Deputy the way Google's Go buildpack
// does, and keeps the rules that it makes for the root package
// (platform.md 1.1 to 1.6).
package buildpack

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"go/parser"
	"go/token"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	// The generated main links it; named here so that go.mod and go.sum have
	// all of it, and the buildpack's own tidy finds nothing to fetch.
	_ "github.com/GoogleCloudPlatform/functions-framework-go/funcframework"

	"example.com/deputy/shared/seal"
)

const root = "../.."

func TestTheRootPackageIsOneTheBuildpackCanDeploy(t *testing.T) {
	// The buildpack parses every file of the folder, tests and ignored ones too.
	packages, err := parser.ParseDir(token.NewFileSet(), root, nil, parser.ImportsOnly) //nolint:staticcheck // as the buildpack does it
	if err != nil {
		t.Fatal(err)
	}
	if len(packages) != 1 {
		t.Errorf("packages at the root: got %d, want 1", len(packages))
	}
	declarative := false
	for name, p := range packages {
		if name == "main" {
			t.Error("the root is a program; it must be importable")
		}
		for path, file := range p.Files {
			if strings.HasSuffix(path, "_test.go") {
				t.Errorf("%s: no tests at the root", path)
			}
			for _, spec := range file.Imports {
				declarative = declarative || spec.Path.Value == `"github.com/GoogleCloudPlatform/functions-framework-go/functions"`
			}
		}
	}
	if !declarative {
		t.Error("no root file imports the framework's functions: the buildpack would look for exported names instead")
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(strings.SplitN(string(mod), "\n", 2)[0], "module "), "/")
	if !strings.Contains(first, ".") {
		t.Errorf("module path begins with %q: the buildpack wants a dot in it", first)
	}
	for _, folder := range []string{"vendor", "serverless_function_source_code"} {
		if _, err := os.Stat(filepath.Join(root, folder)); err == nil {
			t.Errorf("%s exists at the root", folder)
		}
	}
}

// generated is a main like the one the buildpack writes for functions that
// register themselves.
const generated = `package main

import (
	"log"
	"os"

	_ "example.com/deputy"
	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"
)

func main() {
	if err := funcframework.StartHostPort("127.0.0.1", os.Getenv("PORT")); err != nil {
		log.Fatal(err)
	}
}
`

// build makes the one binary, once for all tests. The main exists only in an
// overlay, so the tree stays as it is.
var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "deputy")
	if err != nil {
		return "", err
	}
	at, err := filepath.Abs(filepath.Join(root, "serverless_function_source_code", "main.go"))
	if err != nil {
		return "", err
	}
	source, overlay, binary := filepath.Join(dir, "main.go"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "deputy")
	text, err := json.Marshal(map[string]any{"Replace": map[string]string{at: source}})
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(source, []byte(generated), 0o600); err != nil {
		return "", err
	}
	if err := os.WriteFile(overlay, text, 0o600); err != nil {
		return "", err
	}
	cmd := exec.Command("go", "build", "-overlay", overlay, "-o", binary, "./serverless_function_source_code")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return binary, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if binary, err := build(); err == nil {
		_ = os.RemoveAll(filepath.Dir(binary))
	}
	os.Exit(code)
}

// service is the binary running as one function.
type service struct {
	t       *testing.T
	cmd     *exec.Cmd
	address string
	log     *lines
}

// lines is what a process wrote so far.
type lines struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	wrote chan struct{} // closed at the next write
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.wrote)
	l.wrote = make(chan struct{})
	return l.buf.Write(p)
}

func (l *lines) String() string { l.mu.Lock(); defer l.mu.Unlock(); return l.buf.String() }

// logs waits until the process has written a text.
func (s *service) logs(text string) {
	s.t.Helper()
	late := time.After(10 * time.Second)
	for {
		s.log.mu.Lock()
		wrote, found := s.log.wrote, strings.Contains(s.log.buf.String(), text)
		s.log.mu.Unlock()
		if found {
			return
		}
		select {
		case <-wrote:
		case <-late:
			s.t.Errorf("%q is not in the log: %s", text, s.log)
			return
		}
	}
}

func deploy(t *testing.T, target string, env ...string) *service {
	t.Helper()
	return deployAt(t, freeAddress(t), target, env...)
}

// freeAddress is one that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = free.Close() }()
	return "http://" + free.Addr().String()
}

func deployAt(t *testing.T, address, target string, env ...string) *service {
	t.Helper()
	binary, err := build()
	if err != nil {
		t.Fatal(err)
	}
	s := &service{t: t, log: &lines{wrote: make(chan struct{})}, address: address}
	s.cmd = exec.Command(binary)
	s.cmd.Stderr = s.log
	s.cmd.Env = append([]string{"FUNCTION_TARGET=" + target, "PORT=" + address[strings.LastIndex(address, ":")+1:]}, env...)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.cmd.Process.Kill(); _ = s.cmd.Wait() })
	return s
}

// get asks until the process listens.
func (s *service) get(method, path string) (int, string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	defer cancel()
	for {
		r, err := http.NewRequestWithContext(ctx, method, s.address+path, nil)
		if err != nil {
			s.t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			if ctx.Err() != nil {
				s.t.Fatalf("%s: %v; log: %s", path, err, s.log)
			}
			continue
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil {
			s.t.Fatal(err)
		}
		return res.StatusCode, string(body)
	}
}

func whole(t *testing.T) []string {
	t.Helper()
	keyset, lookup, err := seal.Generate()
	if err != nil {
		t.Fatal(err)
	}
	return []string{
		"GOOGLE_CLOUD_PROJECT=p", "API_AUDIENCE=https://api.deputy.example.com", "CHAT_PROJECT_NUMBER=123", "CHAT_ENDPOINT_URL=https://chat.deputy.example.com/", "OAUTH_CALLBACK_URL=https://deputy.example.com",
		"KEYSET=" + keyset.Reveal(), "LOOKUP_KEYSET=" + lookup.Reveal(),
		`OAUTH_CLIENT={"web":{"client_id":"c","client_secret":"GOCSPX-marked","redirect_uris":["https://deputy.example.com/callback"]}}`,
		"FIRESTORE_EMULATOR_HOST=127.0.0.1:1", // nobody answers there, and nobody is asked
	}
}

func TestOneBinaryAnswersForEachFunctionTarget(t *testing.T) {
	env := whole(t)
	for target, want := range map[string]struct {
		method, path string
		status       int
		text         string
	}{
		"ChatEvent":     {"POST", "/", 401, ""},
		"OAuthCallback": {"GET", "/start?invitation=x", 410, "This link has expired"},
		"CreateSpace":   {"POST", "/v1/spaces", 401, "urn:deputy:problem:unauthenticated"},
		"SecurityEvent": {"POST", "/", 400, "invalid_request"},
	} {
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			s := deploy(t, target, env...)
			for path, status := range map[string]int{"/health": 200, "/ready": 200, "/favicon.ico": 404} {
				if got, body := s.get("GET", path); got != status {
					t.Errorf("%s: got %d %s, want %d; log: %s", path, got, body, status, s.log)
				}
			}
			status, body := s.get(want.method, want.path)
			if status != want.status || !strings.Contains(body, want.text) {
				t.Errorf("got %d %q, want %d with %q", status, body, want.status, want.text)
			}
			if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if err := s.cmd.Wait(); err != nil {
				t.Errorf("after SIGTERM: %v", err)
			}
		})
	}
}

func TestAnIncompleteConfigurationIsToldAtOnceAndTheProcessLives(t *testing.T) {
	s := deploy(t, "ChatEvent", "GOOGLE_CLOUD_PROJECT=p", `OAUTH_CLIENT={"installed":{"client_id":"c"}}`)
	if status, _ := s.get("GET", "/health"); status != 200 {
		t.Errorf("/health: got %d, want 200", status)
	}
	if status, body := s.get("GET", "/ready"); status != 503 || strings.Contains(body, "KEYSET") {
		t.Errorf("/ready: got %d %q, want 503 without details", status, body)
	}
	for _, want := range []string{"CHAT_PROJECT_NUMBER is not set", "CHAT_ENDPOINT_URL is not set", "OAUTH_CALLBACK_URL is not set", "KEYSET is not set", "LOOKUP_KEYSET is not set", "desktop client"} {
		s.logs(want)
	}
	if strings.Contains(s.log.String(), "redirect URIs") {
		t.Errorf("a fault that follows from another is told: %s", s.log)
	}
}

func TestAKeysetThatDoesNotFitItsWrappingIsToldAtOnce(t *testing.T) {
	s := deploy(t, "OAuthCallback", append(whole(t), "KEYSET_KEK=projects/p/cryptoKeys/k")...)
	if status, _ := s.get("GET", "/ready"); status != 503 {
		t.Errorf("/ready: got %d, want 503", status)
	}
	s.logs("must be gcp-kms://projects/PROJECT")
}

func TestTheEmulatorsVariableIsRefusedInADeployedService(t *testing.T) {
	s := deploy(t, "OAuthCallback", append(whole(t), "K_SERVICE=oauthcallback")...)
	if status, _ := s.get("GET", "/ready"); status != 503 {
		t.Errorf("/ready: got %d, want 503", status)
	}
	s.logs("FIRESTORE_EMULATOR_HOST is set in a deployed service")
}

func TestAnUnknownTargetEndsTheProcess(t *testing.T) {
	if err := deploy(t, "Nope", whole(t)...).cmd.Wait(); err == nil {
		t.Error("the process ended well")
	}
}
