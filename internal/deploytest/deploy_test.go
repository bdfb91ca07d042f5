package deploytest

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/vault"
)

// buildStub builds the stub once and returns the folder for PATH.
var buildStub = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "stub")
	if err != nil {
		return "", err
	}
	cmd := exec.Command("go", "build", "-o", filepath.Join(folder, "gcloud"), "./stub") //nolint:gosec // a test path
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	for _, name := range []string{"go", "curl", "sleep"} {
		if err := os.Symlink("gcloud", filepath.Join(folder, name)); err != nil {
			return "", err
		}
	}
	secrets := []byte(`{"web":{"client_id":"c","client_secret":"CLIENT-SECRET"}}` + "\n")
	return folder, os.WriteFile(filepath.Join(folder, "client_secrets.json"), secrets, 0o600)
})

func TestMain(m *testing.M) {
	code := m.Run()
	if folder, err := buildStub(); err == nil {
		_ = os.RemoveAll(folder)
	}
	if parserStarted.Load() {
		if p, err := startParser(); err == nil {
			_ = os.RemoveAll(p.configDir)
		}
	}
	os.Exit(code)
}

// cloud is a Google Cloud project simulated by the stub.
type cloud struct {
	t      *testing.T
	folder string
	client string // path of the OAuth client file
}

func newCloud(t *testing.T) *cloud {
	t.Helper()
	stub, err := buildStub()
	if err != nil {
		t.Fatal(err)
	}
	return &cloud{t, t.TempDir(), filepath.Join(stub, "client_secrets.json")}
}

// firstDeployment is the first run of deploy.sh in an empty project.
type firstDeployment struct {
	once         sync.Once
	code         int
	out          string
	state, calls []byte
}

// firstDeployments has one entry for each list of arguments, because a first run takes a second.
var firstDeployments sync.Map

// deploy runs deploy.sh. Leading arguments that begin with STUB_ are environment variables. A first run with the same
// arguments as another test's first run gets a copy of its result.
func (c *cloud) deploy(args ...string) (code int, out string) {
	c.t.Helper()
	state, calls := filepath.Join(c.folder, "state"), filepath.Join(c.folder, "calls")
	if entries, err := os.ReadDir(c.folder); err != nil || len(entries) > 0 {
		return c.run(args...)
	}
	v, _ := firstDeployments.LoadOrStore(strings.Join(args, "\n"), &firstDeployment{})
	first := v.(*firstDeployment) //nolint:errcheck,forcetypeassert // only this function stores
	first.once.Do(func() {
		first.code, first.out = c.run(args...)
		first.state, _ = os.ReadFile(state) //nolint:gosec // a test path
		first.calls, _ = os.ReadFile(calls) //nolint:gosec // a test path
	})
	for path, text := range map[string][]byte{state: first.state, calls: first.calls} {
		if text == nil {
			continue // the run ended before its first call
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			c.t.Fatal(err)
		}
	}
	return first.code, first.out
}

func (c *cloud) run(args ...string) (code int, out string) {
	c.t.Helper()
	stub, err := buildStub()
	if err != nil {
		c.t.Fatal(err)
	}
	cmd := exec.CommandContext(c.t.Context(), "./deploy.sh")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "PATH="+stub+":"+os.Getenv("PATH"), "STUB="+c.folder)
	for len(args) > 0 && strings.HasPrefix(args[0], "STUB_") {
		cmd.Env, args = append(cmd.Env, strings.Replace(args[0], "STUB_GIT_DIR", "GIT_DIR", 1)), args[1:]
	}
	cmd.Args = append(cmd.Args, args...)
	text, err := cmd.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), string(text)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return 0, string(text)
}

// allArgs returns the arguments of a full deployment.
func (c *cloud) allArgs() []string {
	return []string{
		"--project", "my-project-1", "--region", "europe-west1", "--client-secrets", c.client, "--kms",
		"--trigger", "projects/p/locations/r/connections/c/repositories/x",
		"--set", "ALLOWED_DOMAINS=example.com,example.org",
	}
}

