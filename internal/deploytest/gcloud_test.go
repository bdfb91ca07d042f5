package deploytest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// parseCommand parses a command with gcloud's own parser, without an account or network
// access. gcloud reports syntax errors before a missing account.
func parseCommand(t *testing.T, args ...string) (out string, ok bool) {
	t.Helper()
	p, err := startParser()
	if err != nil {
		t.Fatal(err)
	}
	out, err = p.parse(args)
	if err != nil {
		t.Fatal(err)
	}
	return out, strings.Contains(out, "do not currently have an active account")
}

// parser is one gcloud process for all tests. It ends when its standard input is closed.
type parser struct {
	mu        sync.Mutex
	configDir string
	in        *json.Encoder
	out       *json.Decoder
	stderr    *bytes.Buffer
}

var parserStarted atomic.Bool

var startParser = sync.OnceValues(func() (*parser, error) {
	parserStarted.Store(true)
	format := "--format=csv[no-heading](installation.sdk_root,basic.python_location)"
	info, err := exec.Command("gcloud", "info", format).Output()
	if err != nil {
		return nil, err
	}
	sdk, python, _ := strings.Cut(strings.TrimSpace(string(info)), ",")
	folder, err := os.MkdirTemp("", "gcloud")
	if err != nil {
		return nil, err
	}
	script, err := filepath.Abs("testdata/parse.py")
	if err != nil {
		return nil, err
	}
	p := &parser{configDir: folder, stderr: &bytes.Buffer{}}
	cmd := exec.Command(python, script, sdk)
	cmd.Dir, cmd.Stderr = root, p.stderr
	cmd.Env = append(os.Environ(), "CLOUDSDK_CONFIG="+folder, "CLOUDSDK_CORE_CHECK_GCE_METADATA=false",
		"CLOUDSDK_CORE_DISABLE_PROMPTS=1", "https_proxy=http://127.0.0.1:9", "HTTPS_PROXY=http://127.0.0.1:9",
		"GOOGLE_APPLICATION_CREDENTIALS=")
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.in, p.out = json.NewEncoder(in), json.NewDecoder(out)
	return p, cmd.Start()
})

func (p *parser) parse(args []string) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var result struct{ Output string }
	err := p.in.Encode(args)
	if err == nil {
		err = p.out.Decode(&result)
	}
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, p.stderr)
	}
	return result.Output, nil
}

func requireGcloud(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("gcloud"); err != nil {
		t.Skip("NOT TESTED: deploy.sh, cloudbuild.yaml and the uploads with gcloud. gcloud was not found")
	}
}

// splitWords splits a line into words as bash does.
func splitWords(t *testing.T, line string) []string {
	t.Helper()
	script := `eval "set -- $1"; printf '%s\0' "$@"`
	out, err := exec.CommandContext(t.Context(), "bash", "-c", script, "-", line).Output()
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
}

// commandKind returns a command's first three words and the names of its flags.
func commandKind(args []string) string {
	var out []string
	for i, a := range args {
		name, _, hasValue := strings.Cut(a, "=")
		if strings.HasPrefix(a, "--") && hasValue || strings.HasPrefix(a, "--") || i < 3 {
			out = append(out, name)
		}
	}
	return strings.Join(out, " ")
}

func TestGcloud_ParsesDryRun(t *testing.T) {
	t.Parallel()
	requireGcloud(t)
	c := newCloud(t)
	base := []string{"--project", "my-project-1", "--region", "europe-west1", "--dry-run"}
	var lines []string
	for _, more := range [][]string{
		c.allArgs(),
		{"--from-source", "--only", "services"},
		{"--promote", "--tag", "c1"},
		{"--rollback"},
		{"--image", "eu.pkg.dev/p/x:1", "--tag", "c1", "--no-traffic"},
	} {
		code, out := c.deploy(append(slices.Clone(base), more...)...)
		if code != 0 {
			t.Fatalf("%v: %d %s", more, code, out)
		}
		lines = append(lines, strings.Split(out, "\n")...)
	}
	seen := map[string]bool{}
	for _, line := range lines {
		_, command, piped := strings.Cut(line, " | gcloud ")
		if piped {
			line = "gcloud " + command
		}
		if !strings.HasPrefix(line, "gcloud ") {
			continue
		}
		args := splitWords(t, line)[1:]
		if seen[commandKind(args)] {
			continue
		}
		seen[commandKind(args)] = true
		t.Run(strings.Join(args[:3], "-"), func(t *testing.T) {
			t.Parallel()
			if out, ok := parseCommand(t, args...); !ok {
				t.Errorf("%s\n%s", line, out)
			}
		})
	}
	if len(seen) < 25 {
		t.Errorf("only %d kinds of commands were parsed", len(seen))
	}
}

