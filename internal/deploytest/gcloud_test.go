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

// parsed gives a command to gcloud's own parser. It has no account and no way
// out, also on a machine of Google's: what it does not understand it says
// before it asks for the account (platform.md 4.1).
func parsed(t *testing.T, args ...string) (out string, understood bool) {
	t.Helper()
	p, err := theParser()
	if err != nil {
		t.Fatal(err)
	}
	said, err := p.read(args)
	if err != nil {
		t.Fatal(err)
	}
	return said, strings.Contains(said, "do not currently have an active account")
}

// parser is gcloud's own command line, in one process for all tests: it ends
// when its standard input does.
type parser struct {
	mu   sync.Mutex
	home string // of its configuration
	in   *json.Encoder
	out  *json.Decoder
	fail *bytes.Buffer
}

var parserStarted atomic.Bool

var theParser = sync.OnceValues(func() (*parser, error) {
	parserStarted.Store(true)
	info, err := exec.Command("gcloud", "info", "--format=csv[no-heading](installation.sdk_root,basic.python_location)").Output()
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
	p := &parser{home: folder, fail: &bytes.Buffer{}}
	cmd := exec.Command(python, script, sdk)
	cmd.Dir, cmd.Stderr = root, p.fail
	cmd.Env = append(os.Environ(), "CLOUDSDK_CONFIG="+folder, "CLOUDSDK_CORE_CHECK_GCE_METADATA=false", "CLOUDSDK_CORE_DISABLE_PROMPTS=1",
		"https_proxy=http://127.0.0.1:9", "HTTPS_PROXY=http://127.0.0.1:9", "GOOGLE_APPLICATION_CREDENTIALS=")
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

func (p *parser) read(args []string) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var said struct{ Said string }
	err := p.in.Encode(args)
	if err == nil {
		err = p.out.Decode(&said)
	}
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, p.fail)
	}
	return said.Said, nil
}

func needGcloud(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("gcloud"); err != nil {
		t.Skip("NOT TESTED: what gcloud itself says of deploy.sh's commands, cloudbuild.yaml and the uploads. No gcloud was found")
	}
}

// words reads a line as bash does.
func words(t *testing.T, line string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "bash", "-c", `eval "set -- $1"; printf '%s\0' "$@"`, "-", line).Output()
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
}

// kind is a command without what differs between two of a kind: its words, and
// the names of its flags.
func kind(args []string) string {
	var out []string
	for i, a := range args {
		name, _, flag := strings.Cut(a, "=")
		if strings.HasPrefix(a, "--") && flag || strings.HasPrefix(a, "--") || i < 3 {
			out = append(out, name)
		}
	}
	return strings.Join(out, " ")
}

func TestGcloudUnderstandsEveryCommandThatIsPrinted(t *testing.T) {
	t.Parallel()
	needGcloud(t)
	c := newCloud(t)
	base := []string{"--project", "my-project-1", "--region", "europe-west1", "--dry-run"}
	var lines []string
	for _, more := range [][]string{
		c.whole(), {"--from-source", "--only", "services"}, {"--promote", "--tag", "c1"}, {"--rollback"}, {"--image", "eu.pkg.dev/p/x:1", "--tag", "c1", "--no-traffic"},
	} {
		code, out := c.deploy(append(slices.Clone(base), more...)...)
		if code != 0 {
			t.Fatalf("%v: %d %s", more, code, out)
		}
		lines = append(lines, strings.Split(out, "\n")...)
	}
	seen := map[string]bool{}
	for _, line := range lines {
		_, behind, piped := strings.Cut(line, " | gcloud ")
		if piped {
			line = "gcloud " + behind
		}
		if !strings.HasPrefix(line, "gcloud ") {
			continue
		}
		args := words(t, line)[1:]
		if seen[kind(args)] {
			continue
		}
		seen[kind(args)] = true
		t.Run(strings.Join(args[:3], "-"), func(t *testing.T) {
			t.Parallel()
			if out, understood := parsed(t, args...); !understood {
				t.Errorf("%s\n%s", line, out)
			}
		})
	}
	if len(seen) < 25 {
		t.Errorf("only %d kinds of commands were tried", len(seen))
	}
}

// looks are the calls by which deploy.sh looks before it changes.
func TestGcloudUnderstandsEveryLook(t *testing.T) {
	t.Parallel()
	needGcloud(t)
	c, base := release(t)
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
	whole := newCloud(t)
	if code, out := whole.deploy(whole.whole()...); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	seen := map[string]bool{}
	for _, call := range append(c.calls(), whole.calls()...) {
		again := call[0] == "gcloud" && isChange(call) && (call[2] == "services" && call[3] == "update-traffic" || call[1] == "scheduler")
		if call[0] != "gcloud" || isChange(call) && !again || seen[kind(call[1:])] {
			continue // what a first run changes is tried above
		}
		seen[kind(call[1:])] = true
		t.Run(strings.Join(call[1:4], "-"), func(t *testing.T) {
			t.Parallel()
			if out, understood := parsed(t, call[1:]...); !understood {
				t.Errorf("%v\n%s", call, out)
			}
		})
	}
	if len(seen) < 15 {
		t.Errorf("only %d kinds of looks were tried", len(seen))
	}
}