// calls returns the calls since the last one of calls.
func (c *cloud) calls() [][]string {
	c.t.Helper()
	text, err := os.ReadFile(filepath.Join(c.folder, "calls"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		c.t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(c.folder, "calls")); err != nil {
		c.t.Fatal(err)
	}
	var out [][]string
	for line := range bytes.Lines(text) {
		var call []string
		if err := json.Unmarshal(line, &call); err != nil {
			c.t.Fatal(err)
		}
		out = append(out, call)
	}
	return out
}

// resources returns all resources and the number of changes.
func (c *cloud) resources() (things map[string]string, changes int) {
	c.t.Helper()
	text, err := os.ReadFile(filepath.Join(c.folder, "state"))
	if err != nil {
		c.t.Fatal(err)
	}
	var s struct {
		Changes int
		Things  map[string]string
	}
	if err := json.Unmarshal(text, &s); err != nil {
		c.t.Fatal(err)
	}
	return s.Things, s.Changes
}

func TestDryRun_CallsNothing(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	code, out := c.deploy(append(c.allArgs(), "--dry-run", "--smoke")...)
	if code != 0 || strings.Count(out, "gcloud ") < 70 {
		t.Errorf("%d: %s", code, out)
	}
	for _, call := range c.calls() {
		t.Errorf("called %v", call)
	}
}

func TestDeploy_Idempotent(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	if code, out := c.deploy(c.allArgs()...); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	first, changes := c.resources()
	if changes < 70 {
		t.Errorf("%d changes: %v", changes, first)
	}
	for _, service := range []string{"chatevent", "oauthcallback", "createspace", "securityevent"} {
		if first["traffic deputy-"+service] == "" {
			t.Errorf("%s has no traffic", service)
		}
	}
	c.calls()
	if code, out := c.deploy(c.allArgs()...); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	second, after := c.resources()
	if after != changes {
		var all []string
		for _, call := range c.calls() {
			all = append(all, strings.Join(call, " "))
		}
		t.Errorf("the second run changed %d things; its calls:\n%s", after-changes, strings.Join(all, "\n"))
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Error(diff)
	}
}

// everyFailure is set in ./test.sh --all.
var everyFailure = flag.Bool("every", false, "fail one call of each kind, not only of each sixth")

func TestDeploy_ResumesAfterFailure(t *testing.T) {
	t.Parallel()
	reference := newCloud(t)
	if code, out := reference.deploy(reference.allArgs()...); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	want, _ := reference.resources()
	// One change of each kind is enough.
	seen, n := map[string]bool{}, 0
	for _, call := range reference.calls() {
		if !isChange(call) {
			continue
		}
		n++
		kind := strings.Join(call[1:4], " ")
		if call[1] == "secrets" || call[1] == "run" || call[1] == "services" ||
			call[1] == "builds" && call[2] == "submit" {
			kind = strings.Join(call[1:3], " ") // a name follows
		}
		if seen[kind] {
			continue
		}
		seen[kind] = true
		if !*everyFailure && len(seen)%6 != 0 {
			continue
		}
		t.Run(strings.ReplaceAll(kind, " ", "-"), func(t *testing.T) {
			t.Parallel()
			c := newCloud(t)
			code, out := c.deploy(append([]string{fmt.Sprintf("STUB_FAIL=%d", n)}, c.allArgs()...)...)
			if code == 0 {
				t.Fatalf("no failure: %s", out)
			}
			if code, out := c.deploy(c.allArgs()...); code != 0 {
				t.Fatalf("second run: %d: %s", code, out)
			}
			got, _ := c.resources()
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("different result: %s", diff)
			}
		})
	}
	if len(seen) < 18 {
		t.Errorf("only %d kinds of changes were tested: %v", len(seen), seen)
	}
}

// isChange reports whether a call changes something.
func isChange(call []string) bool {
	return call[0] == "gcloud" && !slices.ContainsFunc(call, func(w string) bool {
		return slices.Contains([]string{"describe", "list", "get-iam-policy", "access"}, w)
	})
}

func TestDeploy_SecretsHidden(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	code, out := c.deploy(c.allArgs()...)
	if code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	text, err := os.ReadFile(filepath.Join(c.folder, "state"))
	if err != nil {
		t.Fatal(err)
	}
	calls := c.calls()
	if len(calls) < 70 {
		t.Fatalf("only %d calls", len(calls))
	}
	for _, secret := range []string{"KEYSET-", "CLIENT-SECRET"} {
		if !strings.Contains(string(text), secret) {
			t.Errorf("%s was not stored", secret)
		}
		for _, call := range calls {
			if strings.Contains(strings.Join(call, " "), secret) {
				t.Errorf("%s is an argument of %v", secret, call)
			}
		}
		if strings.Contains(out, secret) {
			t.Errorf("%s was printed: %s", secret, out)
		}
	}
}

func TestDeploy_StopsOnReadError(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	// A gcloud without any permission.
	bin := t.TempDir()
	script := "#!/bin/sh\necho \"$@\" >>" + c.folder + "/calls\necho 'ERROR: PERMISSION_DENIED' >&2\nexit 1\n"
	err := os.WriteFile(filepath.Join(bin, "gcloud"), []byte(script), 0o700) //nolint:gosec // executable
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "./deploy.sh", c.allArgs()...) //nolint:gosec // in this repository
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "PERMISSION_DENIED") ||
		!strings.Contains(string(out), "this command failed") {
		t.Errorf("%v: %s", err, out)
	}
	calls, err := os.ReadFile(filepath.Join(c.folder, "calls"))
	if err != nil || bytes.Count(calls, []byte("\n")) != 1 {
		t.Errorf("further calls: %s, %v", calls, err)
	}
}

