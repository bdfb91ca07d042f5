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

// cloud is a deployed project as gcloud tells it, and its functions.
type cloud struct {
	said   map[string]string // by how a command begins; absent is NOT_FOUND
	asked  []string
	ready  int
	skew   time.Duration
	absent error // why nothing is reached
	token  error // why no token is minted
	minted []string
}

func (c *cloud) gcloud(_ context.Context, args ...string) ([]byte, error) {
	line := strings.Join(args, " ")
	c.asked = append(c.asked, line)
	for _, begins := range slices.Backward(slices.SortedFunc(maps.Keys(c.said), func(a, b string) int { return len(a) - len(b) })) {
		if strings.HasPrefix(line, begins) {
			return []byte(c.said[begins] + "\n"), nil
		}
	}
	return nil, errors.New("ERROR: (gcloud) NOT_FOUND: Resource not found")
}

func (c *cloud) get(context.Context, string) (int, http.Header, error) {
	return c.ready, http.Header{"Date": {time.Now().Add(c.skew).UTC().Format(http.TimeFormat)}}, c.absent
}

func (c *cloud) mint(_ context.Context, account, email string, _ []string) error {
	c.minted = append(c.minted, account+" "+email)
	return c.token
}

// described is a service as gcloud describes it in JSON.
func described(name string, env map[string]string) string {
	var list []any
	for _, key := range slices.Sorted(maps.Keys(env)) {
		if secret, version, ok := strings.Cut(env[key], "#"); ok {
			list = append(list, map[string]any{"name": key, "valueFrom": map[string]any{"secretKeyRef": map[string]any{"name": secret, "key": version}}})
		} else {
			list = append(list, map[string]any{"name": key, "value": env[key]})
		}
	}
	text, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"name": "deputy-" + name},
		"status":   map[string]any{"url": "https://" + name + ".run.app", "latestReadyRevisionName": name + "-2", "latestCreatedRevisionName": name + "-2"},
		"spec":     map[string]any{"template": map[string]any{"spec": map[string]any{"containers": []any{map[string]any{"env": list}}}}},
	})
	if err != nil {
		panic(err)
	}
	return string(text)
}

// excluding is an exclusion of a function's request log, as gcloud tells it.
func excluding(name string) string {
	return "deputy-" + name + "\t\t" + `resource.type="cloud_run_revision" AND resource.labels.service_name="deputy-` + name + `" AND log_id("run.googleapis.com/requests")` + "\n"
}

// healthy is a deployment without a fault.
func (d *desk) healthy() *cloud {
	c := &cloud{ready: 200, said: map[string]string{
		"projects describe p": "123", "run services get-iam-policy": "roles/run.invoker",
		"secrets versions list": "4", "secrets versions access 4 --secret=deputy-keyset": d.keyset.Reveal(), "secrets versions access 4 --secret=deputy-lookup-keyset": d.lookup.Reveal(),
		"secrets versions access 4 --secret=deputy-oauth-client": `{"web":{"client_id":"c","client_secret":"s","redirect_uris":["https://callback.run.app/callback"]}}`,
		"firestore databases describe":                           "there", "firestore fields ttls list": "ACTIVE", "logging sinks describe _Default": excluding("oauthcallback") + excluding("createspace"), "run services list": "[]", "storage buckets describe": "True,True,enforced", "logging read": "", "scheduler jobs describe deputy-sweep": "ENABLED,https://createspace.run.app,",
	}}
	for _, name := range []string{"chatevent", "oauthcallback", "createspace", "securityevent"} {
		env := map[string]string{
			"OAUTH_CALLBACK_URL": "https://callback.run.app", "KEYSET": "deputy-keyset#4", "LOOKUP_KEYSET": "deputy-lookup-keyset#4", "OAUTH_CLIENT": "deputy-oauth-client#4",
			"OAUTH_CLIENT_ID": "c", "CALLERS": "gs://p-deputy-callers/callers.yaml", "DELEGATION_SERVICE_ACCOUNT": "deputy@p.iam.gserviceaccount.com", "CHAT_PROJECT_NUMBER": "123", "CHAT_ENDPOINT_URL": "https://chatevent.run.app", "API_AUDIENCE": "https://createspace.run.app",
		}
		if name == "securityevent" {
			env = map[string]string{"OAUTH_CLIENT_ID": "c"} // and no secret
		}
		c.said["run services describe deputy-"+name] = described(name, env)
	}
	return c
}

// examine runs the doctor on a deployed project.
func (d *desk) examine(more ...string) (code int, found []finding, said string) {
	d.t.Helper()
	code, out, said := d.run(config.Secret{}, append([]string{"doctor", "--project", "p", "--region", "r", "--json"}, more...)...)
	if err := json.Unmarshal([]byte(out.Reveal()), &found); err != nil {
		d.t.Fatalf("%v: %s %s", err, out.Reveal(), said)
	}
	return code, found, said
}

