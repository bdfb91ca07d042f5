package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/words"
)

// cloud is a deployed project: gcloud's answers, and the functions.
type cloud struct {
	outputs  map[string]string // by the start of the command; otherwise NOT_FOUND
	commands []string
	status   int // of every GET
	skew     time.Duration
	noDate   bool
	getErr   error
	refused  string // the beginning of the commands that gcloud's account may not run
	tokenErr error  // returned by tryDelegation
	tokens   []string
}

func (c *cloud) gcloud(_ context.Context, args ...string) ([]byte, error) {
	line := strings.Join(args, " ")
	c.commands = append(c.commands, line)
	if c.refused != "" && strings.HasPrefix(line, c.refused) {
		return nil, errors.New("ERROR: (gcloud) PERMISSION_DENIED: Permission denied on resource project p.")
	}
	byLength := slices.SortedFunc(maps.Keys(c.outputs), func(a, b string) int { return len(a) - len(b) })
	for _, prefix := range slices.Backward(byLength) {
		if strings.HasPrefix(line, prefix) {
			return []byte(c.outputs[prefix] + "\n"), nil
		}
	}
	return nil, errors.New("ERROR: (gcloud) NOT_FOUND: Resource not found")
}

func (c *cloud) get(context.Context, string) (int, http.Header, error) {
	if c.noDate {
		return c.status, http.Header{}, c.getErr
	}
	return c.status, http.Header{"Date": {time.Now().Add(c.skew).UTC().Format(http.TimeFormat)}}, c.getErr
}

func (c *cloud) tryDelegation(_ context.Context, account, email string, _ []string) error {
	c.tokens = append(c.tokens, account+" "+email)
	return c.tokenErr
}

// replace replaces the first from in the output of command with to.
func (c *cloud) replace(command, from, to string) {
	c.outputs[command] = strings.Replace(c.outputs[command], from, to, 1)
}

// describeService returns gcloud's JSON for a service. A value NAME#VERSION is a secret.
func describeService(name string, env map[string]string) string {
	var list []any
	for _, key := range slices.Sorted(maps.Keys(env)) {
		if secret, version, ok := strings.Cut(env[key], "#"); ok {
			ref := map[string]any{"secretKeyRef": map[string]any{"name": secret, "key": version}}
			list = append(list, map[string]any{"name": key, "valueFrom": ref})
		} else {
			list = append(list, map[string]any{"name": key, "value": env[key]})
		}
	}
	containers := []any{map[string]any{"env": list}}
	text, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"name": "deputy-" + name},
		"status": map[string]any{
			"url":                     "https://" + name + ".run.app",
			"latestReadyRevisionName": name + "-2", "latestCreatedRevisionName": name + "-2",
		},
		"spec": map[string]any{"template": map[string]any{"spec": map[string]any{"containers": containers}}},
	})
	if err != nil {
		panic(err)
	}
	return string(text)
}

// exclusion returns gcloud's line for the exclusion of a function's request log.
func exclusion(name string) string {
	return "deputy-" + name + "\t\t" + `resource.type="cloud_run_revision" AND resource.labels.service_name="deputy-` +
		name + `" AND log_id("run.googleapis.com/requests")` + "\n"
}

// Commands whose output the tests change.
const (
	describeChat     = "run services describe deputy-chatevent"
	describeCallback = "run services describe deputy-oauthcallback"
	describeCreate   = "run services describe deputy-createspace"
	describeEvents   = "run services describe deputy-securityevent"
	accessKeyset     = "secrets versions access 4 --secret=deputy-keyset"
	accessLookup     = "secrets versions access 4 --secret=deputy-lookup-keyset"
	accessClient     = "secrets versions access 4 --secret=deputy-oauth-client"
	describeSweepJob = "scheduler jobs describe deputy-sweep --location=s"

	describeDecisions = "secrets describe deputy-oauth-client"
	describeSink      = "logging sinks describe _Default"
)