func TestArguments_Invalid(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	const base = "--project my-project-1 --region europe-west1 "
	push := base + "--push " + olderBuild
	for arguments, want := range map[string]string{
		"":                       "--project is missing",
		"--project my-project-1": "--region is missing",
		"--project My_Project --region europe-west1":   "is not a project ID",
		"--project 123456789012 --region europe-west1": "is not a project ID",
		"--project my-project-1 --region Europe":       "is not a region",
		"--project my-project-1 --region":              "--region requires a value",

		base + "--only x":                                     "must be infra or services",
		base + "--fast":                                       "unknown argument '--fast'",
		base + "--client-secrets nowhere.json":                "cannot be read",
		base + "--promote":                                    "--promote requires --tag",
		base + "--promote --tag c --rollback":                 "are mutually exclusive",
		base + "--image eu.pkg.dev/p/d:1 --from-source":       "are mutually exclusive",
		base + "--set KEYSET=x":                               "is not NAME=VALUE",
		base + "--tag Tag":                                    "lowercase letters",
		base + "--trigger github.com/x/y":                     "must have the form projects/",
		base + "--database Bad":                               "is not a database name",
		base + "--only services --client-secrets " + c.client: "--only services and --client-secrets are",
		base + "--promote --tag c --image eu.pkg.dev/p/d:1":   "only move traffic",

		base + "--push x":                  "is not a build ID",
		push + " --image eu.pkg.dev/p/d:1": "--push requires --only services or --promote",
		push + " --only services":          "--push requires --image or --promote",

		push + " --only services --image eu.pkg.dev/p/d:1 --all-users": "--push and --all-users are",
		base + "--commit 0123456789012345678901234567890123456789":     "--commit requires --push",
	} {
		code, out := c.deploy(strings.Fields(arguments)...)
		if code != 64 || !strings.Contains(out, want) {
			t.Errorf("%s: %d %s", arguments, code, out)
		}
	}
	if calls := c.calls(); calls != nil {
		t.Errorf("called %v", calls)
	}
}

func TestDeploy_WithoutOAuthClient(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	base := []string{"--project", "my-project-1", "--region", "europe-west1"}
	code, out := c.deploy(base...)
	for _, want := range []string{
		"https://deputy-oauthcallback-123456789012.europe-west1.run.app/callback",
		"https://www.googleapis.com/auth/chat.spaces.create", "/createspace  (Slash command)",
		"101  Create a space  (Quick command) yes", "Project Number (123456789012)", "expires after 7 days",
		"--client-secrets client_secrets.json",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q not in the output:\n%s", want, out)
		}
	}
	if things, _ := c.resources(); code != 3 || things["run services deputy-chatevent"] != "" {
		t.Errorf("%d, %v", code, things)
	}
	code, out = c.deploy(append(base, "--client-secrets", c.client)...)
	if code != 0 || !strings.Contains(out, "run deploy deputy-chatevent") {
		t.Errorf("%d: %s", code, out)
	}
}

// deployTwice deploys twice, the second time with the tag c2 and without traffic.
func deployTwice(t *testing.T) (*cloud, []string) {
	t.Helper()
	c := newCloud(t)
	base := []string{"--project", "my-project-1", "--region", "europe-west1"}
	if code, out := c.deploy(c.allArgs()...); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	second := slices.Concat(base, []string{
		"--kms", "--only", "services", "--image", "eu.pkg.dev/p/deputy:2", "--tag", "c2", "--no-traffic", "--smoke",
	})
	if code, out := c.deploy(second...); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	return c, base
}

func TestPromote(t *testing.T) {
	t.Parallel()
	c, base := deployTwice(t)
	things, _ := c.resources()
	if things["traffic deputy-chatevent"] != "deputy-chatevent-00001" ||
		things["tag deputy-chatevent c2"] != "deputy-chatevent-00002" {
		t.Errorf("traffic moved too early: %v", things)
	}
	requests := 0
	for _, call := range c.calls() {
		if call[0] == "curl" && strings.HasPrefix(call[len(call)-1], "https://c2---deputy-") {
			requests++
		}
	}
	if requests != 5 {
		t.Errorf("%d requests to the tagged revisions, want 5", requests)
	}
	if code, out := c.deploy(append(base, "--tag", "c2", "--promote")...); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	things, _ = c.resources()
	for _, service := range []string{"chatevent", "oauthcallback", "createspace", "securityevent"} {
		if things["traffic deputy-"+service] != "deputy-"+service+"-00002" {
			t.Errorf("%s has %s", service, things["traffic deputy-"+service])
		}
	}
}

func TestPromote_RollsBackOnFailure(t *testing.T) {
	t.Parallel()
	for name, variable := range map[string]string{
		"not ready": "STUB_READY=503", "accepts any event": "STUB_EVENT=200",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, base := deployTwice(t)
			code, out := c.deploy(append(append([]string{variable}, base...), "--tag", "c2", "--promote")...)
			if code == 0 || !strings.Contains(out, "rolling back") {
				t.Errorf("%d: %s", code, out)
			}
			things, _ := c.resources()
			for _, service := range []string{"chatevent", "oauthcallback", "createspace", "securityevent"} {
				if things["traffic deputy-"+service] != "deputy-"+service+"-00001" {
					t.Errorf("%s has %s", service, things["traffic deputy-"+service])
				}
			}
		})
	}
}

