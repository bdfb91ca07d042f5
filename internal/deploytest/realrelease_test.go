package deploytest

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"example.com/deputy/internal/deploytest/cloudapi"
)

// serving returns which revision of a service has the traffic, and the revisions with tags.
func (c *realCloud) serving(service string) (revision string, tags map[string]string) {
	c.t.Helper()
	found := c.Resource("run.googleapis.com/namespaces/" + realProject + "/services/" + service)
	status, _ := found["status"].(map[string]any)
	targets, _ := status["traffic"].([]any)
	tags = map[string]string{}
	for _, t := range targets {
		target := t.(map[string]any) //nolint:errcheck,forcetypeassert // the emulator made it
		name, _ := target["revisionName"].(string)
		if target["percent"] == 100.0 || target["percent"] == 100 {
			revision = name
		}
		if tag, ok := target["tag"].(string); ok {
			tags[tag] = name
		}
	}
	return revision, tags
}

// service returns a service as JSON.
func (c *realCloud) service(name string) string {
	c.t.Helper()
	text, err := json.Marshal(c.Resource("run.googleapis.com/namespaces/" + realProject + "/services/" + name))
	if err != nil {
		c.t.Fatal(err)
	}
	return string(text)
}

// denied refuses what matches an address.
func denied(address string) cloudapi.Rule {
	return cloudapi.Rule{
		Address: regexp.MustCompile(address), Status: 403, Code: "PERMISSION_DENIED", Message: "Permission denied.",
	}
}

// deployments counts the changes that make a revision.
func deployments(changes []string) int {
	return len(slices.DeleteFunc(slices.Clone(changes), func(change string) bool {
		return !strings.Contains(change, "/services") || !strings.Contains(change, "serving.knative.dev")
	}))
}

// A release is tried under its tag, promoted, run again, and rolled back. What is deployed already isn't deployed
// again, which would take the way back.
func TestReal_Release(t *testing.T) {
	inRelease(t)
	const second = "europe-west1-docker.pkg.dev/my-project-1/deputy/deputy:y"
	c := newRealCloud(t)
	c.Push(second, "second")
	c.must("--image", realImage, "--client-secrets", c.client, "--set", "APP_NAME=Deputy of Ada")
	first, _ := c.serving("deputy-chatevent")
	if n := deployments(c.must("--image", realImage)); n != 0 {
		t.Errorf("the settings are named once: %d deployments", n)
	}
	c.must("--only", "services", "--image", second, "--tag", "next", "--no-traffic", "--smoke")
	now, tags := c.serving("deputy-chatevent")
	if now != first || tags["next"] == "" || tags["next"] == first {
		t.Fatalf("before the promotion: %s serves, tags %v", now, tags)
	}
	c.must("--tag", "next", "--promote")
	promoted, tags := c.serving("deputy-chatevent")
	if promoted == first || len(tags) != 0 {
		t.Fatalf("promoted: %s serves, tags %v", promoted, tags)
	}
	for _, args := range [][]string{{"--image", second}, {"--image", second, "--tag", "again"}} {
		if n := deployments(slices.DeleteFunc(c.must(args...), func(change string) bool {
			return !strings.HasPrefix(change, "POST ")
		})); n != 0 {
			t.Errorf("%v: %d new services", args, n)
		}
		if got, tags := c.serving("deputy-chatevent"); got != promoted || len(args) > 2 && tags["again"] != promoted {
			t.Errorf("%v: %s serves, tags %v; want %s", args, got, tags, promoted)
		}
	}
	c.must("--rollback")
	if got, _ := c.serving("deputy-chatevent"); got != first {
		t.Errorf("after --rollback, %s serves, want %s", got, first)
	}
}

// A tag that moved is a new image. One that nobody pushed is said before anything is deployed. A digest stays.
func TestReal_MovedTag(t *testing.T) {
	inRelease(t)
	const absent = "europe-west1-docker.pkg.dev/my-project-1/deputy/deputy:absent"
	c := newRealCloud(t)
	c.must("--image", realImage, "--client-secrets", c.client)
	c.Push(realImage, "moved")
	if n := deployments(c.must("--image", realImage)); n != 4 {
		t.Errorf("after the tag moved: %d deployments", n)
	}
	if changes := c.must("--image", realImage); len(changes) > 0 {
		t.Errorf("again: %s", strings.Join(changes, "\n"))
	}
	digest := strings.TrimSuffix(realImage, ":x") + "@sha256:" + strings.Repeat("0", 64)
	c.must("--image", digest)
	if got := c.service("deputy-chatevent"); !strings.Contains(got, digest) {
		t.Errorf("not %s: %s", digest, got)
	}
	before := len(c.Calls())
	code, out := c.deploy("--image", absent)
	if code == 0 || !strings.Contains(out, "the image "+absent+" does not exist") || len(c.Changes(before)) > 0 {
		t.Errorf("exit %d: %s; %v", code, out, c.Changes(before))
	}
}