// healthyCloud returns a deployment without a fault.
func (d *driver) healthyCloud() *cloud {
	c := &cloud{status: 200, outputs: map[string]string{
		"projects describe p":          "123",
		"run services get-iam-policy":  "roles/run.invoker",
		"run services list":            "[]",
		describeDecisions:              `{"annotations":{"database":"deputy-db","SCHEDULER_REGION":"s"}}`,
		"secrets versions list":        "4",
		accessKeyset:                   d.keyset.Reveal(),
		accessLookup:                   d.lookup.Reveal(),
		accessClient:                   clientFile("https://callback.run.app/callback"),
		"firestore databases describe": "FIRESTORE_NATIVE",
		"firestore fields ttls list":   "ACTIVE",
		"storage buckets describe":     "True,True,enforced",
		"logging read":                 "",
		describeSink:                   exclusion("oauthcallback") + exclusion("createspace"),
		describeSweepJob:               "ENABLED,https://createspace.run.app,",
	}}
	for _, name := range []string{"chatevent", "oauthcallback", "createspace", "securityevent"} {
		env := map[string]string{
			"OAUTH_CALLBACK_URL": "https://callback.run.app", "CALLERS": "gs://p-deputy-callers/callers.yaml",
			"KEYSET": "deputy-keyset#4", "LOOKUP_KEYSET": "deputy-lookup-keyset#4",
			"OAUTH_CLIENT": "deputy-oauth-client#4", "OAUTH_CLIENT_ID": "c",
			"FIRESTORE_DATABASE": "deputy-db", "APP_NAME": "D",
			"DELEGATION_SERVICE_ACCOUNT": "deputy@p.iam.gserviceaccount.com", "CHAT_PROJECT_NUMBER": "123",
			"CHAT_ENDPOINT_URL": "https://chatevent.run.app", "API_AUDIENCE": "https://createspace.run.app",
		}
		if name == "securityevent" {
			env = map[string]string{"OAUTH_CLIENT_ID": "c"} // and no secret
		}
		c.outputs["run services describe deputy-"+name] = describeService(name, env)
	}
	return c
}

// clientFile returns the file of a web client with one redirect URI.
func clientFile(redirect string) string {
	return `{"web":{"client_id":"c","client_secret":"s","redirect_uris":["` + redirect + `"]}}`
}

// runDoctor runs the doctor on a deployed project.
func (d *driver) runDoctor(more ...string) (code int, findings []finding, stderr string) {
	d.t.Helper()
	args := append([]string{"doctor", "--project", "p", "--region", "r", "--json"}, more...)
	code, out, stderr := d.run(config.Secret{}, args...)
	if err := json.Unmarshal([]byte(out.Reveal()), &findings); err != nil {
		d.t.Fatalf("%v: %s %s", err, out.Reveal(), stderr)
	}
	return code, findings, stderr
}

func TestDoctor_Healthy(t *testing.T) {
	d := newDriver(t)
	d.cloud = d.healthyCloud()
	code, findings, stderr := d.runDoctor("--person", "Ada@example.com")
	if code != 0 || stderr != "" || len(findings) < 20 {
		t.Errorf("%d %s %d checks", code, stderr, len(findings))
	}
	for _, f := range findings {
		if f.State == stateFault {
			t.Errorf("%+v", f)
		}
	}
	if !slices.Equal(d.cloud.tokens, []string{"deputy@p.iam.gserviceaccount.com ada@example.com"}) {
		t.Errorf("delegation was not tried: %v", d.cloud.tokens)
	}
	readOnly := []string{" describe", " list", " access", " get-iam-policy", "logging read"}
	for _, line := range d.cloud.commands {
		if !slices.ContainsFunc(readOnly, func(verb string) bool { return strings.Contains(line, verb) }) {
			t.Errorf("not a read: %s", line)
		}
	}
}

func TestDoctor_PublicServices(t *testing.T) {
	d := newDriver(t)
	d.cloud = d.healthyCloud()
	d.cloud.outputs["run services get-iam-policy"] = "" // no binding of allUsers
	for _, describe := range []string{describeChat, describeCallback, describeCreate, describeEvents} {
		d.cloud.replace(describe, `"metadata":{`,
			`"metadata":{"annotations":{"run.googleapis.com/invoker-iam-disabled":"true"},`)
	}
	d.cloud.outputs["run services list"] = `[` +
		`{"metadata":{"name":"wiki","labels":{"cloud.googleapis.com/location":"r"}}},` +
		`{"metadata":{"name":"shop","labels":{"cloud.googleapis.com/location":"r"}}}]`
	d.cloud.outputs["run services get-iam-policy shop"] = "allUsers"
	code, findings, stderr := d.runDoctor()
	if code != 0 {
		t.Errorf("%d %s %+v", code, stderr, findings)
	}
	if !slices.ContainsFunc(findings, func(f finding) bool {
		text := f.Problem + f.Fix
		return f.Check == "other public services" &&
			strings.Contains(text, "shop in r") && !strings.Contains(text, "wiki")
	}) {
		t.Errorf("public services are not listed: %+v", findings)
	}
}