func TestTheDoctorFindsNothingWrongWithAHealthyDeployment(t *testing.T) {
	d := begin(t)
	d.cloud = d.healthy()
	code, found, said := d.examine("--person", "Ada@example.com")
	if code != 0 || said != "" || len(found) < 20 {
		t.Errorf("%d %s %d looks", code, said, len(found))
	}
	for _, f := range found {
		if f.State == wrong {
			t.Errorf("%+v", f)
		}
	}
	if !slices.Equal(d.cloud.minted, []string{"deputy@p.iam.gserviceaccount.com ada@example.com"}) {
		t.Errorf("delegation was not tried: %v", d.cloud.minted)
	}
	for _, line := range d.cloud.asked {
		if !slices.ContainsFunc([]string{" describe", " list", " access", " get-iam-policy", "logging read"}, func(look string) bool { return strings.Contains(line, look) }) {
			t.Errorf("this is no look: %s", line)
		}
	}
}

func TestTheDoctorKnowsBothWaysToOpenAndNamesOtherPublicServices(t *testing.T) {
	d := begin(t)
	d.cloud = d.healthy()
	d.cloud.said["run services get-iam-policy"] = "" // no binding of allUsers anywhere
	for _, name := range []string{"chatevent", "oauthcallback", "createspace", "securityevent"} {
		describe := "run services describe deputy-" + name
		d.cloud.said[describe] = strings.Replace(d.cloud.said[describe], `"metadata":{`, `"metadata":{"annotations":{"run.googleapis.com/invoker-iam-disabled":"true"},`, 1)
	}
	d.cloud.said["run services list"] = `[{"metadata":{"name":"wiki","labels":{"cloud.googleapis.com/location":"r"}}},{"metadata":{"name":"shop","labels":{"cloud.googleapis.com/location":"r"}}}]`
	d.cloud.said["run services get-iam-policy shop"] = "allUsers"
	code, found, said := d.examine()
	if code != 0 {
		t.Errorf("%d %s %+v", code, said, found)
	}
	if !slices.ContainsFunc(found, func(f finding) bool {
		return f.Look == "other public services" && strings.Contains(f.Says+f.Do, "shop in r") && !strings.Contains(f.Says+f.Do, "wiki")
	}) {
		t.Errorf("they are not named: %+v", found)
	}
}

