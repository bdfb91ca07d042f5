// Package buildpack tests the rules of Google's buildpack for the root package and the binary that it builds.
package buildpack

import (
	"go/parser"
	"go/token"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"example.com/deputy/internal/deployed"
	"example.com/deputy/shared/seal"
)

const root = "../.."

func TestRootPackage(t *testing.T) {
	// The buildpack parses every file of the directory, including tests and ignored files.
	//nolint:staticcheck // the buildpack uses it
	packages, err := parser.ParseDir(token.NewFileSet(), root, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	if len(packages) != 1 {
		t.Errorf("packages at the root: got %d, want 1", len(packages))
	}
	const framework = "github.com/GoogleCloudPlatform/functions-framework-go/functions"
	declarative := false
	for name, p := range packages {
		if name == "main" {
			t.Error("the root package is main and cannot be imported")
		}
		for path, file := range p.Files {
			if strings.HasSuffix(path, "_test.go") {
				t.Errorf("%s: test file at the root", path)
			}
			for _, spec := range file.Imports {
				declarative = declarative || spec.Path.Value == `"`+framework+`"`
			}
		}
	}
	if !declarative {
		t.Error("no root file imports the functions framework: the buildpack would look for exported names")
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(strings.SplitN(string(mod), "\n", 2)[0], "module "), "/")
	if !strings.Contains(first, ".") {
		t.Errorf("module path begins with %q: the buildpack requires a dot", first)
	}
	for _, folder := range []string{"vendor", "serverless_function_source_code"} {
		if _, err := os.Stat(filepath.Join(root, folder)); err == nil {
			t.Errorf("%s exists at the root", folder)
		}
	}
}

var build = sync.OnceValues(func() (string, error) { return deployed.Build(root) })

func TestMain(m *testing.M) {
	if from := os.Getenv(forwardFrom); from != "" {
		forward(from, os.Getenv(forwardTo))
		return
	}
	code := m.Run()
	if binary, err := build(); err == nil {
		_ = os.RemoveAll(filepath.Dir(binary))
	}
	os.Exit(code)
}

// service is a running function that fails the test on errors.
type service struct {
	*deployed.Service
	t *testing.T
}

// waitForLog waits until the process has logged text.
func (s *service) waitForLog(text string) {
	s.t.Helper()
	if err := s.Log.WaitFor(text); err != nil {
		s.t.Error(err)
	}
}

func deploy(t *testing.T, target string, env ...string) *service {
	t.Helper()
	return deployAt(t, freeAddress(t), target, env...)
}

func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := deployed.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

func deployAt(t *testing.T, address, target string, env ...string) *service {
	t.Helper()
	binary, err := build()
	if err != nil {
		t.Fatal(err)
	}
	s, err := deployed.Start(binary, address, target, env...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return &service{s, t}
}

// get sends a request, retrying until the process listens.
func (s *service) get(method, path string) (int, string) {
	s.t.Helper()
	status, body, err := s.Get(s.t.Context(), method, path)
	if err != nil {
		s.t.Fatal(err)
	}
	return status, body
}

func environment(t *testing.T) []string {
	t.Helper()
	keyset, lookup, err := seal.Generate()
	if err != nil {
		t.Fatal(err)
	}
	return []string{
		"GOOGLE_CLOUD_PROJECT=p", "CALLERS=/nowhere/callers.yaml", "OAUTH_CLIENT_ID=c",
		"API_AUDIENCE=https://api.deputy.example.com", "CHAT_PROJECT_NUMBER=123",
		"CHAT_ENDPOINT_URL=https://chat.deputy.example.com/", "OAUTH_CALLBACK_URL=https://deputy.example.com",
		"KEYSET=" + keyset.Reveal(), "LOOKUP_KEYSET=" + lookup.Reveal(),
		`OAUTH_CLIENT={"web":{"client_id":"c","client_secret":"GOCSPX-marked",` +
			`"redirect_uris":["https://deputy.example.com/callback"]}}`,
		"FIRESTORE_EMULATOR_HOST=127.0.0.1:1", // unused: no server listens there
	}
}

func TestFunctionTargets(t *testing.T) {
	env := environment(t)
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
			for path, status := range map[string]int{
				"/health": 200, "/startup": 200, "/ready": 503, "/favicon.ico": 404,
			} {
				if got, body := s.get("GET", path); got != status {
					t.Errorf("%s: got %d %s, want %d; log: %s", path, got, body, status, s.Log)
				}
			}
			status, body := s.get(want.method, want.path)
			if status != want.status || !strings.Contains(body, want.text) {
				t.Errorf("got %d %q, want %d with %q", status, body, want.status, want.text)
			}
			if err := s.Cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if err := s.Cmd.Wait(); err != nil {
				t.Errorf("after SIGTERM: %v", err)
			}
		})
	}
}