func TestDoctor_Faults(t *testing.T) {
	for name, c := range map[string]struct {
		change              func(*cloud)
		check, problem, fix string
	}{
		"clock":   {func(c *cloud) { c.skew = 5 * time.Minute }, "clock", "off", "NTP"},
		"no date": {func(c *cloud) { c.noDate = true }, "clock", "no valid Date", "proxies"},
		"no network": {
			func(c *cloud) { c.getErr = errors.New("no such host") },
			"clock", "no such host", "proxies",
		},
		"no project": {
			func(c *cloud) { delete(c.outputs, "projects describe p") },
			"project", "NOT_FOUND", "gcloud auth login",
		},
		"function not deployed": {
			func(c *cloud) { delete(c.outputs, describeCreate) },
			"service deputy-createspace", "NOT_FOUND", "./deploy.sh",
		},
		"not public": {
			func(c *cloud) { c.outputs["run services get-iam-policy deputy-chatevent"] = "" },
			"callers of deputy-chatevent", "is not public", "organization policy",
		},
		"unneeded secret": {
			func(c *cloud) {
				env := map[string]string{"OAUTH_CLIENT_ID": "c", "KEYSET": "deputy-keyset#4"}
				c.outputs[describeEvents] = describeService("securityevent", env)
			},
			"client of deputy-securityevent", "has the secret deputy-keyset", "./deploy.sh",
		},
		"events of another client": {
			func(c *cloud) {
				env := map[string]string{"OAUTH_CLIENT_ID": "older,oldest"}
				c.outputs[describeEvents] = describeService("securityevent", env)
			},
			"client of deputy-securityevent", "does not name c", "./deploy.sh",
		},
		"callers without versions": {
			func(c *cloud) { c.outputs["storage buckets describe"] = "False,True,enforced" },
			"bucket of the callers file", "False,True,enforced", "./deploy.sh",
		},
		"addresses in the log": {
			func(c *cloud) {
				disabled := strings.Replace(exclusion("createspace"), "\t\t", "\tTrue\t", 1)
				c.outputs[describeSink] = exclusion("oauthcallback") + disabled
			},
			"request log of deputy-createspace", "email addresses", "./deploy.sh",
		},
		"revision never ran": {
			func(c *cloud) {
				c.replace(describeCallback, `CreatedRevisionName":"oauthcallback-2"`,
					`CreatedRevisionName":"oauthcallback-3"`)
			},
			"newest revision of deputy-oauthcallback", "oauthcallback-3, is not ready", "./deploy.sh",
		},
		"sweep job audience": {
			func(c *cloud) { c.outputs[describeSweepJob] = "ENABLED,https://other.example.com," },
			"sweep is called", "expects https://createspace.run.app", "./deploy.sh",
		},
		"sweep job refused": {
			func(c *cloud) { c.outputs[describeSweepJob] = "ENABLED,https://createspace.run.app,7" },
			"sweep is called", "failed (code 7)", "add its caller",
		},
		"not ready": {
			func(c *cloud) { c.status = 503 },
			"readiness of deputy-chatevent", "status 503", "start failed",
		},
		"another project's number": {
			func(c *cloud) { c.replace(describeChat, `"123"`, `"p"`) },
			"audience of Chat's events", `"p"`, "./deploy.sh",
		},
		"two callbacks": {
			func(c *cloud) { c.replace(describeCallback, "callback.run.app", "other.run.app") },
			"OAUTH_CALLBACK_URL", "different values", "./deploy.sh",
		},
		"old secret": {
			func(c *cloud) { c.outputs["secrets versions list deputy-keyset"] = "5" },
			"secret of KEYSET", "version 4 of deputy-keyset is deployed, but the newest is 5", "./deploy.sh",
		},
		"desktop client": {
			func(c *cloud) { c.outputs[accessClient] = `{"installed":{"client_id":"c"}}` },
			"OAuth client", "", "Web application",
		},
		"client with another redirect": {
			func(c *cloud) { c.outputs[accessClient] = clientFile("https://old.run.app/callback") },
			"redirect address", "does not list https://callback.run.app/callback", "Authorized redirect URIs",
		},
		"invalid keyset": {
			func(c *cloud) { c.outputs[accessKeyset] = "{}" },
			"keysets", "", "older version",
		},
		"no database": {
			func(c *cloud) { delete(c.outputs, "firestore databases describe") },
			"Firestore", "NOT_FOUND", "./deploy.sh",
		},
		"Datastore mode": {
			func(c *cloud) { c.outputs["firestore databases describe"] = "DATASTORE_MODE" },
			"Firestore", "DATASTORE_MODE", "Native mode",
		},
		"logs not visible": {
			func(c *cloud) { c.refused = "logging read" },
			"Chat app is configured", "PERMISSION_DENIED", "its state is unknown",
		},
		"database not visible": {
			func(c *cloud) { c.refused = "firestore databases describe" },
			"Firestore", "PERMISSION_DENIED", "its state is unknown",
		},
		"another database than decided": {
			func(c *cloud) { c.replace(describeCallback, "deputy-db", "(default)") },
			"decisions", `database is "deputy-db", but deputy-oauthcallback uses "(default)"`, "./deploy.sh",
		},
		"decided, not deployed": {
			func(c *cloud) { c.outputs[describeDecisions] = `{"annotations":{"LOG_LEVEL":"DEBUG"}}` },
			"decisions", `LOG_LEVEL is "DEBUG", but no function uses it`, "./deploy.sh",
		},
		"no expiry": {
			func(c *cloud) { c.outputs["firestore fields ttls list --collection-group=operations"] = "" },
			"expiry of operations", "only the sweep", "./deploy.sh",
		},
		"codes in the log": {
			func(c *cloud) { c.outputs[describeSink] = "other" },
			"request log of deputy-oauthcallback", "codes and states", "./deploy.sh",
		},
		"no Chat app": {
			func(c *cloud) { c.outputs["logging read"] = "2026-11-22T10:00:00Z" },
			"Chat app is configured", "not found", "Google Chat API > Configuration",
		},
		"no token creator": {
			func(c *cloud) { c.tokenErr = googleauth.ErrTokenCreator },
			"delegation for ada@example.com", "", "roles/iam.serviceAccountTokenCreator",
		},
		"not delegated": {
			func(c *cloud) { c.tokenErr = fmt.Errorf("x: %w", googleauth.ErrNotDelegated) },
			"delegation for ada@example.com", "", "Admin console",
		},
		"unknown person": {
			func(c *cloud) { c.tokenErr = googleauth.ErrUnknownPerson },
			"delegation for ada@example.com", "", "primary address",
		},
		"no delegation": {
			func(c *cloud) { c.replace(describeCreate, "DELEGATION_", "NO_") },
			"delegation", "is not set", "createspace",
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDriver(t)
			d.cloud = d.healthyCloud()
			c.change(d.cloud)
			code, findings, stderr := d.runDoctor("--person", "ada@example.com")
			if code != exitFailure || !strings.Contains(stderr, "checks failed") {
				t.Errorf("%d %s", code, stderr)
			}
			if !slices.ContainsFunc(findings, func(f finding) bool {
				return f.State == stateFault && f.Check == c.check &&
					strings.Contains(f.Problem, c.problem) && strings.Contains(f.Fix, c.fix)
			}) {
				t.Errorf("the fault is not found: %+v", findings)
			}
		})
	}
}