func TestSmoke_Failure(t *testing.T) {
	t.Parallel()
	c, base := deployTwice(t)
	for _, variable := range []string{"STUB_READY=503", "STUB_EVENT=200"} {
		args := append(append([]string{variable}, base...), "--kms", "--only", "services",
			"--image", "eu.pkg.dev/p/deputy:2", "--tag", "c2", "--no-traffic", "--smoke")
		if code, out := c.deploy(args...); code == 0 {
			t.Errorf("%s: %s", variable, out)
		}
	}
}

func TestDeploy_ServiceFlags(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	if code, out := c.deploy(c.allArgs()...); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	deployed := map[string][]string{}
	for _, call := range c.calls() {
		if len(call) > 3 && call[1] == "run" && call[2] == "deploy" {
			deployed[call[3]] = call
		}
	}
	const secrets = "--set-secrets=KEYSET=deputy-keyset:1,LOOKUP_KEYSET=deputy-lookup-keyset:1," +
		"OAUTH_CLIENT=deputy-oauth-client:1"
	const callers = "CALLERS=gs://my-project-1-deputy-callers/callers.yaml"
	for service, want := range map[string][]string{
		"deputy-chatevent": {
			"FUNCTION_TARGET=ChatEvent", "CHAT_PROJECT_NUMBER=123456789012",
			"CHAT_ENDPOINT_URL=https://deputy-chatevent-123456789012.europe-west1.run.app", "--timeout=30",
			"ALLOWED_DOMAINS=example.com,example.org", secrets, callers,
		},
		"deputy-oauthcallback": {"FUNCTION_TARGET=OAuthCallback", "--timeout=30", secrets, callers},
		"deputy-createspace": {
			"FUNCTION_TARGET=CreateSpace",
			"API_AUDIENCE=https://deputy-createspace-123456789012.europe-west1.run.app", "--timeout=60",
			secrets, callers,
		},
		"deputy-securityevent": {"FUNCTION_TARGET=SecurityEvent", "OAUTH_CLIENT_ID=c ", "--clear-secrets"},
	} {
		line := strings.Join(deployed[service], " ")
		if service != "deputy-securityevent" {
			want = append(want, "OAUTH_CALLBACK_URL=https://deputy-oauthcallback-123456789012",
				"KEYSET_KEK=gcp-kms://projects/my-project-1/")
		}
		want = append(want, "--service-account="+service+"@my-project-1.iam", "--set-env-vars=",
			"--no-invoker-iam-check", "--cpu=1", "--memory=256Mi", "httpGet.path=/startup")
		for _, text := range want {
			if !strings.Contains(line, text) {
				t.Errorf("%s has no %s: %s", service, text, line)
			}
		}
	}
	for _, text := range []string{"KEYSET", "OAUTH_CLIENT=", "CALLERS", "OAUTH_CALLBACK_URL"} {
		if strings.Contains(strings.Join(deployed["deputy-securityevent"], " "), text) {
			t.Errorf("securityevent has %s", text)
		}
	}
}

func TestDeploy_LogExclusionsFirst(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	if code, out := c.deploy(c.allArgs()...); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	excluded := map[string]bool{}
	for _, call := range c.calls() {
		line := strings.Join(call, " ")
		for _, name := range []string{"deputy-oauthcallback", "deputy-createspace"} {
			excluded[name] = excluded[name] || strings.Contains(line, "--add-exclusion=name="+name+",")
			if strings.Contains(line, "run deploy "+name) && !excluded[name] {
				t.Errorf("%s is deployed before its exclusion exists", name)
			}
		}
	}
	if !excluded["deputy-oauthcallback"] || !excluded["deputy-createspace"] {
		t.Errorf("exclusions: %v", excluded)
	}
}

func TestFirestore_TTLs(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	_, out := c.deploy(append(c.allArgs(), "--dry-run")...)
	for _, group := range vault.TTLCollectionGroups() {
		if !strings.Contains(out, "ttls update expires --collection-group="+group+" ") {
			t.Errorf("%s has no TTL policy", group)
		}
	}
	if got, want := strings.Count(out, "ttls update"), len(vault.TTLCollectionGroups()); got != want {
		t.Errorf("got %d TTL policies, want %d", got, want)
	}
}

func TestFirestore_Indexes(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	_, out := c.deploy(append(c.allArgs(), "--dry-run")...)
	for _, field := range vault.IndexedFields() {
		group, name, _ := strings.Cut(field, "/")
		if !strings.Contains(out, "indexes fields update "+name+" --collection-group="+group+" ") {
			t.Errorf("%s has no index", field)
		}
	}
	if got, want := strings.Count(out, "--index=order=ascending"), len(vault.IndexedFields()); got != want {
		t.Errorf("got %d indexes, want %d", got, want)
	}
}

var services = []string{"chatevent", "oauthcallback", "createspace", "securityevent"}