func TestGcloudSaysSoWhenItDoesNotUnderstand(t *testing.T) {
	t.Parallel()
	needGcloud(t)
	for _, args := range [][]string{{"run", "services", "describe", "x", "--regin=r"}, {"run", "services", "portray", "x"}} {
		if out, understood := parsed(t, append(args, "--project=my-project-1")...); understood {
			t.Errorf("%v: %s", args, out)
		}
	}
}

func TestGcloudDecodesTheBuilds(t *testing.T) {
	t.Parallel()
	needGcloud(t)
	for _, c := range [][]string{{"cloudbuild.yaml", "_REGION=europe-west1"}, {"deploy/build.yaml", "_IMAGE=x"}} {
		if out, understood := parsed(t, "builds", "submit", "--no-source", "--config="+c[0], "--substitutions="+c[1], "--project=my-project-1"); !understood {
			t.Errorf("%s: %s", c[0], out)
		}
	}
	// It would say so.
	broken := filepath.Join(t.TempDir(), "broken.yaml")
	text, err := os.ReadFile(filepath.Join(root, "cloudbuild.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(broken, []byte(strings.Replace(string(text), "waitFor", "waitfor", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, understood := parsed(t, "builds", "submit", "--no-source", "--config="+broken, "--project=my-project-1"); understood || !strings.Contains(out, "waitfor") {
		t.Errorf("a mistake is taken: %s", out)
	}
}

// uploaded are the files that gcloud would upload of a folder.
func uploaded(t *testing.T, folder string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "gcloud", "meta", "list-files-for-upload", folder) //nolint:gosec // of this repository
	cmd.Env = append(os.Environ(), "CLOUDSDK_CONFIG="+t.TempDir(), "CLOUDSDK_CORE_DISABLE_PROMPTS=1")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	files := strings.Fields(string(out))
	slices.Sort(files)
	return files
}

// copied is the repository as committed, or about to be, somewhere else.
func copied(t *testing.T) (folder string, files []string) {
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
		text, err := os.ReadFile(filepath.Join(root, name)) //nolint:gosec // of this repository
		if os.IsNotExist(err) {
			continue // deleted, and not committed yet
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
	for _, secret := range []string{".env", "client_secrets.json", "client_secrets_2.json", "client_secret_123-abc.apps.googleusercontent.com.json", "docs/client_secrets.json", "bin/deputy", ".git/config"} { // never go up
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

var production = regexp.MustCompile(`^(go\.mod|go\.sum|functions\.go|(functions|shared)/.*\.(go|html|css)|shared/api/openapi\.yaml|shared/i18n/locales/.*\.json)$`)

func TestASourceDeployUploadsOnlyWhatProductionNeeds(t *testing.T) {
	t.Parallel()
	needGcloud(t)
	folder, files := copied(t)
	want := slices.DeleteFunc(files, func(name string) bool {
		return !production.MatchString(name) || strings.HasSuffix(name, "_test.go") || strings.Contains(name, "/testdata/")
	})
	if diff := cmp.Diff(want, uploaded(t, folder)); diff != "" || len(want) < 100 {
		t.Errorf("%d files: %s", len(want), diff)
	}
}

func TestABuildByHandUploadsTheTestsToo(t *testing.T) {
	t.Parallel()
	needGcloud(t)
	folder, files := copied(t)
	if err := os.Rename(filepath.Join(folder, ".gcloudignore-build"), filepath.Join(folder, ".gcloudignore")); err != nil {
		t.Fatal(err)
	}
	want := slices.DeleteFunc(files, func(name string) bool { return name == ".gcloudignore-build" })
	if diff := cmp.Diff(want, uploaded(t, folder)); diff != "" {
		t.Error(diff)
	}
}

func TestAnUploadWithoutTestsIsNotTakenForTested(t *testing.T) {
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
	out, err := exec.CommandContext(t.Context(), "bash", filepath.Join(folder, "deploy/test.sh")).CombinedOutput() //nolint:gosec // of this repository
	if err == nil || !strings.Contains(string(out), "the tests were not uploaded") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestTheShellScriptsAreClean(t *testing.T) {
	t.Parallel()
	for _, program := range [][]string{{"shellcheck", "-x"}, {"shfmt", "-d"}} {
		if _, err := exec.LookPath(program[0]); err != nil {
			t.Skip("NOT TESTED: deploy.sh by " + program[0] + ", which was not found; ./test.sh --all installs it")
		}
		args := slices.Concat(program[1:], []string{"deploy.sh", "test.sh", ".ci/run", "deploy/doors.sh", "deploy/infra.sh", "deploy/services.sh", "deploy/checklist.sh", "deploy/pins.sh", "deploy/test.sh"})
		cmd := exec.CommandContext(t.Context(), program[0], args...) //nolint:gosec // names of ours
		cmd.Dir = root
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %s", program[0], out)
		}
	}
}