func TestDoctor_Environment(t *testing.T) {
	d := newDriver(t)
	d.cloud = &cloud{}
	d.env = map[string]string{
		"CHAT_PROJECT_NUMBER": "123", "CHAT_ENDPOINT_URL": "https://d.example/chatevent",
		"API_AUDIENCE": "https://d.example", "DELEGATION_SERVICE_ACCOUNT": "deputy@p.iam.gserviceaccount.com",
	}
	code, out, stderr := d.run(config.Secret{}, "doctor", "--person", "ada@example.com")
	if code != 0 || !strings.Contains(out.Reveal(), "ok     Firestore") ||
		!strings.Contains(out.Reveal(), "ok     delegation for ada@example.com") || stderr != "" {
		t.Errorf("%d %s %s", code, out.Reveal(), stderr)
	}
	d.env["CHAT_PROJECT_NUMBER"] = "my-project"
	d.openErr = &fault.Error{
		Op: "config.Read", Kind: fault.Unavailable, Public: words.ErrorNotSetUp,
		Err: errors.New("configuration: KEYSET is not set"),
	}
	code, out, _ = d.run(config.Secret{}, "doctor")
	for _, want := range []string{
		"KEYSET is not set", "CHAT_PROJECT_NUMBER must be a number", "fault  variables",
	} {
		if !strings.Contains(out.Reveal(), want) {
			t.Errorf("output lacks %q: %s", want, out.Reveal())
		}
	}
	if code != exitFailure {
		t.Errorf("exit status %d", code)
	}
}