func TestDeploy_RedeploysUnreadyRevision(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	if code, out := c.deploy(append([]string{"STUB_UNREADY=deputy-createspace"}, c.allArgs()...)...); code == 0 {
		t.Fatalf("no failure: %s", out)
	}
	code, out := c.deploy(c.allArgs()...)
	if code != 0 || !strings.Contains(out, "run deploy deputy-createspace") ||
		strings.Contains(out, "run deploy deputy-chatevent") {
		t.Fatalf("%d: %s", code, out)
	}
	things, _ := c.resources()
	for _, s := range services {
		if things["ready deputy-"+s] == "" {
			t.Errorf("%s is not ready", s)
		}
	}
}

func TestDeploy_MovesHeldTraffic(t *testing.T) {
	t.Parallel()
	c, base := deployTwice(t)
	same := append(slices.Clone(base), "--only", "services", "--image", "eu.pkg.dev/p/deputy:2", "--tag", "c2")
	if code, out := c.deploy(same...); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	things, _ := c.resources()
	for _, s := range services {
		revision := things["revision deputy-"+s+"-00002"]
		if things["traffic deputy-"+s] != "deputy-"+s+"-00002" || !strings.Contains(revision, ",deputy-"+s+"-00001,") {
			t.Errorf("%s: traffic on %s; revision: %s", s, things["traffic deputy-"+s], revision)
		}
	}
	if code, out := c.deploy(append(base, "--rollback")...); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	if things, _ = c.resources(); things["traffic deputy-chatevent"] != "deputy-chatevent-00001" {
		t.Errorf("traffic on %s", things["traffic deputy-chatevent"])
	}
}

func TestRollback_SkipsFailedRevision(t *testing.T) {
	t.Parallel()
	c, base := deployTwice(t) // revision 1 serves; revision 2 never did
	deploy := func(image, tag string) {
		t.Helper()
		args := append(slices.Clone(base), "--only", "services", "--image", image, "--tag", tag, "--no-traffic")
		if code, out := c.deploy(args...); code != 0 {
			t.Fatalf("%d: %s", code, out)
		}
	}
	deploy("eu.pkg.dev/p/deputy:3", "c3")
	code, out := c.deploy(slices.Concat([]string{"STUB_READY=503"}, base, []string{"--tag", "c3", "--promote"})...)
	if code == 0 || !strings.Contains(out, "rolling back") {
		t.Fatalf("%d: %s", code, out)
	}
	things, _ := c.resources()
	for _, s := range services {
		if things["traffic deputy-"+s] != "deputy-"+s+"-00001" {
			t.Errorf("%s: traffic on %s", s, things["traffic deputy-"+s])
		}
	}
	code, out = newCloud(t).deploy(append(slices.Clone(base), "--rollback")...)
	if code == 0 || !strings.Contains(out, "has no previous revision") {
		t.Errorf("no previous revision: %d %s", code, out)
	}
}

func TestPromote_PartialFailure(t *testing.T) {
	t.Parallel()
	c, base := deployTwice(t)
	_, changes := c.resources()
	fail := fmt.Sprintf("STUB_FAIL=%d", changes+3)
	code, out := c.deploy(slices.Concat([]string{fail}, base, []string{"--tag", "c2", "--promote"})...)
	if code == 0 || !strings.Contains(out, "rolling back") {
		t.Fatalf("%d: %s", code, out)
	}
	things, _ := c.resources()
	for _, s := range services {
		if things["traffic deputy-"+s] != "deputy-"+s+"-00001" {
			t.Errorf("%s has %s", s, things["traffic deputy-"+s])
		}
	}
}

func TestDeploy_KeepsSettings(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	base := []string{"--project", "my-project-1", "--region", "europe-west1"}
	options := []string{
		"--database", "deputydb", "--kms", "--set", "OAUTH_CALLBACK_URL=https://chat.example.com/oauth",
		"--set", "API_AUDIENCE=https://api.example.com", "--set", "ALLOWED_DOMAINS=example.com",
	}
	// The first run ends before it deploys a function and prints the command to continue.
	code, out := c.deploy(append(slices.Clone(base), options...)...)
	const rest = "--database deputydb --kms --set OAUTH_CALLBACK_URL=https://chat.example.com/oauth"
	if code != 3 || !strings.Contains(out, rest) {
		t.Fatalf("%d: %s", code, out)
	}
	if code, out := c.deploy(slices.Concat(base, options, []string{"--client-secrets", c.client})...); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	want, changes := c.resources()
	if code, out := c.deploy(base...); code != 0 { // without options
		t.Fatalf("%d: %s", code, out)
	}
	got, after := c.resources()
	for name, value := range want {
		if strings.HasPrefix(name, "env ") && got[name] != value {
			t.Errorf("%s changed from %q to %q", name, value, got[name])
		}
	}
	const job, audience = "scheduler jobs deputy-sweep", "env deputy-createspace API_AUDIENCE"
	if got["firestore databases (default)"] != "" || got[job] != want[job] ||
		!strings.HasSuffix(want[job], ",https://api.example.com") {
		t.Errorf("job: %s, then %s; %d changes", want[job], got[job], after-changes)
	}
	const list = "https://other.example.com,https://api.example.com/v1"
	args := append(slices.Clone(base), "--set", "API_AUDIENCE="+list)
	if code, out := c.deploy(args...); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	got, _ = c.resources()
	if !strings.HasSuffix(got[job], ",https://other.example.com") || got[audience] != list {
		t.Errorf("other audience: %s, %s", got[job], got[audience])
	}
}

