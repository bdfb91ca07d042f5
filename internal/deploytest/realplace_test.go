package deploytest

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The first run stops for the client's secret. What it was told holds for the next one, which isn't told again.
func TestReal_FirstRunRemembered(t *testing.T) {
	inRelease(t)
	c := newRealCloud(t)
	code, out := c.deploy("--image", realImage, "--database", "deputy-db", "--set", "APP_NAME=Deputy of Ada",
		"--set", "DATABASE_LOCATION=europe-west4", "--set", "SCHEDULER_REGION=europe-west3", "--set", "MAX_INSTANCES=3")
	if code != 3 || !strings.Contains(out, "--client-secrets client_secrets.json") {
		t.Fatalf("exit %d: %s", code, out)
	}
	c.must("--image", realImage, "--client-secrets", c.client)
	if c.Resource("firestore.googleapis.com/projects/my-project-1/databases/(default)") != nil {
		t.Error("a second database was created")
	}
	database := c.Resource("firestore.googleapis.com/projects/my-project-1/databases/deputy-db")
	if database["locationId"] != "europe-west4" {
		t.Errorf("database: %v", database)
	}
	job := "cloudscheduler.googleapis.com/projects/my-project-1/locations/europe-west3/jobs/deputy-sweep"
	if c.Resource(job) == nil {
		t.Error("no job in europe-west3")
	}
	for service, want := range map[string][]string{
		"deputy-oauthcallback": {"Deputy of Ada", "deputy-db", `"autoscaling.knative.dev/maxScale":"3"`},
		"deputy-securityevent": {"deputy-db", `"autoscaling.knative.dev/maxScale":"2"`},
	} {
		for _, text := range want {
			if got := c.service(service); !strings.Contains(got, text) {
				t.Errorf("%s has no %s: %s", service, text, got)
			}
		}
	}
	before := len(c.Calls())
	code, out = c.deploy("--show", "--set", "LOG_LEVEL=DEBUG")
	for _, line := range []string{
		"database                     deputy-db (kept with the deployment)",
		"APP_NAME                     Deputy of Ada (kept with the deployment)",
		"LOG_LEVEL                    DEBUG (given now)", "keysets                      in clear (the keysets decide)",
	} {
		if code != 0 || !strings.Contains(out, line) {
			t.Errorf("--show has no %q: exit %d: %s", line, code, out)
		}
	}
	if changes := c.Changes(before); len(changes) > 0 {
		t.Errorf("--show changes %s", strings.Join(changes, "\n"))
	}
	c.must("--image", realImage, "--set", "APP_NAME=")
	if got := c.service("deputy-oauthcallback"); strings.Contains(got, "Deputy of Ada") {
		t.Errorf("APP_NAME= didn't remove it: %s", got)
	}
	if changes := c.must("--image", realImage); len(changes) > 0 {
		t.Errorf("removed: the next run changes %s", strings.Join(changes, "\n"))
	}
}

// An organization may allow only European locations, also for what gcloud creates itself.
func TestReal_EuropeanLocations(t *testing.T) {
	inRelease(t)
	c := newRealCloud(t)
	c.must("--client-secrets", c.client, "--kms") // builds the image
	for _, call := range c.Calls() {
		for _, place := range []string{
			`"US"`, `"us-`, `"automatic"`, `"global"`, "/locations/us", "/locations/global",
		} {
			if text := call.URL + " " + call.Body; call.Method != http.MethodGet && strings.Contains(text, place) {
				t.Errorf("%s %s: %s", call.Method, text, place)
			}
		}
	}
}

// Without Cloud Scheduler, the functions are deployed, and the steps in the console are printed.
func TestReal_ChecklistAlways(t *testing.T) {
	inRelease(t)
	c := newRealCloud(t)
	c.Fail(denied(`cloudscheduler.*/jobs`))
	code, out := c.deploy("--image", realImage, "--client-secrets", c.client)
	if revision, _ := c.serving("deputy-securityevent"); code == 0 || revision == "" ||
		!strings.Contains(out, "Do these steps once in the console") {
		t.Errorf("exit %d, %q: %s", code, revision, out)
	}
}

// What deploy.sh made is listed, and deleted after everybody is disconnected. A second run finds nothing.
func TestReal_Remove(t *testing.T) {
	inRelease(t)
	c := newRealCloud(t)
	empty := c.Keys()
	c.must("--image", realImage, "--client-secrets", c.client, "--kms")
	before := len(c.Calls())
	code, out := c.deploy("--remove")
	for _, want := range []string{"run services deputy-chatevent", "nothing was deleted"} {
		if code == 0 || !strings.Contains(out, want) || len(c.Changes(before)) > 0 {
			t.Errorf("without an answer: exit %d: %s; %v", code, out, c.Changes(before))
		}
	}
	c.must("--remove", "--yes")
	var left []string
	for _, key := range c.Keys() {
		isOther := strings.Contains(key, "/operations/") || strings.HasPrefix(key, "serviceusage")
		if !slices.Contains(empty, key) && !isOther {
			left = append(left, key)
		}
	}
	want := []string{
		"cloudkms.googleapis.com/projects/my-project-1/locations/europe-west1/keyRings/deputy",
		"cloudkms.googleapis.com/projects/my-project-1/locations/europe-west1/keyRings/deputy/cryptoKeys/keysets",
	}
	if diff := cmp.Diff(want, left); diff != "" {
		t.Error(diff)
	}
	roles, err := json.Marshal(c.Policy("cloudresourcemanager.googleapis.com/projects/my-project-1"))
	if err != nil || strings.Contains(string(roles), "deputy-") {
		t.Errorf("roles: %s, %v", roles, err)
	}
	calls, err := os.ReadFile(filepath.Join(filepath.Dir(c.client), "calls"))
	if err != nil || strings.Count(string(calls), "disconnect-all") != 1 {
		t.Errorf("disconnected: %s, %v", calls, err)
	}
	if changes := c.must("--remove", "--yes"); len(changes) > 0 {
		t.Errorf("a second run changes %s", strings.Join(changes, "\n"))
	}
}

// What can't be undone is refused: a database that is empty, or elsewhere.
func TestReal_OtherDatabase(t *testing.T) {
	inRelease(t)
	c := newRealCloud(t)
	c.must("--image", realImage, "--client-secrets", c.client, "--database", "deputy-db")
	for _, try := range []struct {
		args []string
		says string
	}{
		{[]string{"--database", "deputy-bd"}, "Deputy uses deputy-db"},
		{[]string{"--database", "(default)"}, "Deputy uses deputy-db"},
		{[]string{"--set", "DATABASE_LOCATION=eur3"}, "is in europe-west1, and can't be moved"},
	} {
		before := len(c.Calls())
		code, out := c.deploy(append([]string{"--image", realImage}, try.args...)...)
		if code == 0 || !strings.Contains(out, try.says) || len(c.Changes(before)) > 0 {
			t.Errorf("%v: exit %d: %s", try.args, code, out)
		}
	}
	if changes := c.must("--image", realImage); len(changes) > 0 {
		t.Errorf("without them: %s", strings.Join(changes, "\n"))
	}
	// A restored database exists already.
	c.Put("firestore.googleapis.com/projects/my-project-1/databases/deputy-restored", map[string]any{
		"name": "projects/my-project-1/databases/deputy-restored", "locationId": realRegion, "type": "FIRESTORE_NATIVE",
	})
	c.must("--image", realImage, "--database", "deputy-restored")
	if got := c.service("deputy-chatevent"); !strings.Contains(got, "deputy-restored") {
		t.Errorf("not restored: %s", got)
	}
}