func TestTheDoctorNamesEachFaultAndWhatToDo(t *testing.T) {
	const oauthcallback = "run services describe deputy-oauthcallback"
	for name, c := range map[string]struct {
		change         func(*desk, *cloud)
		look, says, do string
	}{
		"the clock":                  {func(_ *desk, c *cloud) { c.skew = 5 * time.Minute }, "clock", "off", "NTP"},
		"no network":                 {func(_ *desk, c *cloud) { c.absent = errors.New("no such host") }, "clock", "no such host", "proxies"},
		"no project":                 {func(_ *desk, c *cloud) { delete(c.said, "projects describe p") }, "project", "NOT_FOUND", "gcloud auth login"},
		"a function is not deployed": {func(_ *desk, c *cloud) { delete(c.said, "run services describe deputy-createspace") }, "service deputy-createspace", "NOT_FOUND", "./deploy.sh"},
		"closed to callers":          {func(_ *desk, c *cloud) { c.said["run services get-iam-policy deputy-chatevent"] = "" }, "callers of deputy-chatevent", "nobody from outside", "policy of the organization"},
		"a secret that nobody needs": {func(_ *desk, c *cloud) {
			c.said["run services describe deputy-securityevent"] = described("securityevent", map[string]string{"OAUTH_CLIENT_ID": "c", "KEYSET": "deputy-keyset#4"})
		}, "client of deputy-securityevent", "has the secret deputy-keyset", "./deploy.sh"},
		"events of another client": {func(_ *desk, c *cloud) {
			c.said["run services describe deputy-securityevent"] = described("securityevent", map[string]string{"OAUTH_CLIENT_ID": "older,oldest"})
		}, "client of deputy-securityevent", "does not name c", "./deploy.sh"},
		"callers without versions": {func(_ *desk, c *cloud) { c.said["storage buckets describe"] = "False,True,enforced" }, "bucket of the file of callers", "False,True,enforced", "./deploy.sh"},
		"addresses in the log": {func(_ *desk, c *cloud) {
			c.said["logging sinks describe _Default"] = excluding("oauthcallback") + strings.Replace(excluding("createspace"), "\t\t", "\tTrue\t", 1)
		}, "request log of deputy-createspace", "e-mail addresses", "./deploy.sh"},
		"a revision never ran": {func(_ *desk, c *cloud) {
			c.said[oauthcallback] = strings.Replace(c.said[oauthcallback], `"latestCreatedRevisionName":"oauthcallback-2"`, `"latestCreatedRevisionName":"oauthcallback-3"`, 1)
		}, "newest revision of deputy-oauthcallback", "oauthcallback-3, does not run", "./deploy.sh"},
		"the job has another audience": {func(_ *desk, c *cloud) {
			c.said["scheduler jobs describe deputy-sweep"] = "ENABLED,https://other.example.com,"
		}, "sweep is called", "wants https://createspace.run.app", "./deploy.sh"},
		"the job is not let in": {func(_ *desk, c *cloud) {
			c.said["scheduler jobs describe deputy-sweep"] = "ENABLED,https://createspace.run.app,7"
		}, "sweep is called", "failed (code 7)", "caller's record"},
		"not ready": {func(_ *desk, c *cloud) { c.ready = 503 }, "readiness of deputy-chatevent", "answers 503", "start failed"},
		"another project's number": {func(_ *desk, c *cloud) {
			c.said["run services describe deputy-chatevent"] = strings.Replace(c.said["run services describe deputy-chatevent"], `"123"`, `"p"`, 1)
		}, "audience of Chat's events", `"p"`, "./deploy.sh"},
		"two callbacks": {func(_ *desk, c *cloud) {
			c.said[oauthcallback] = strings.Replace(c.said[oauthcallback], "callback.run.app", "other.run.app", 1)
		}, "OAUTH_CALLBACK_URL", "not have the same", "./deploy.sh"},
		"an old secret": {func(_ *desk, c *cloud) { c.said["secrets versions list deputy-keyset"] = "5" }, "secret of KEYSET", "version 4 of deputy-keyset is deployed, and the newest is 5", "./deploy.sh"},
		"a desktop client": {func(_ *desk, c *cloud) {
			c.said["secrets versions access 4 --secret=deputy-oauth-client"] = `{"installed":{"client_id":"c"}}`
		}, "OAuth client", "", "Web application"},
		"a client that leads elsewhere": {func(_ *desk, c *cloud) {
			c.said["secrets versions access 4 --secret=deputy-oauth-client"] = `{"web":{"client_id":"c","client_secret":"s","redirect_uris":["https://old.run.app/callback"]}}`
		}, "redirect address", "does not list https://callback.run.app/callback", "Authorized redirect URIs"},
		"a keyset that does not open": {func(_ *desk, c *cloud) { c.said["secrets versions access 4 --secret=deputy-keyset"] = "{}" }, "keysets", "", "older version"},
		"no database":                 {func(_ *desk, c *cloud) { delete(c.said, "firestore databases describe") }, "Firestore", "NOT_FOUND", "./deploy.sh"},
		"no expiry":                   {func(_ *desk, c *cloud) { c.said["firestore fields ttls list --collection-group=operations"] = "" }, "expiry of operations", "but the sweep", "./deploy.sh"},
		"codes in the log":            {func(_ *desk, c *cloud) { c.said["logging sinks describe _Default"] = "other" }, "request log of deputy-oauthcallback", "codes and states", "./deploy.sh"},
		"no Chat app":                 {func(_ *desk, c *cloud) { c.said["logging read"] = "2026-11-22T10:00:00Z" }, "Chat app is configured", "not found", "Google Chat API > Configuration"},
		"no token creator":            {func(_ *desk, c *cloud) { c.token = googleauth.ErrTokenCreator }, "delegation for ada@example.com", "", "roles/iam.serviceAccountTokenCreator"},
		"not delegated":               {func(_ *desk, c *cloud) { c.token = fmt.Errorf("x: %w", googleauth.ErrNotDelegated) }, "delegation for ada@example.com", "", "Admin console"},
		"nobody of that name":         {func(_ *desk, c *cloud) { c.token = googleauth.ErrUnknownPerson }, "delegation for ada@example.com", "", "primary address"},
		"no delegation": {func(_ *desk, c *cloud) {
			c.said["run services describe deputy-createspace"] = strings.Replace(c.said["run services describe deputy-createspace"], "DELEGATION_", "NO_", 1)
		}, "delegation", "is not set", "createspace"},
	} {
		t.Run(name, func(t *testing.T) {
			d := begin(t)
			d.cloud = d.healthy()
			c.change(d, d.cloud)
			code, found, said := d.examine("--person", "ada@example.com")
			if code != failed || !strings.Contains(said, "found a fault") {
				t.Errorf("%d %s", code, said)
			}
			if !slices.ContainsFunc(found, func(f finding) bool {
				return f.State == wrong && f.Look == c.look && strings.Contains(f.Says, c.says) && strings.Contains(f.Do, c.do)
			}) {
				t.Errorf("it is not found: %+v", found)
			}
		})
	}
}