func TestPromote_RemovesOldTags(t *testing.T) {
	t.Parallel()
	c, base := deployTwice(t)
	for n, tag := range []string{"c-11111111", "c-22222222", "c-33333333"} {
		image := fmt.Sprintf("eu.pkg.dev/p/deputy:%d", n+3)
		args := append(slices.Clone(base), "--only", "services", "--image", image, "--tag", tag, "--no-traffic")
		if code, out := c.deploy(args...); code != 0 {
			t.Fatalf("%d: %s", code, out)
		}
		if code, out := c.deploy(append(slices.Clone(base), "--tag", tag, "--promote")...); code != 0 {
			t.Fatalf("%d: %s", code, out)
		}
	}
	things, _ := c.resources()
	for name := range things {
		if strings.HasPrefix(name, "tag deputy-chatevent c-") || strings.HasSuffix(name, " before") {
			t.Errorf("old revision still tagged: %s", name)
		}
	}
}

const (
	olderBuild = "aaaaaaaa-0000-0000-0000-000000000000"
	newerBuild = "bbbbbbbb-0000-0000-0000-000000000000"
	noBuild    = "cccccccc-0000-0000-0000-000000000000"
)

// change edits the state of the stub.
func (c *cloud) change(edit func(things map[string]string, lists map[string][]string)) {
	c.t.Helper()
	name := filepath.Join(c.folder, "state")
	text, err := os.ReadFile(name) //nolint:gosec // a test path
	if err != nil {
		c.t.Fatal(err)
	}
	var s struct {
		Changes int
		Things  map[string]string
		Lists   map[string][]string
	}
	if err := json.Unmarshal(text, &s); err != nil {
		c.t.Fatal(err)
	}
	edit(s.Things, s.Lists)
	if text, err = json.Marshal(s); err == nil {
		err = os.WriteFile(name, text, 0o600) //nolint:gosec // a test path
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// setBuilds sets the builds that Cloud Build lists, oldest first.
func (c *cloud) setBuilds(builds ...string) {
	c.change(func(_ map[string]string, lists map[string][]string) { lists["builds"] = builds })
}

// newRepository creates a git repository with two commits, the older first, and returns its GIT_DIR.
func newRepository(t *testing.T) (dir string, commits [2]string) {
	t.Helper()
	folder := t.TempDir()
	git := func(date string, args ...string) string {
		cmd := exec.CommandContext(t.Context(), "git", args...) //nolint:gosec // fixed arguments
		cmd.Dir = folder
		cmd.Env = append(os.Environ(), "GIT_COMMITTER_DATE="+date, "GIT_AUTHOR_DATE="+date,
			"GIT_CONFIG_GLOBAL=/dev/null")
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(out))
	}
	git("", "init", "-q")
	for i, date := range []string{"2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z"} {
		git(date, "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "--allow-empty", "-m", date)
		commits[i] = git("", "rev-parse", "HEAD")
	}
	return filepath.Join(folder, ".git"), commits
}

// twoPushes makes a full deployment and then two pushes without traffic, the older first.
func twoPushes(t *testing.T) (c *cloud, promote func(build, commit string) (int, string), commits [2]string) {
	t.Helper()
	dir, commits := newRepository(t)
	c = newCloud(t)
	if code, out := c.deploy(append([]string{"STUB_GIT_DIR=" + dir}, c.allArgs()...)...); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	// Make the first deployment older than both pushes.
	c.change(func(things map[string]string, _ map[string][]string) {
		for name, value := range things {
			if strings.HasPrefix(name, "revision ") {
				things[name] = value[:strings.LastIndex(value, ",")+1] + "1"
			}
		}
	})
	base := []string{
		"STUB_GIT_DIR=" + dir, "--project", "my-project-1", "--project-number", "123456789012",
		"--region", "europe-west1",
	}
	for i, build := range []string{olderBuild, newerBuild} {
		code, out := c.deploy(slices.Concat(base, []string{
			"--only", "services", "--image", "eu.pkg.dev/p/deputy:" + build, "--tag", "c-" + build[:8],
			"--no-traffic", "--smoke", "--push", build, "--commit", commits[i],
		})...)
		if code != 0 {
			t.Fatalf("%d: %s", code, out)
		}
	}
	return c, func(build, commit string) (int, string) {
		args := []string{"--tag", "c-" + build[:8], "--promote", "--push", build, "--commit", commit}
		return c.deploy(slices.Concat(base, args)...)
	}, commits
}

func TestPush_OlderNeverReplacesNewer(t *testing.T) {
	t.Parallel()
	c, promote, commits := twoPushes(t)
	c.setBuilds(newerBuild)
	if code, out := promote(newerBuild, commits[1]); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	want, changes := c.resources()
	c.setBuilds(olderBuild) // for example restarted
	code, out := promote(olderBuild, commits[0])
	if code == 0 || !strings.Contains(out, "an older push never replaces a newer one") {
		t.Errorf("%d: %s", code, out)
	}
	got, after := c.resources()
	if after != changes || got["traffic deputy-chatevent"] != want["traffic deputy-chatevent"] {
		t.Errorf("traffic on %s", got["traffic deputy-chatevent"])
	}
}

func TestPush_TwoInOrder(t *testing.T) {
	t.Parallel()
	c, promote, commits := twoPushes(t)
	c.setBuilds(olderBuild, newerBuild)
	if code, out := promote(olderBuild, commits[0]); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	if things, _ := c.resources(); things["tag deputy-chatevent c-bbbbbbbb"] == "" {
		t.Fatal("the tag of the waiting build was removed")
	}
	c.setBuilds(newerBuild)
	if code, out := promote(newerBuild, commits[1]); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	for _, s := range services {
		if things, _ := c.resources(); things["traffic deputy-"+s] != "deputy-"+s+"-00003" {
			t.Errorf("%s has %s", s, things["traffic deputy-"+s])
		}
	}
}

func TestPush_WaitsForEarlierBuild(t *testing.T) {
	t.Parallel()
	c, promote, commits := twoPushes(t)
	c.setBuilds("2x"+olderBuild, newerBuild) // listed twice, then ended
	c.calls()
	code, out := promote(newerBuild, commits[1])
	if code != 0 || !strings.Contains(out, "waiting for the earlier build") {
		t.Errorf("%d: %s", code, out)
	}
	lists := 0
	for _, call := range c.calls() {
		switch {
		case isChange(call) && lists < 3:
			t.Errorf("after %d lists: %v", lists, call)
		case len(call) > 2 && call[1] == "builds":
			lists++
		}
	}
}

func TestPush_UnknownBuild(t *testing.T) {
	t.Parallel()
	c, promote, commits := twoPushes(t)
	c.setBuilds(noBuild)
	code, out := promote(newerBuild, commits[1])
	if code == 0 || !strings.Contains(out, "so the order of the builds is unknown") {
		t.Errorf("%d: %s", code, out)
	}
}

func TestPush_Unprepared(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(map[string]string)
		want   string
	}{
		"no public access": {
			func(things map[string]string) { delete(things, "open deputy-chatevent") },
			"the service deputy-chatevent has no public access",
		},
		"no service": {
			func(things map[string]string) { delete(things, "run services deputy-createspace") },
			"the service deputy-createspace does not exist",
		},
		"not prepared": {
			func(things map[string]string) { things["label deputy-infra"] = "0123456789abcdef" },
			"was not prepared by this version of deploy/infra.sh",
		},
		"no client IDs": {
			func(things map[string]string) { delete(things, "env deputy-securityevent OAUTH_CLIENT_ID") },
			"OAUTH_CLIENT_ID of deputy-securityevent is not set",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _, _ := twoPushes(t)
			c.change(func(things map[string]string, _ map[string][]string) { test.change(things) })
			_, changes := c.resources()
			code, out := c.deploy("--project", "my-project-1", "--project-number", "123456789012",
				"--region", "europe-west1", "--only", "services", "--image", "eu.pkg.dev/p/deputy:9",
				"--tag", "c9", "--no-traffic", "--push", noBuild)
			if code == 0 || !strings.Contains(out, test.want) {
				t.Errorf("%d: %s", code, out)
			}
			if _, after := c.resources(); after != changes {
				t.Errorf("%d changes", after-changes)
			}
		})
	}
}