// TestGcloud_ParsesReads parses the calls with which deploy.sh reads the project.
func TestGcloud_ParsesReads(t *testing.T) {
	t.Parallel()
	requireGcloud(t)
	c, base := deployTwice(t)
	for _, more := range [][]string{
		{"--tag", "c2", "--promote"},
		{"--rollback"},
		{"--kms", "--set", "API_AUDIENCE=https://api.example.com"},
		{"--only", "services", "--image", "eu.pkg.dev/p/deputy:3", "--tag", "c-12345678", "--no-traffic"},
		{"--tag", "c-12345678", "--promote"},
		{"--only", "services", "--image", "eu.pkg.dev/p/deputy:4", "--tag", "c-87654321", "--no-traffic"},
		{"--tag", "c-87654321", "--promote"},
	} {
		if code, out := c.deploy(append(slices.Clone(base), more...)...); code != 0 {
			t.Fatalf("%v: %d: %s", more, code, out)
		}
	}
	first := newCloud(t)
	if code, out := first.deploy(first.allArgs()...); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	seen := map[string]bool{}
	for _, call := range append(c.calls(), first.calls()...) {
		isLater := call[0] == "gcloud" && isChange(call) &&
			(call[2] == "services" && call[3] == "update-traffic" || call[1] == "scheduler")
		if call[0] != "gcloud" || isChange(call) && !isLater || seen[commandKind(call[1:])] {
			continue // TestGcloud_ParsesDryRun parses the changes of a first run
		}
		seen[commandKind(call[1:])] = true
		t.Run(strings.Join(call[1:4], "-"), func(t *testing.T) {
			t.Parallel()
			if out, ok := parseCommand(t, call[1:]...); !ok {
				t.Errorf("%v\n%s", call, out)
			}
		})
	}
	if len(seen) < 15 {
		t.Errorf("only %d kinds of reads were parsed", len(seen))
	}
}

func TestGcloud_RejectsUnknown(t *testing.T) {
	t.Parallel()
	requireGcloud(t)
	for _, args := range [][]string{
		{"run", "services", "describe", "x", "--regin=r"}, {"run", "services", "portray", "x"},
	} {
		if out, ok := parseCommand(t, append(args, "--project=my-project-1")...); ok {
			t.Errorf("%v: %s", args, out)
		}
	}
}