func TestTheDoctorLooksAtTheEnvironment(t *testing.T) {
	d := begin(t)
	d.cloud = &cloud{}
	d.env = map[string]string{"CHAT_PROJECT_NUMBER": "123", "CHAT_ENDPOINT_URL": "https://d.example/chatevent", "API_AUDIENCE": "https://d.example", "DELEGATION_SERVICE_ACCOUNT": "deputy@p.iam.gserviceaccount.com"}
	if code, out, said := d.run(config.Secret{}, "doctor", "--person", "ada@example.com"); code != 0 || !strings.Contains(out.Reveal(), "ok     Firestore") || !strings.Contains(out.Reveal(), "ok     delegation for ada@example.com") || said != "" {
		t.Errorf("%d %s %s", code, out.Reveal(), said)
	}
	d.env["CHAT_PROJECT_NUMBER"] = "my-project"
	d.absent = &fault.Error{Op: "config.Read", Kind: fault.Unavailable, Public: words.ErrorNotSetUp, Err: errors.New("configuration: KEYSET is not set")}
	code, out, _ := d.run(config.Secret{}, "doctor")
	for _, want := range []string{"KEYSET is not set", "CHAT_PROJECT_NUMBER must be a number", "fault  variables"} {
		if !strings.Contains(out.Reveal(), want) {
			t.Errorf("%q is not said: %s", want, out.Reveal())
		}
	}
	if code != failed {
		t.Errorf("it ended with %d", code)
	}
}

func TestTheDoctorWantsProjectAndRegionTogether(t *testing.T) {
	if code, _, said := begin(t).run(config.Secret{}, "doctor", "--project", "p"); code != wrongUse || !strings.Contains(said, "together") {
		t.Errorf("%d %s", code, said)
	}
}

func TestWithAWrappedKeysetTheDoctorUnwrapsIt(t *testing.T) {
	d := begin(t)
	keyset, _ := d.does(config.Secret{}, "keys", "new", "keyset", "--kek", kek)
	lookup, _ := d.does(config.Secret{}, "keys", "new", "lookup", "--kek", kek)
	d.cloud = d.healthy()
	d.cloud.said["secrets versions access 4 --secret=deputy-keyset"], d.cloud.said["secrets versions access 4 --secret=deputy-lookup-keyset"] = keyset.Reveal(), lookup.Reveal()
	if code, _, _ := d.examine(); code != failed {
		t.Error("wrapped keysets open without their key")
	}
	describe := "run services describe deputy-oauthcallback"
	d.cloud.said[describe] = strings.Replace(d.cloud.said[describe], `"env":[`, `"env":[{"name":"KEYSET_KEK","value":"`+kek+`"},`, 1)
	if code, found, said := d.examine(); code != 0 {
		t.Errorf("%d %s %+v", code, said, found)
	}
}

func TestGcloudUnderstandsEveryLookOfTheDoctor(t *testing.T) {
	if _, err := exec.LookPath("gcloud"); err != nil {
		t.Skip("NOT TESTED: what gcloud itself says of the doctor's looks. No gcloud was found")
	}
	d := begin(t)
	d.cloud = d.healthy()
	d.examine()
	seen := map[string]bool{}
	for _, line := range d.cloud.asked {
		kind := strings.Join(strings.Fields(line)[:3], " ")
		if seen[kind] {
			continue
		}
		seen[kind] = true
		// The filter of the log has words in it that are one argument.
		args := strings.Fields(line)
		if kind == "run services get-iam-policy" || strings.HasPrefix(kind, "logging read") {
			args = []string{"logging", "read", "x", "--freshness=7d", "--limit=1", "--format=value(timestamp)"}
			if kind == "run services get-iam-policy" {
				args = []string{"run", "services", "get-iam-policy", "deputy-chatevent", "--region=r", "--flatten=bindings[].members", "--filter=bindings.role=roles/run.invoker AND bindings.members:(allUsers allAuthenticatedUsers)", "--format=value(bindings.members)"}
			}
		}
		cmd := exec.CommandContext(t.Context(), "gcloud", append(args, "--project=my-project-1", "--quiet")...) //nolint:gosec // words of ours
		cmd.Env = append(os.Environ(), "CLOUDSDK_CONFIG="+t.TempDir(), "CLOUDSDK_CORE_CHECK_GCE_METADATA=false", "https_proxy=http://127.0.0.1:9", "GOOGLE_APPLICATION_CREDENTIALS=")
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "do not currently have an active account") {
			t.Errorf("%s\n%s", line, out)
		}
	}
	if len(seen) < 9 {
		t.Errorf("only %d kinds of looks were tried", len(seen))
	}
}