func TestPublicAccess_OrganizationPolicies(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		policy  string
		options []string
		success bool
		message string
	}{
		"restricted sharing, default":   {"domain", nil, true, ""},
		"restricted sharing, all users": {"domain", []string{"--all-users"}, false, "omit --all-users"},
		"required check, default":       {"invoker", nil, false, "or use --all-users"},
		"required check, all users":     {"invoker", []string{"--all-users"}, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t)
			code, out := c.deploy(slices.Concat([]string{"STUB_POLICY=" + test.policy}, c.allArgs(), test.options)...)
			if (code == 0) != test.success || !strings.Contains(out, test.message) {
				t.Fatalf("%d: %s", code, out)
			}
			if !test.success {
				return
			}
			_, changes := c.resources()
			if code, out := c.deploy(c.allArgs()...); code != 0 { // without the options
				t.Errorf("%d: %s", code, out)
			}
			if _, after := c.resources(); after != changes {
				t.Errorf("the second run changed %d things", after-changes)
			}
		})
	}
}

func TestDeploy_ReadErrorKeepsSettings(t *testing.T) {
	t.Parallel()
	for _, service := range services {
		c := newCloud(t)
		base := []string{"--project", "my-project-1", "--region", "europe-west1"}
		options := []string{"--client-secrets", c.client, "--database", "deputydb"}
		if code, out := c.deploy(slices.Concat(base, options)...); code != 0 {
			t.Fatalf("%d: %s", code, out)
		}
		_, changes := c.resources()
		code, out := c.deploy(append([]string{"STUB_TROUBLE=run services describe deputy-" + service}, base...)...)
		if _, after := c.resources(); code == 0 || after != changes || !strings.Contains(out, "UNAVAILABLE") {
			t.Errorf("%s: %d, %d changes: %s", service, code, after-changes, out)
		}
	}
}

