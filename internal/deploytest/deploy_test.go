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
	for _, name := range []string{"go", "curl"} {
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
		cmd.Env, args = append(cmd.Env, args[0]), args[1:]
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
		"--project My_Project --region europe-west1":                                                "is not a project id",
		"--project 123456789012 --region europe-west1":                                              "is not a project id",
		"--project my-project-1 --region Europe":                                                    "is not a region",
		"--project my-project-1 --region europe-west1 --only x":                                     "must be infra or services",
		"--project my-project-1 --region":                                                           "--region wants a value",
		"--project my-project-1 --region europe-west1 --fast":                                       "unknown argument '--fast'",
		"--project my-project-1 --region europe-west1 --client-secrets nowhere.json":                "cannot be read",
		"--project my-project-1 --region europe-west1 --promote":                                    "--promote needs the --tag",
		"--project my-project-1 --region europe-west1 --promote --tag c --rollback":                 "exclude each other",
		"--project my-project-1 --region europe-west1 --image eu.pkg.dev/x --from-source":           "exclude each other",
		"--project my-project-1 --region europe-west1 --set KEYSET=x":                               "is not NAME=VALUE",
		"--project my-project-1 --region europe-west1 --tag Tag":                                    "small letters",
		"--project my-project-1 --region europe-west1 --trigger github.com/x/y":                     "must look like projects/",
		"--project my-project-1 --region europe-west1 --database Bad":                               "not a name of a database",
		"--project my-project-1 --region europe-west1 --only services --client-secrets " + c.client: "stores no --client-secrets",
		"--project my-project-1 --region europe-west1 --promote --tag c --image eu.pkg.dev/x":       "only give traffic",
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
	for service, want := range map[string][]string{
		"deputy-chatevent":     {"FUNCTION_TARGET=ChatEvent", "CHAT_PROJECT_NUMBER=123456789012", "CHAT_ENDPOINT_URL=https://deputy-chatevent-123456789012.europe-west1.run.app", "--timeout=30", "ALLOWED_DOMAINS=example.com,example.org"},
		"deputy-oauthcallback": {"FUNCTION_TARGET=OAuthCallback", "--timeout=30"},
		"deputy-createspace":   {"FUNCTION_TARGET=CreateSpace", "API_AUDIENCE=https://deputy-createspace-123456789012.europe-west1.run.app", "--timeout=60"},
		"deputy-securityevent": {"FUNCTION_TARGET=SecurityEvent"},
	} {
		line := strings.Join(deployed[service], " ")
		for _, text := range append(want, "--service-account="+service+"@my-project-1.iam", "--allow-unauthenticated", "--cpu=1", "--memory=256Mi", "httpGet.path=/ready", "KEYSET=deputy-keyset:1",
			"LOOKUP_KEYSET=deputy-lookup-keyset:1", "OAUTH_CLIENT=deputy-oauth-client:1", "OAUTH_CALLBACK_URL=https://deputy-oauthcallback-123456789012", "KEYSET_KEK=gcp-kms://projects/my-project-1/") {
			if !strings.Contains(line, text) {
				t.Errorf("%s has no %s: %s", service, text, line)
			}
		}
	}
}

func TestTheLogsLeaveTheCallbackOutBeforeItIsDeployed(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	if code, out := c.deploy(c.whole()...); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	excluded := false
	for _, call := range c.calls() {
		line := strings.Join(call, " ")
		excluded = excluded || strings.Contains(line, "--add-exclusion=name=deputy-oauthcallback")
		if strings.Contains(line, "run deploy deputy-oauthcallback") && !excluded {
			t.Error("it is deployed first")
		}
	}
	if !excluded {
		t.Error("nothing is left out")
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
		if things["traffic deputy-"+s] != "deputy-"+s+"-00002" || things["tag deputy-"+s+" before"] != "deputy-"+s+"-00001" {
			t.Errorf("%s: %s serves, before it %s", s, things["traffic deputy-"+s], things["tag deputy-"+s+" before"])
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
	if things["tag deputy-chatevent c-11111111"] != "" || things["tag deputy-chatevent c-22222222"] != "" || things["tag deputy-chatevent c-33333333"] == "" || things["tag deputy-chatevent before"] == "" {
		t.Errorf("%v", things)
	}
}