func TestDoctor_ProjectWithoutRegion(t *testing.T) {
	if code, _, stderr := newDriver(t).run(config.Secret{}, "doctor", "--project", "p"); code != exitUsage ||
		!strings.Contains(stderr, "together") {
		t.Errorf("%d %s", code, stderr)
	}
}

func TestDoctor_WrappedKeyset(t *testing.T) {
	d := newDriver(t)
	keyset, _ := d.mustRun(config.Secret{}, "keys", "new", "keyset", "--kek", kek)
	lookup, _ := d.mustRun(config.Secret{}, "keys", "new", "lookup", "--kek", kek)
	d.cloud = d.healthyCloud()
	d.cloud.outputs[accessKeyset], d.cloud.outputs[accessLookup] = keyset.Reveal(), lookup.Reveal()
	if code, _, _ := d.runDoctor(); code != exitFailure {
		t.Error("wrapped keysets opened without their key")
	}
	d.cloud.replace(describeCallback, `"env":[`, `"env":[{"name":"KEYSET_KEK","value":"`+kek+`"},`)
	if code, findings, stderr := d.runDoctor(); code != 0 {
		t.Errorf("%d %s %+v", code, stderr, findings)
	}
}

func TestDoctor_GcloudAcceptsCommands(t *testing.T) {
	if _, err := exec.LookPath("gcloud"); err != nil {
		t.Skip("NOT TESTED: whether gcloud accepts the doctor's commands. No gcloud was found")
	}
	d := newDriver(t)
	d.cloud = d.healthyCloud()
	d.runDoctor()
	seen := map[string]bool{}
	for _, line := range d.cloud.commands {
		kind := strings.Join(strings.Fields(line)[:3], " ")
		if seen[kind] {
			continue
		}
		seen[kind] = true
		args := strings.Fields(line)
		switch { // arguments that contain spaces
		case kind == "run services get-iam-policy":
			args = []string{
				"run", "services", "get-iam-policy", "deputy-chatevent", "--region=r", "--flatten=bindings[].members",
				"--filter=bindings.role=roles/run.invoker AND bindings.members=allUsers",
				"--format=value(bindings.members)",
			}
		case strings.HasPrefix(kind, "logging read"):
			args = []string{"logging", "read", "x", "--freshness=7d", "--limit=1", "--format=value(timestamp)"}
		}
		args = append(args, "--project=my-project-1", "--quiet")
		cmd := exec.CommandContext(t.Context(), "gcloud", args...) //nolint:gosec // fixed arguments
		cmd.Env = append(os.Environ(), "CLOUDSDK_CONFIG="+t.TempDir(), "CLOUDSDK_CORE_CHECK_GCE_METADATA=false",
			"https_proxy=http://127.0.0.1:9", "GOOGLE_APPLICATION_CREDENTIALS=")
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "do not currently have an active account") {
			t.Errorf("%s\n%s", line, out)
		}
	}
	if len(seen) < 9 {
		t.Errorf("only %d kinds of commands were tried", len(seen))
	}
}