func TestRights_RemovesStale(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	if code, out := c.deploy(c.allArgs()...); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	want, _ := c.resources()
	account := func(name string) string {
		return "serviceAccount:deputy-" + name + "@my-project-1.iam.gserviceaccount.com"
	}
	other := "projects my-project-1 user:ada@example.com roles/owner"
	c.change(func(things map[string]string, _ map[string][]string) {
		for resource, binding := range map[string]string{
			"projects my-project-1": "roles/datastore.user\t" + account("chatevent"),
			"secrets deputy-keyset": "roles/secretmanager.secretAccessor\t" + account("securityevent"),
			"kms keys keysets":      "roles/cloudkms.cryptoKeyDecrypter\t" + account("securityevent"),

			"storage buckets gs://my-project-1-deputy-callers": "roles/storage.objectAdmin\t" + account("createspace"),
		} {
			role, member, _ := strings.Cut(binding, "\t")
			things[resource+" "+member+" "+role] = "bound\t" + binding
		}
		things[other] = "bound\troles/owner\tuser:ada@example.com"
	})
	if code, out := c.deploy(c.allArgs()...); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	got, _ := c.resources()
	want[other] = got[other] // not an account of deploy.sh
	if diff := cmp.Diff(want, got); diff != "" || got[other] == "" {
		t.Error(diff)
	}
}

func TestSet_EmptyRemoves(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	if code, out := c.deploy(c.allArgs()...); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	args := []string{"--project", "my-project-1", "--region", "europe-west1", "--set", "ALLOWED_DOMAINS="}
	if code, out := c.deploy(args...); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	things, _ := c.resources()
	domains, kek := things["env deputy-chatevent ALLOWED_DOMAINS"], things["env deputy-chatevent KEYSET_KEK"]
	if domains != "" || kek == "" {
		t.Errorf("%q, %q", domains, kek)
	}
}

func TestCallersFile_NeverReplaced(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	if code, out := c.deploy(c.allArgs()...); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	const bucket = "storage buckets gs://my-project-1-deputy-callers"
	const object = "object gs://my-project-1-deputy-callers/callers.yaml"
	c.change(func(things map[string]string, lists map[string][]string) {
		if set, err := callers.Parse([]byte(lists[object][0])); err != nil || len(set.Callers) != 0 {
			t.Errorf("%v, %v", set, err)
		}
		if got := things[bucket]; got != "True\tTrue\tenforced" {
			t.Errorf("bucket: %s", got)
		}
		lists[object] = append(lists[object], "paused: true\n") // by the operator
		things[bucket] = "None\tFalse\tinherited"
	})
	if code, out := c.deploy(c.allArgs()...); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	c.change(func(things map[string]string, lists map[string][]string) {
		if len(lists[object]) != 2 || things[bucket] != "True\tTrue\tenforced" {
			t.Errorf("%v, %s", lists[object], things[bucket])
		}
	})
}

func TestRollback_UnchangedFunctions(t *testing.T) {
	t.Parallel()
	c, base := deployTwice(t)
	if code, out := c.deploy(append(slices.Clone(base), "--tag", "c2", "--promote")...); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	args := append(slices.Clone(base), "--only", "services", "--image", "eu.pkg.dev/p/deputy:2",
		"--tag", "c2", "--set", "APP_NAME=Other")
	if code, out := c.deploy(args...); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	if code, out := c.deploy(append(slices.Clone(base), "--rollback")...); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	things, _ := c.resources()
	for _, s := range services {
		if things["traffic deputy-"+s] != "deputy-"+s+"-00002" {
			t.Errorf("%s: traffic on %s", s, things["traffic deputy-"+s])
		}
	}
}

func TestPin(t *testing.T) {
	t.Parallel()
	folder, _ := copyRepository(t)
	stub, err := buildStub()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second run replaces digests
		cmd := exec.CommandContext(t.Context(), "bash", "./deploy.sh", "--pin") // the copy is not executable
		cmd.Dir = folder
		cmd.Env = append(os.Environ(), "PATH="+stub+":"+os.Getenv("PATH"), "STUB="+t.TempDir())
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	digest := "@sha256:" + strings.Repeat("0", 64)
	for file, want := range map[string]int{"cloudbuild.yaml": 6, "deploy/build.yaml": 2, "cmd/server/Dockerfile": 2} {
		text, err := os.ReadFile(filepath.Join(folder, file)) //nolint:gosec // a test path
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(string(text), digest); got != want {
			t.Errorf("%s: got %d digests, want %d: %s", file, got, want, text)
		}
	}
}
