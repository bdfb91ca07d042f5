package deploytest

import (
	"bufio"
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"example.com/deputy/internal/deploytest/cloudapi"
)

const (
	realProject = "my-project-1"
	realRegion  = "europe-west1"
)

// realCloud is a project in which deploy.sh runs with the real gcloud and the emulator of Google's REST APIs.
type realCloud struct {
	*cloudapi.Server
	t      *testing.T
	env    []string
	client string // path of the OAuth client file
}

// hosts are the APIs whose addresses gcloud is told.
var realHosts = []string{
	"artifactregistry", "cloudbuild", "cloudkms", "cloudresourcemanager", "cloudscheduler", "firestore", "iam",
	"logging", "monitoring", "run", "secretmanager", "serviceusage", "storage",
}

var buildShim = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "shim")
	if err != nil {
		return "", err
	}
	for name, source := range map[string]string{"gcloud": "./shim", "go": "./stub"} {
		cmd := exec.Command("go", "build", "-o", filepath.Join(folder, name), source) //nolint:gosec // a test path
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("%w: %s", err, out)
		}
	}
	for _, name := range []string{"curl", "sleep"} {
		if err := os.Symlink("go", filepath.Join(folder, name)); err != nil {
			return "", err
		}
	}
	return folder, nil
})

func newRealCloud(t *testing.T) *realCloud {
	t.Helper()
	if _, err := exec.LookPath("gcloud"); err != nil {
		t.Skip("NOT TESTED: deploy.sh with the real gcloud, which is not installed")
	}
	shim, err := buildShim()
	if err != nil {
		t.Fatal(err)
	}
	c := &realCloud{Server: cloudapi.New(realProject, 123456789012), t: t}
	c.Push(realImage, "first")
	proxy := httptest.NewServer(c)
	t.Cleanup(proxy.Close)
	folder, err := os.MkdirTemp("", "cloud") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	c.client = write("client_secrets.json", `{"web":{"client_id":"c","client_secret":"CLIENT-SECRET"}}`+"\n")
	socket := filepath.Join(folder, "gcloud")
	env := append(os.Environ(), "CLOUDSDK_CONFIG="+filepath.Join(folder, "config"),
		"CLOUDSDK_AUTH_ACCESS_TOKEN_FILE="+write("token", "ya29.x"), "CLOUDSDK_CORE_DISABLE_PROMPTS=1",
		"CLOUDSDK_CORE_CHECK_GCE_METADATA=false", "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING=true",
		"CLOUDSDK_SURVEY_DISABLE_PROMPTS=true", "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK=true",
		"GOOGLE_APPLICATION_CREDENTIALS=", "http_proxy="+proxy.URL, "HTTP_PROXY="+proxy.URL,
		"https_proxy=http://127.0.0.1:9", "HTTPS_PROXY=http://127.0.0.1:9", "no_proxy=", "NO_PROXY=")
	for _, host := range realHosts {
		env = append(env, "CLOUDSDK_API_ENDPOINT_OVERRIDES_"+strings.ToUpper(host)+"=http://"+host+".googleapis.com/")
	}
	c.env = append(slices.Clone(env), "PATH="+shim+":"+os.Getenv("PATH"), "GCLOUD_SOCKET="+socket, "STUB="+folder)
	startGcloud(t, env, socket)
	return c
}

// startGcloud starts the process that runs gcloud's commands until the test ends.
func startGcloud(t *testing.T, env []string, socket string) {
	t.Helper()
	format := "--format=csv[no-heading](installation.sdk_root,basic.python_location)"
	info, err := exec.CommandContext(t.Context(), "gcloud", "info", format).Output()
	if err != nil {
		t.Fatal(err)
	}
	sdk, python, _ := strings.Cut(strings.TrimSpace(string(info)), ",")
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	cmd := exec.CommandContext(ctx, python, "testdata/serve.py", sdk, socket) //nolint:gosec // gcloud's Python
	cmd.Env, cmd.Stderr = env, os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = cmd.Wait() })
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("gcloud: %q, %v", line, err)
	}
}

// deploy runs deploy.sh with the project and the region.
func (c *realCloud) deploy(args ...string) (code int, out string) {
	c.t.Helper()
	all := append([]string{"--project", realProject, "--region", realRegion}, args...)
	cmd := exec.CommandContext(c.t.Context(), "./deploy.sh", all...) //nolint:gosec // a test's arguments
	cmd.Dir, cmd.Env = root, c.env
	text, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		c.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(text)
}

const realImage = "europe-west1-docker.pkg.dev/my-project-1/deputy/deputy:x"

// must is deploy for a run that must succeed. It returns the calls that changed something.
func (c *realCloud) must(args ...string) []string {
	c.t.Helper()
	before := len(c.Calls())
	if code, out := c.deploy(args...); code != 0 {
		c.t.Fatalf("%v: exit %d: %s", args, code, out)
	}
	return c.Changes(before)
}

// inRelease skips a story, except in ./test.sh --release.
func inRelease(t *testing.T) {
	t.Helper()
	if !*everyFailure {
		t.Skip("NOT TESTED: this story of deploy.sh with the real gcloud; ./test.sh --release runs it")
	}
	t.Parallel()
}

func TestReal_SecondRun(t *testing.T) {
	if os.Getenv("TEST_ALL") == "" && !*everyFailure {
		t.Skip("NOT TESTED: deploy.sh with the real gcloud; ./test.sh --all runs one story")
	}
	c := newRealCloud(t)
	c.must("--image", realImage, "--client-secrets", c.client)
	for _, args := range [][]string{
		{"--image", realImage, "--client-secrets", c.client}, {"--image", realImage},
	} {
		if changes := c.must(args...); len(changes) > 0 {
			t.Errorf("%v: a second run changes %s", args, strings.Join(changes, "\n"))
		}
	}
}
