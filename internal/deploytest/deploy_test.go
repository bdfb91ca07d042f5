package deploytest

import (
	"bytes"
	"encoding/json"
	"errors"
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

// theStub is built once for all tests.
var theStub = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "stub")
	if err != nil {
		return "", err
	}
	out, err := exec.Command("go", "build", "-o", filepath.Join(folder, "gcloud"), "./stub").CombinedOutput() //nolint:gosec // of this repository
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	for _, name := range []string{"go", "curl", "sleep"} {
		if err := os.Symlink("gcloud", filepath.Join(folder, name)); err != nil {
			return "", err
		}
	}
	return folder, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if folder, err := theStub(); err == nil {
		_ = os.RemoveAll(folder)
	}
	if parserStarted.Load() {
		if p, err := theParser(); err == nil {
			_ = os.RemoveAll(p.home)
		}
	}
	os.Exit(code)
}

// cloud is a Google Cloud project as the stub plays it.
type cloud struct {
	t      *testing.T
	folder string
	client string // file of the OAuth client
}

func newCloud(t *testing.T) *cloud {
	t.Helper()
	c := &cloud{t, t.TempDir(), filepath.Join(t.TempDir(), "client_secrets.json")}
	if err := os.WriteFile(c.client, []byte(`{"web":{"client_id":"c","client_secret":"CLIENT-SECRET"}}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return c
}

// deploy runs deploy.sh in the cloud, with more of an environment in front of
// its arguments.
func (c *cloud) deploy(args ...string) (code int, out string) {
	c.t.Helper()
	stub, err := theStub()
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

// whole are the arguments of a full deployment.
func (c *cloud) whole() []string {
	return []string{"--project", "my-project-1", "--region", "europe-west1", "--client-secrets", c.client, "--kms", "--trigger", "projects/p/locations/r/connections/c/repositories/x", "--set", "ALLOWED_DOMAINS=example.com,example.org"}
}

// calls are all calls so far, and forgets them.
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

// made is all that is there now.
func (c *cloud) made() (things map[string]string, changes int) {
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

func TestADryRunCallsNothing(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	code, out := c.deploy(append(c.whole(), "--dry-run", "--smoke")...)
	if code != 0 || strings.Count(out, "gcloud ") < 70 {
		t.Errorf("%d: %s", code, out)
	}
	for _, call := range c.calls() {
		t.Errorf("it called %v", call)
	}
}

func TestTheFirstRunMakesEverythingOnceAndTheSecondNothing(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	if code, out := c.deploy(c.whole()...); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	first, changes := c.made()
	if changes < 70 {
		t.Errorf("%d changes: %v", changes, first)
	}
	for _, service := range []string{"chatevent", "oauthcallback", "createspace", "securityevent"} {
		if first["traffic deputy-"+service] == "" {
			t.Errorf("%s does not serve", service)
		}
	}
	c.calls()
	if code, out := c.deploy(c.whole()...); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	second, again := c.made()
	if again != changes {
		var all []string
		for _, call := range c.calls() {
			all = append(all, strings.Join(call, " "))
		}
		t.Errorf("the second run changed %d things; its calls:\n%s", again-changes, strings.Join(all, "\n"))
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Error(diff)
	}
}

func TestARunThatFailedAnywhereIsFinishedByTheNext(t *testing.T) {
	t.Parallel()
	whole := newCloud(t)
	if code, out := whole.deploy(whole.whole()...); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	want, _ := whole.made()
	// One of each kind of change: which one of a kind fails makes no difference.
	seen, n := map[string]bool{}, 0
	for _, call := range whole.calls() {
		if !isChange(call) {
			continue
		}
		n++
		kind := strings.Join(call[1:4], " ")
		if call[1] == "secrets" || call[1] == "run" || call[1] == "services" || call[1] == "builds" && call[2] == "submit" {
			kind = strings.Join(call[1:3], " ") // then comes a name
		}
		if seen[kind] {
			continue
		}
		seen[kind] = true
		t.Run(strings.ReplaceAll(kind, " ", "-"), func(t *testing.T) {
			t.Parallel()
			c := newCloud(t)
			if code, out := c.deploy(append([]string{fmt.Sprintf("STUB_FAIL=%d", n)}, c.whole()...)...); code == 0 {
				t.Fatalf("it ended well: %s", out)
			}
			if code, out := c.deploy(c.whole()...); code != 0 {
				t.Fatalf("again: %d: %s", code, out)
			}
			got, _ := c.made()
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("it ends otherwise: %s", diff)
			}
		})
	}
	if len(seen) < 18 {
		t.Errorf("only %d kinds of changes were looked at: %v", len(seen), seen)
	}
}

// isChange tells a call that changes something.
func isChange(call []string) bool {
	return call[0] == "gcloud" && !slices.ContainsFunc(call, func(w string) bool {
		return slices.Contains([]string{"describe", "list", "get-iam-policy", "access"}, w)
	})
}

func TestNoSecretIsAnArgumentOrPrinted(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	code, out := c.deploy(c.whole()...)
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

func TestTroubleOtherThanNotFoundMakesNothing(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	// A gcloud that may see nothing.
	blind := t.TempDir()
	if err := os.WriteFile(filepath.Join(blind, "gcloud"), []byte("#!/bin/sh\necho \"$@\" >>"+c.folder+"/calls\necho 'ERROR: PERMISSION_DENIED' >&2\nexit 1\n"), 0o700); err != nil { //nolint:gosec // it is to be run
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "./deploy.sh", c.whole()...) //nolint:gosec // of this repository
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "PATH="+blind+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "PERMISSION_DENIED") || !strings.Contains(string(out), "nothing more is done") {
		t.Errorf("%v: %s", err, out)
	}
	calls, err := os.ReadFile(filepath.Join(c.folder, "calls"))
	if err != nil || bytes.Count(calls, []byte("\n")) != 1 {
		t.Errorf("it went on: %s, %v", calls, err)
	}
}

func TestOddArgumentsAreExplained(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	for arguments, want := range map[string]string{
		"":                       "--project is missing",
		"--project my-project-1": "--region is missing",
		"--project My_Project --region europe-west1":                                                                         "is not a project id",
		"--project 123456789012 --region europe-west1":                                                                       "is not a project id",
		"--project my-project-1 --region Europe":                                                                             "is not a region",
		"--project my-project-1 --region europe-west1 --only x":                                                              "must be infra or services",
		"--project my-project-1 --region":                                                                                    "--region wants a value",
		"--project my-project-1 --region europe-west1 --fast":                                                                "unknown argument '--fast'",
		"--project my-project-1 --region europe-west1 --client-secrets nowhere.json":                                         "cannot be read",
		"--project my-project-1 --region europe-west1 --promote":                                                             "--promote needs the --tag",
		"--project my-project-1 --region europe-west1 --promote --tag c --rollback":                                          "exclude each other",
		"--project my-project-1 --region europe-west1 --image eu.pkg.dev/x --from-source":                                    "exclude each other",
		"--project my-project-1 --region europe-west1 --set KEYSET=x":                                                        "is not NAME=VALUE",
		"--project my-project-1 --region europe-west1 --tag Tag":                                                             "small letters",
		"--project my-project-1 --region europe-west1 --trigger github.com/x/y":                                              "must look like projects/",
		"--project my-project-1 --region europe-west1 --database Bad":                                                        "not a name of a database",
		"--project my-project-1 --region europe-west1 --only services --client-secrets " + c.client:                          "stores no --client-secrets",
		"--project my-project-1 --region europe-west1 --promote --tag c --image eu.pkg.dev/x":                                "only give traffic",
		"--project my-project-1 --region europe-west1 --push x":                                                              "is not the id of a build",
		"--project my-project-1 --region europe-west1 --push " + older + " --image eu.pkg.dev/x":                             "--push needs --only services or --promote",
		"--project my-project-1 --region europe-west1 --push " + older + " --only services":                                  "--push needs --image or --promote",
		"--project my-project-1 --region europe-west1 --push " + older + " --only services --image eu.pkg.dev/x --all-users": "opens no service",
		"--project my-project-1 --region europe-west1 --commit 0123456789012345678901234567890123456789":                     "--commit belongs to --push",
	} {
		code, out := c.deploy(strings.Fields(arguments)...)
		if code != 64 || !strings.Contains(out, want) {
			t.Errorf("%s: %d %s", arguments, code, out)
		}
	}
	if calls := c.calls(); calls != nil {
		t.Errorf("it called %v", calls)
	}
}

func TestWithoutTheOAuthClientItSaysHowToGoOn(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	base := []string{"--project", "my-project-1", "--region", "europe-west1"}
	code, out := c.deploy(base...)
	for _, want := range []string{
		"https://deputy-oauthcallback-123456789012.europe-west1.run.app/callback", "https://www.googleapis.com/auth/chat.spaces.create", "/createspace  (Slash command)",
		"101  Create a space  (Quick command) yes", "Project number (123456789012)", "dies after 7 days", "--client-secrets client_secrets.json",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not said:\n%s", want, out)
		}
	}
	if things, _ := c.made(); code != 3 || things["run services deputy-chatevent"] != "" {
		t.Errorf("%d, %v", code, things)
	}
	if code, out := c.deploy(append(base, "--client-secrets", c.client)...); code != 0 || !strings.Contains(out, "run deploy deputy-chatevent") {
		t.Errorf("%d: %s", code, out)
	}
}

// release deploys twice: the second time as c2, without traffic.
func release(t *testing.T) (*cloud, []string) {
	t.Helper()
	c := newCloud(t)
	base := []string{"--project", "my-project-1", "--region", "europe-west1"}
	if code, out := c.deploy(c.whole()...); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	if code, out := c.deploy(append(base, "--kms", "--only", "services", "--image", "eu.pkg.dev/p/deputy:2", "--tag", "c2", "--no-traffic", "--smoke")...); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	return c, base
}

func TestATaggedRevisionIsTriedAndThenGetsTheTraffic(t *testing.T) {
	t.Parallel()
	c, base := release(t)
	things, _ := c.made()
	if things["traffic deputy-chatevent"] != "deputy-chatevent-00001" || things["tag deputy-chatevent c2"] != "deputy-chatevent-00002" {
		t.Errorf("people got it already: %v", things)
	}
	tried := 0
	for _, call := range c.calls() {
		if call[0] == "curl" && strings.HasPrefix(call[len(call)-1], "https://c2---deputy-") {
			tried++
		}
	}
	if tried != 5 {
		t.Errorf("%d addresses of the tag were tried", tried)
	}
	if code, out := c.deploy(append(base, "--tag", "c2", "--promote")...); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	things, _ = c.made()
	for _, service := range []string{"chatevent", "oauthcallback", "createspace", "securityevent"} {
		if things["traffic deputy-"+service] != "deputy-"+service+"-00002" {
			t.Errorf("%s has %s", service, things["traffic deputy-"+service])
		}
	}
}

func TestRevisionsThatFailInServiceAreTakenBack(t *testing.T) {
	t.Parallel()
	for name, trouble := range map[string]string{"not ready": "STUB_READY=503", "takes events of strangers": "STUB_EVENT=200"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, base := release(t)
			code, out := c.deploy(append(append([]string{trouble}, base...), "--tag", "c2", "--promote")...)
			if code == 0 || !strings.Contains(out, "going back") {
				t.Errorf("%d: %s", code, out)
			}
			things, _ := c.made()
			for _, service := range []string{"chatevent", "oauthcallback", "createspace", "securityevent"} {
				if things["traffic deputy-"+service] != "deputy-"+service+"-00001" {
					t.Errorf("%s has %s", service, things["traffic deputy-"+service])
				}
			}
		})
	}
}

func TestASmokeTestThatFailsFailsTheRun(t *testing.T) {
	t.Parallel()
	c, base := release(t)
	for _, trouble := range []string{"STUB_READY=503", "STUB_EVENT=200"} {
		if code, out := c.deploy(append(append([]string{trouble}, base...), "--kms", "--only", "services", "--image", "eu.pkg.dev/p/deputy:2", "--tag", "c2", "--no-traffic", "--smoke")...); code == 0 {
			t.Errorf("%s: %s", trouble, out)
		}
	}
}

func TestAServiceIsDeployedWithWhatTheTableSays(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	if code, out := c.deploy(c.whole()...); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	deployed := map[string][]string{}
	for _, call := range c.calls() {
		if len(call) > 3 && call[1] == "run" && call[2] == "deploy" {
			deployed[call[3]] = call
		}
	}
	const secrets = "--set-secrets=KEYSET=deputy-keyset:1,LOOKUP_KEYSET=deputy-lookup-keyset:1,OAUTH_CLIENT=deputy-oauth-client:1"
	const callers = "CALLERS=gs://my-project-1-deputy-callers/callers.yaml"
	for service, want := range map[string][]string{
		"deputy-chatevent":     {"FUNCTION_TARGET=ChatEvent", "CHAT_PROJECT_NUMBER=123456789012", "CHAT_ENDPOINT_URL=https://deputy-chatevent-123456789012.europe-west1.run.app", "--timeout=30", "ALLOWED_DOMAINS=example.com,example.org", secrets, callers},
		"deputy-oauthcallback": {"FUNCTION_TARGET=OAuthCallback", "--timeout=30", secrets, callers},
		"deputy-createspace":   {"FUNCTION_TARGET=CreateSpace", "API_AUDIENCE=https://deputy-createspace-123456789012.europe-west1.run.app", "--timeout=60", secrets, callers},
		"deputy-securityevent": {"FUNCTION_TARGET=SecurityEvent", "OAUTH_CLIENT_ID=c ", "--clear-secrets"},
	} {
		line := strings.Join(deployed[service], " ")
		if service != "deputy-securityevent" {
			want = append(want, "OAUTH_CALLBACK_URL=https://deputy-oauthcallback-123456789012", "KEYSET_KEK=gcp-kms://projects/my-project-1/")
		}
		for _, text := range append(want, "--service-account="+service+"@my-project-1.iam", "--set-env-vars=", "--no-invoker-iam-check", "--cpu=1", "--memory=256Mi", "httpGet.path=/ready") {
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

func TestTheLogsLeaveAddressesOutBeforeTheFunctionsAreDeployed(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	if code, out := c.deploy(c.whole()...); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	excluded := map[string]bool{}
	for _, call := range c.calls() {
		line := strings.Join(call, " ")
		for _, name := range []string{"deputy-oauthcallback", "deputy-createspace"} {
			excluded[name] = excluded[name] || strings.Contains(line, "--add-exclusion=name="+name+",")
			if strings.Contains(line, "run deploy "+name) && !excluded[name] {
				t.Errorf("%s is deployed first", name)
			}
		}
	}
	if !excluded["deputy-oauthcallback"] || !excluded["deputy-createspace"] {
		t.Errorf("only these are left out: %v", excluded)
	}
}

func TestFirestoreForgetsWhatTheVaultSaysExpires(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	_, out := c.deploy(append(c.whole(), "--dry-run")...)
	for _, group := range vault.ForgottenByTTL() {
		if !strings.Contains(out, "ttls update expires --collection-group="+group+" ") {
			t.Errorf("%s is kept", group)
		}
	}
	if got, want := strings.Count(out, "ttls update"), len(vault.ForgottenByTTL()); got != want {
		t.Errorf("%d groups expire, and the vault names %d", got, want)
	}
}

func TestFirestoreHasAnIndexForWhatTheVaultLooksFor(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	_, out := c.deploy(append(c.whole(), "--dry-run")...)
	for _, field := range vault.Indexed() {
		group, name, _ := strings.Cut(field, "/")
		if !strings.Contains(out, "indexes fields update "+name+" --collection-group="+group+" ") {
			t.Errorf("%s has none", field)
		}
	}
	if got, want := strings.Count(out, "--index=order=ascending"), len(vault.Indexed()); got != want {
		t.Errorf("%d fields have one, and the vault names %d", got, want)
	}
}

var services = []string{"chatevent", "oauthcallback", "createspace", "securityevent"}

func TestARevisionThatNeverRanIsDeployedAnew(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	if code, out := c.deploy(append([]string{"STUB_UNREADY=deputy-createspace"}, c.whole()...)...); code == 0 {
		t.Fatalf("it ended well: %s", out)
	}
	if code, out := c.deploy(c.whole()...); code != 0 || !strings.Contains(out, "run deploy deputy-createspace") || strings.Contains(out, "run deploy deputy-chatevent") {
		t.Fatalf("%d: %s", code, out)
	}
	things, _ := c.made()
	for _, s := range services {
		if things["ready deputy-"+s] == "" {
			t.Errorf("%s does not run", s)
		}
	}
}

func TestTrafficThatWasHeldBackIsGivenByTheNextRun(t *testing.T) {
	t.Parallel()
	c, base := release(t)
	same := append(slices.Clone(base), "--only", "services", "--image", "eu.pkg.dev/p/deputy:2", "--tag", "c2")
	if code, out := c.deploy(same...); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	things, _ := c.made()
	for _, s := range services {
		if things["traffic deputy-"+s] != "deputy-"+s+"-00002" || !strings.Contains(things["revision deputy-"+s+"-00002"], ",deputy-"+s+"-00001,") {
			t.Errorf("%s: %s serves: %s", s, things["traffic deputy-"+s], things["revision deputy-"+s+"-00002"])
		}
	}
	if code, out := c.deploy(append(base, "--rollback")...); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	if things, _ = c.made(); things["traffic deputy-chatevent"] != "deputy-chatevent-00001" {
		t.Errorf("back on %s", things["traffic deputy-chatevent"])
	}
}

func TestARollbackGoesToWhatServedAndNotToWhatFailed(t *testing.T) {
	t.Parallel()
	c, base := release(t) // 1 serves; 2 was never given to people
	deploy := func(image, tag string) {
		t.Helper()
		if code, out := c.deploy(append(slices.Clone(base), "--only", "services", "--image", image, "--tag", tag, "--no-traffic")...); code != 0 {
			t.Fatalf("%d: %s", code, out)
		}
	}
	deploy("eu.pkg.dev/p/deputy:3", "c3")
	if code, out := c.deploy(append([]string{"STUB_READY=503"}, append(slices.Clone(base), "--tag", "c3", "--promote")...)...); code == 0 || !strings.Contains(out, "going back") {
		t.Fatalf("%d: %s", code, out)
	}
	things, _ := c.made()
	for _, s := range services {
		if things["traffic deputy-"+s] != "deputy-"+s+"-00001" {
			t.Errorf("%s is back on %s", s, things["traffic deputy-"+s])
		}
	}
	if code, out := newCloud(t).deploy(append(slices.Clone(base), "--rollback")...); code == 0 || !strings.Contains(out, "no revision that served before") {
		t.Errorf("nothing to go back to: %d %s", code, out)
	}
}

func TestAPromotionThatFailsHalfWayGivesAllBack(t *testing.T) {
	t.Parallel()
	c, base := release(t)
	_, changes := c.made()
	if code, out := c.deploy(append([]string{fmt.Sprintf("STUB_FAIL=%d", changes+3)}, append(base, "--tag", "c2", "--promote")...)...); code == 0 || !strings.Contains(out, "going back") {
		t.Fatalf("%d: %s", code, out)
	}
	things, _ := c.made()
	for _, s := range services {
		if things["traffic deputy-"+s] != "deputy-"+s+"-00001" {
			t.Errorf("%s has %s", s, things["traffic deputy-"+s])
		}
	}
}

func TestARunThatSaysLessChangesNothingOfWhatWasSaid(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	base := []string{"--project", "my-project-1", "--region", "europe-west1"}
	said := []string{"--database", "deputydb", "--kms", "--set", "OAUTH_CALLBACK_URL=https://chat.example.com/oauth", "--set", "API_AUDIENCE=https://api.example.com", "--set", "ALLOWED_DOMAINS=example.com"}
	// The first run ends before there is a function, and says how to go on.
	code, out := c.deploy(append(slices.Clone(base), said...)...)
	if code != 3 || !strings.Contains(out, "--database deputydb --kms --set OAUTH_CALLBACK_URL=https://chat.example.com/oauth") {
		t.Fatalf("%d: %s", code, out)
	}
	if code, out := c.deploy(append(append(slices.Clone(base), said...), "--client-secrets", c.client)...); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	want, changes := c.made()
	if code, out := c.deploy(base...); code != 0 { // a plain run of the same sources
		t.Fatalf("%d: %s", code, out)
	}
	got, after := c.made()
	for name, value := range want {
		if strings.HasPrefix(name, "env ") && got[name] != value {
			t.Errorf("%s was %q, and is %q", name, value, got[name])
		}
	}
	if got["firestore databases (default)"] != "" || got["scheduler jobs deputy-sweep"] != want["scheduler jobs deputy-sweep"] || !strings.HasSuffix(want["scheduler jobs deputy-sweep"], ",https://api.example.com") {
		t.Errorf("the job: %s, then %s; %d changes", want["scheduler jobs deputy-sweep"], got["scheduler jobs deputy-sweep"], after-changes)
	}
	if code, out := c.deploy(append(slices.Clone(base), "--set", "API_AUDIENCE=https://other.example.com")...); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	if got, _ = c.made(); !strings.HasSuffix(got["scheduler jobs deputy-sweep"], ",https://other.example.com") || got["env deputy-createspace API_AUDIENCE"] != "https://other.example.com" {
		t.Errorf("another audience: %s, %s", got["scheduler jobs deputy-sweep"], got["env deputy-createspace API_AUDIENCE"])
	}
}

func TestAddressesOfOldBuildsAreTakenAway(t *testing.T) {
	t.Parallel()
	c, base := release(t)
	for n, tag := range []string{"c-11111111", "c-22222222", "c-33333333"} {
		if code, out := c.deploy(append(slices.Clone(base), "--only", "services", "--image", fmt.Sprintf("eu.pkg.dev/p/deputy:%d", n+3), "--tag", tag, "--no-traffic")...); code != 0 {
			t.Fatalf("%d: %s", code, out)
		}
		if code, out := c.deploy(append(slices.Clone(base), "--tag", tag, "--promote")...); code != 0 {
			t.Fatalf("%d: %s", code, out)
		}
	}
	things, _ := c.made()
	for name := range things {
		if strings.HasPrefix(name, "tag deputy-chatevent c-") || strings.HasSuffix(name, " before") {
			t.Errorf("an old revision is public: %s", name)
		}
	}
}

const (
	older, newerBuild = "aaaaaaaa-0000-0000-0000-000000000000", "bbbbbbbb-0000-0000-0000-000000000000"
	noBuild           = "cccccccc-0000-0000-0000-000000000000"
)

// change edits what is there.
func (c *cloud) change(edit func(things map[string]string, lists map[string][]string)) {
	c.t.Helper()
	name := filepath.Join(c.folder, "state")
	text, err := os.ReadFile(name) //nolint:gosec // of this test
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
		err = os.WriteFile(name, text, 0o600) //nolint:gosec // of this test
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// ongoing are the builds that Cloud Build lists, oldest first.
func (c *cloud) ongoing(builds ...string) {
	c.change(func(_ map[string]string, lists map[string][]string) { lists["builds"] = builds })
}

// history is a repository with two commits, the older first. deploy.sh asks it by
// GIT_DIR.
func history(t *testing.T) (dir string, commits [2]string) {
	t.Helper()
	folder := t.TempDir()
	git := func(at string, args ...string) string {
		cmd := exec.CommandContext(t.Context(), "git", args...) //nolint:gosec // words of ours
		cmd.Dir = folder
		cmd.Env = append(os.Environ(), "GIT_COMMITTER_DATE="+at, "GIT_AUTHOR_DATE="+at, "GIT_CONFIG_GLOBAL=/dev/null")
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(out))
	}
	git("", "init", "-q")
	for i, at := range []string{"2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z"} {
		git(at, "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "--allow-empty", "-m", at)
		commits[i] = git("", "rev-parse", "HEAD")
	}
	return filepath.Join(folder, ".git"), commits
}

// pushes deploys whole, then two pushes without traffic: the older one and the
// newer one.
func pushes(t *testing.T) (c *cloud, promote func(build, commit string) (int, string), commits [2]string) {
	t.Helper()
	dir, commits := history(t)
	c = newCloud(t)
	if code, out := c.deploy(append([]string{"STUB_GIT_DIR=" + dir}, c.whole()...)...); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	// As if it had been deployed before both.
	c.change(func(things map[string]string, _ map[string][]string) {
		for name, value := range things {
			if strings.HasPrefix(name, "revision ") {
				things[name] = value[:strings.LastIndex(value, ",")+1] + "1"
			}
		}
	})
	base := []string{"STUB_GIT_DIR=" + dir, "--project", "my-project-1", "--project-number", "123456789012", "--region", "europe-west1"}
	for i, build := range []string{older, newerBuild} {
		code, out := c.deploy(slices.Concat(base, []string{"--only", "services", "--image", "eu.pkg.dev/p/deputy:" + build, "--tag", "c-" + build[:8], "--no-traffic", "--smoke", "--push", build, "--commit", commits[i]})...)
		if code != 0 {
			t.Fatalf("%d: %s", code, out)
		}
	}
	return c, func(build, commit string) (int, string) {
		return c.deploy(slices.Concat(base, []string{"--tag", "c-" + build[:8], "--promote", "--push", build, "--commit", commit})...)
	}, commits
}

func TestAnOlderPushNeverReplacesANewerOne(t *testing.T) {
	t.Parallel()
	c, promote, commits := pushes(t)
	c.ongoing(newerBuild)
	if code, out := promote(newerBuild, commits[1]); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	want, changes := c.made()
	c.ongoing(older) // started anew, perhaps
	if code, out := promote(older, commits[0]); code == 0 || !strings.Contains(out, "an older push never replaces a newer one") {
		t.Errorf("%d: %s", code, out)
	}
	if got, after := c.made(); after != changes || got["traffic deputy-chatevent"] != want["traffic deputy-chatevent"] {
		t.Errorf("%s serves", got["traffic deputy-chatevent"])
	}
}

func TestTwoPushesOneAfterTheOtherEndWithTheNewer(t *testing.T) {
	t.Parallel()
	c, promote, commits := pushes(t)
	c.ongoing(older, newerBuild)
	if code, out := promote(older, commits[0]); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	if things, _ := c.made(); things["tag deputy-chatevent c-bbbbbbbb"] == "" {
		t.Fatal("the address of the build that waits was taken away")
	}
	c.ongoing(newerBuild)
	if code, out := promote(newerBuild, commits[1]); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	for _, s := range services {
		if things, _ := c.made(); things["traffic deputy-"+s] != "deputy-"+s+"-00003" {
			t.Errorf("%s has %s", s, things["traffic deputy-"+s])
		}
	}
}

func TestAPushWaitsForTheBuildBeforeIt(t *testing.T) {
	t.Parallel()
	c, promote, commits := pushes(t)
	c.ongoing("2x"+older, newerBuild) // listed twice, then over
	c.calls()
	if code, out := promote(newerBuild, commits[1]); code != 0 || !strings.Contains(out, "is not over; waiting") {
		t.Errorf("%d: %s", code, out)
	}
	listed := 0
	for _, call := range c.calls() {
		switch {
		case isChange(call) && listed < 3:
			t.Errorf("after %d looks it did %v", listed, call)
		case len(call) > 2 && call[1] == "builds":
			listed++
		}
	}
}

func TestAPushThatCloudBuildDoesNotListGetsNoTraffic(t *testing.T) {
	t.Parallel()
	c, promote, commits := pushes(t)
	c.ongoing(noBuild)
	if code, out := promote(newerBuild, commits[1]); code == 0 || !strings.Contains(out, "nobody knows whose turn it is") {
		t.Errorf("%d: %s", code, out)
	}
}

func TestThePipelineOpensNothingAndSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		take func(map[string]string)
		want string
	}{
		"a closed service":   {func(things map[string]string) { delete(things, "open deputy-chatevent") }, "nobody from outside reaches deputy-chatevent"},
		"no service":         {func(things map[string]string) { delete(things, "run services deputy-createspace") }, "the service deputy-createspace is not there"},
		"not prepared":       {func(things map[string]string) { things["label deputy-infra"] = "0123456789abcdef" }, "was not prepared by this form of deploy/infra.sh"},
		"no ids of a client": {func(things map[string]string) { delete(things, "env deputy-securityevent OAUTH_CLIENT_ID") }, "no OAUTH_CLIENT_ID"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _, _ := pushes(t)
			c.change(func(things map[string]string, _ map[string][]string) { test.take(things) })
			_, changes := c.made()
			code, out := c.deploy("--project", "my-project-1", "--project-number", "123456789012", "--region", "europe-west1", "--only", "services", "--image", "eu.pkg.dev/p/deputy:9", "--tag", "c9", "--no-traffic", "--push", noBuild)
			if code == 0 || !strings.Contains(out, test.want) {
				t.Errorf("%d: %s", code, out)
			}
			if _, after := c.made(); after != changes {
				t.Errorf("it changed %d things", after-changes)
			}
		})
	}
}

func TestBothWaysToOpenAServiceUnderTheOrganizationsPolicies(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		policy string
		more   []string
		opened bool
		says   string
	}{
		"domain-restricted sharing, by default": {"domain", nil, true, ""},
		"domain-restricted sharing, allUsers":   {"domain", []string{"--all-users"}, false, "leave out --all-users"},
		"the check is required, by default":     {"invoker", nil, false, "or use --all-users"},
		"the check is required, allUsers":       {"invoker", []string{"--all-users"}, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t)
			code, out := c.deploy(slices.Concat([]string{"STUB_POLICY=" + test.policy}, c.whole(), test.more)...)
			if (code == 0) != test.opened || !strings.Contains(out, test.says) {
				t.Fatalf("%d: %s", code, out)
			}
			if !test.opened {
				return
			}
			_, changes := c.made()
			if code, out := c.deploy(c.whole()...); code != 0 { // a run that says less
				t.Errorf("%d: %s", code, out)
			}
			if _, after := c.made(); after != changes {
				t.Errorf("the second run changed %d things", after-changes)
			}
		})
	}
}

func TestALookThatFailsForgetsNothing(t *testing.T) {
	t.Parallel()
	for _, service := range services {
		c := newCloud(t)
		base := []string{"--project", "my-project-1", "--region", "europe-west1"}
		if code, out := c.deploy(slices.Concat(base, []string{"--client-secrets", c.client, "--database", "deputydb"})...); code != 0 {
			t.Fatalf("%d: %s", code, out)
		}
		_, changes := c.made()
		code, out := c.deploy(append([]string{"STUB_TROUBLE=run services describe deputy-" + service}, base...)...)
		if _, after := c.made(); code == 0 || after != changes || !strings.Contains(out, "UNAVAILABLE") {
			t.Errorf("%s: %d, %d changes: %s", service, code, after-changes, out)
		}
	}
}

func TestWhatAnAccountHadAndNeedsNoMoreIsTakenAway(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	if code, out := c.deploy(c.whole()...); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	want, _ := c.made()
	account := func(name string) string {
		return "serviceAccount:deputy-" + name + "@my-project-1.iam.gserviceaccount.com"
	}
	others := "projects my-project-1 user:ada@example.com roles/owner"
	c.change(func(things map[string]string, _ map[string][]string) {
		for resource, binding := range map[string]string{
			"projects my-project-1":                            "roles/datastore.user\t" + account("chatevent"),
			"secrets deputy-keyset":                            "roles/secretmanager.secretAccessor\t" + account("securityevent"),
			"storage buckets gs://my-project-1-deputy-callers": "roles/storage.objectAdmin\t" + account("createspace"),
			"kms keys keysets":                                 "roles/cloudkms.cryptoKeyDecrypter\t" + account("securityevent"),
		} {
			role, member, _ := strings.Cut(binding, "\t")
			things[resource+" "+member+" "+role] = "bound\t" + binding
		}
		things[others] = "bound\troles/owner\tuser:ada@example.com"
	})
	if code, out := c.deploy(c.whole()...); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	got, _ := c.made()
	want[others] = got[others] // is not deploy.sh's
	if diff := cmp.Diff(want, got); diff != "" || got[others] == "" {
		t.Error(diff)
	}
}

func TestASettingThatIsTakenBackDisappears(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	if code, out := c.deploy(c.whole()...); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	if code, out := c.deploy("--project", "my-project-1", "--region", "europe-west1", "--set", "ALLOWED_DOMAINS="); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	if things, _ := c.made(); things["env deputy-chatevent ALLOWED_DOMAINS"] != "" || things["env deputy-chatevent KEYSET_KEK"] == "" {
		t.Errorf("%q, %q", things["env deputy-chatevent ALLOWED_DOMAINS"], things["env deputy-chatevent KEYSET_KEK"])
	}
}

func TestTheFileOfCallersIsMadeOnceAndIsNeverReplaced(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	if code, out := c.deploy(c.whole()...); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	const object = "object gs://my-project-1-deputy-callers/callers.yaml"
	c.change(func(things map[string]string, lists map[string][]string) {
		if set, err := callers.Parse([]byte(lists[object][0])); err != nil || len(set.Callers) != 0 {
			t.Errorf("%v, %v", set, err)
		}
		if got := things["storage buckets gs://my-project-1-deputy-callers"]; got != "True\tTrue\tenforced" {
			t.Errorf("the bucket: %s", got)
		}
		lists[object] = append(lists[object], "paused: true\n") // the operator's
		things["storage buckets gs://my-project-1-deputy-callers"] = "None\tFalse\tinherited"
	})
	if code, out := c.deploy(c.whole()...); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	c.change(func(things map[string]string, lists map[string][]string) {
		if len(lists[object]) != 2 || things["storage buckets gs://my-project-1-deputy-callers"] != "True\tTrue\tenforced" {
			t.Errorf("%v, %s", lists[object], things["storage buckets gs://my-project-1-deputy-callers"])
		}
	})
}

func TestARollbackLeavesFunctionsThatTheLastReleaseDidNotChange(t *testing.T) {
	t.Parallel()
	c, base := release(t)
	if code, out := c.deploy(append(slices.Clone(base), "--tag", "c2", "--promote")...); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	if code, out := c.deploy(append(slices.Clone(base), "--only", "services", "--image", "eu.pkg.dev/p/deputy:2", "--tag", "c2", "--set", "APP_NAME=Other")...); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	if code, out := c.deploy(append(slices.Clone(base), "--rollback")...); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	things, _ := c.made()
	for _, s := range services {
		if things["traffic deputy-"+s] != "deputy-"+s+"-00002" {
			t.Errorf("%s is on %s", s, things["traffic deputy-"+s])
		}
	}
}

func TestThePinsAreDigestsOfTheVersionsInTheFiles(t *testing.T) {
	t.Parallel()
	folder, _ := copied(t)
	stub, err := theStub()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // again, over the digests of before
		cmd := exec.CommandContext(t.Context(), "bash", "./deploy.sh", "--pin") // the copy has no right to run
		cmd.Dir = folder
		cmd.Env = append(os.Environ(), "PATH="+stub+":"+os.Getenv("PATH"), "STUB="+t.TempDir())
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	digest := "@sha256:" + strings.Repeat("0", 64)
	for file, want := range map[string]int{"cloudbuild.yaml": 6, "deploy/build.yaml": 2, "Dockerfile": 2} {
		text, err := os.ReadFile(filepath.Join(folder, file)) //nolint:gosec // of this test
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(string(text), digest); got != want {
			t.Errorf("%s: got %d digests, want %d: %s", file, got, want, text)
		}
	}
}