// send sends a request, and follows no redirect.
func (s *service) send(method, path, authorization string) (status int, body string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.Address+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", authorization)
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// Whatever the path, the API answers in words: a base address may end with a slash.
func TestDeployed_UncleanPath(t *testing.T) {
	s := deploy(t, "CreateSpace", environment(t)...)
	s.get("GET", "/health") // listens now
	for path, want := range map[string]string{
		"//v1/spaces": "unauthenticated", "///v1//spaces": "unauthenticated", "/v1/spaces/": "not_found",
		"//nowhere": "not_found", "/v1/../v1/spaces": "unauthenticated", "/v1/./spaces": "unauthenticated",
	} {
		status, body := s.send("POST", path, "")
		if status < 400 || !strings.Contains(body, "urn:deputy:problem:"+want) {
			t.Errorf("%s: got %d %q, want %s", path, status, body, want)
		}
	}
}

// A header that no caller needs is refused before a function sees it.
func TestDeployed_LargeHeader(t *testing.T) {
	s := deploy(t, "CreateSpace", environment(t)...)
	s.get("GET", "/health") // listens now
	status, _ := s.send("POST", "/v1/spaces", "Bearer "+strings.Repeat(".", 128<<10))
	if status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("got %d", status)
	}
}

func TestConfiguration_Incomplete(t *testing.T) {
	s := deploy(t, "ChatEvent", "GOOGLE_CLOUD_PROJECT=p",
		`OAUTH_CLIENT={"installed":{"client_id":"c","client_secret":"s"}}`)
	if status, _ := s.get("GET", "/health"); status != 200 {
		t.Errorf("/health: got %d, want 200", status)
	}
	if status, body := s.get("GET", "/ready"); status != 503 || strings.Contains(body, "KEYSET") {
		t.Errorf("/ready: got %d %q, want 503 without details", status, body)
	}
	for _, want := range []string{
		"CHAT_PROJECT_NUMBER is not set", "CHAT_ENDPOINT_URL is not set", "OAUTH_CALLBACK_URL is not set",
		"KEYSET is not set", "LOOKUP_KEYSET is not set", "desktop client",
	} {
		s.waitForLog(want)
	}
	if strings.Contains(s.Log.String(), "redirect URIs") {
		t.Errorf("a consequential error is logged: %s", s.Log)
	}
}

func TestConfiguration_InvalidKEK(t *testing.T) {
	s := deploy(t, "OAuthCallback", append(environment(t), "KEYSET_KEK=projects/p/cryptoKeys/k")...)
	if status, _ := s.get("GET", "/ready"); status != 503 {
		t.Errorf("/ready: got %d, want 503", status)
	}
	s.waitForLog("must be gcp-kms://projects/PROJECT")
}

func TestConfiguration_EmulatorInService(t *testing.T) {
	s := deploy(t, "OAuthCallback", append(environment(t), "K_SERVICE=oauthcallback")...)
	if status, _ := s.get("GET", "/ready"); status != 503 {
		t.Errorf("/ready: got %d, want 503", status)
	}
	s.waitForLog("FIRESTORE_EMULATOR_HOST is set in a deployed service")
}

func TestFunctionTargets_Unknown(t *testing.T) {
	if err := deploy(t, "Nope", environment(t)...).Cmd.Wait(); err == nil {
		t.Error("the process ended without an error")
	}
}