func TestGcloud_DecodesBuilds(t *testing.T) {
	t.Parallel()
	requireGcloud(t)
	for _, c := range [][]string{{"cloudbuild.yaml", "_REGION=europe-west1"}, {"deploy/build.yaml", "_IMAGE=x"}} {
		out, ok := parseCommand(t, "builds", "submit", "--no-source", "--config="+c[0], "--substitutions="+c[1],
			"--project=my-project-1")
		if !ok {
			t.Errorf("%s: %s", c[0], out)
		}
	}
	// A misspelled field is reported.
	broken := filepath.Join(t.TempDir(), "broken.yaml")
	text, err := os.ReadFile(filepath.Join(root, "cloudbuild.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	text = []byte(strings.Replace(string(text), "waitFor", "waitfor", 1))
	if err := os.WriteFile(broken, text, 0o600); err != nil {
		t.Fatal(err)
	}
	out, ok := parseCommand(t, "builds", "submit", "--no-source", "--config="+broken, "--project=my-project-1")
	if ok || !strings.Contains(out, "waitfor") {
		t.Errorf("misspelled field accepted: %s", out)
	}
}

// uploadedFiles returns the files of a folder that gcloud would upload.
func uploadedFiles(t *testing.T, folder string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "gcloud", "meta", "list-files-for-upload", folder) //nolint:gosec // a copy
	cmd.Env = append(os.Environ(), "CLOUDSDK_CONFIG="+t.TempDir(), "CLOUDSDK_CORE_DISABLE_PROMPTS=1")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	files := strings.Fields(string(out))
	slices.Sort(files)
	return files
}

// copyRepository copies the files that are in git or not ignored to a new folder, and adds
// secrets that must not be uploaded.
func copyRepository(t *testing.T) (folder string, files []string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", "ls-files", "--cached", "--others", "--exclude-standard")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	folder = t.TempDir()
	for name := range strings.Lines(string(out)) {
		name = strings.TrimSuffix(name, "\n")
		text, err := os.ReadFile(filepath.Join(root, name)) //nolint:gosec // in this repository
		if os.IsNotExist(err) {
			continue // deleted but not committed
		}
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, name)
		if err := os.MkdirAll(filepath.Dir(filepath.Join(folder, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, secret := range []string{
		".env", "client_secrets.json", "client_secrets_2.json", "docs/client_secrets.json", "bin/deputy", ".git/config",
		"client_secret_123-abc.apps.googleusercontent.com.json",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(folder, secret)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, secret), []byte("secret"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(files)
	return folder, files
}

var production = regexp.MustCompile(
	`^(go\.mod|go\.sum|functions\.go|(functions|shared)/.*\.(go|html|css)|` +
		`shared/api/openapi\.yaml|shared/i18n/locales/.*\.json)$`)

func TestUpload_SourceDeploy(t *testing.T) {
	t.Parallel()
	requireGcloud(t)
	folder, files := copyRepository(t)
	want := slices.DeleteFunc(files, func(name string) bool {
		return !production.MatchString(name) || strings.HasSuffix(name, "_test.go") ||
			strings.Contains(name, "/testdata/")
	})
	if diff := cmp.Diff(want, uploadedFiles(t, folder)); diff != "" || len(want) < 100 {
		t.Errorf("%d files: %s", len(want), diff)
	}
}

func TestUpload_ManualBuild(t *testing.T) {
	t.Parallel()
	requireGcloud(t)
	folder, files := copyRepository(t)
	err := os.Rename(filepath.Join(folder, ".gcloudignore-build"), filepath.Join(folder, ".gcloudignore"))
	if err != nil {
		t.Fatal(err)
	}
	want := slices.DeleteFunc(files, func(name string) bool { return name == ".gcloudignore-build" })
	if diff := cmp.Diff(want, uploadedFiles(t, folder)); diff != "" {
		t.Error(diff)
	}
}

func TestUpload_WithoutTestsFails(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, "deploy"), 0o700); err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile(filepath.Join(root, "deploy/test.sh"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "deploy/test.sh"), script, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "bash", filepath.Join(folder, "deploy/test.sh")) //nolint:gosec // a copy
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "the tests were not uploaded") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestShellScripts_Linters(t *testing.T) {
	t.Parallel()
	for _, program := range [][]string{{"shellcheck", "-x"}, {"shfmt", "-d"}} {
		if _, err := exec.LookPath(program[0]); err != nil {
			t.Skip("NOT TESTED: shell scripts. " + program[0] + " was not found; ./test.sh --all installs it")
		}
		args := slices.Concat(program[1:], []string{
			"deploy.sh", "test.sh", ".ci/run", "deploy/calls.sh", "deploy/infra.sh", "deploy/services.sh",
			"deploy/checklist.sh", "deploy/pins.sh", "deploy/test.sh",
		})
		cmd := exec.CommandContext(t.Context(), program[0], args...) //nolint:gosec // fixed names
		cmd.Dir = root
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %s", program[0], out)
		}
	}
}
