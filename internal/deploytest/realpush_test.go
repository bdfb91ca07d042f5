package deploytest

import (
	"strings"
	"testing"
)

// A push deploys with what the operator decided, and moves the traffic when its turn comes.
func TestReal_Trigger(t *testing.T) {
	inRelease(t)
	const build = "12345678-0000-4000-8000-000000000001"
	const second = "europe-west1-docker.pkg.dev/my-project-1/deputy/deputy:y"
	c := newRealCloud(t)
	c.must("--image", realImage, "--client-secrets", c.client, "--database", "deputy-db", "--trigger", repository,
		"--set", "APP_NAME=Deputy of Ada", "--set", "MAX_INSTANCES=3")
	first, _ := c.serving("deputy-oauthcallback")
	c.Push(second, "second")
	c.Put("cloudbuild.googleapis.com/projects/my-project-1/locations/europe-west1/builds/"+build, map[string]any{
		"id": build, "name": "projects/123456789012/locations/europe-west1/builds/" + build, "status": "WORKING",
		"tags": []any{"deputy"}, "createTime": "2026-11-29T10:00:00Z",
	})
	push := []string{"--push", build, "--project-number", "123456789012", "--tag", "c-12345678"}
	c.must(append(push, "--only", "services", "--image", second, "--no-traffic", "--smoke")...)
	if now, tags := c.serving("deputy-oauthcallback"); now != first || tags["c-12345678"] == "" {
		t.Fatalf("before the promotion: %s serves, tags %v", now, tags)
	}
	c.must(append(push, "--promote")...)
	if now, tags := c.serving("deputy-oauthcallback"); now == first || len(tags) > 0 {
		t.Errorf("promoted: %s serves, tags %v", now, tags)
	}
	for _, want := range []string{"Deputy of Ada", "deputy-db", `"autoscaling.knative.dev/maxScale":"3"`} {
		if got := c.service("deputy-oauthcallback"); !strings.Contains(got, want) {
			t.Errorf("the push lost %s: %s", want, got)
		}
	}
	promoted, _ := c.serving("deputy-oauthcallback")
	c.must("--image", second, "--trigger", repository)
	if now, _ := c.serving("deputy-oauthcallback"); now != promoted {
		t.Errorf("the operator's next run replaces %s with %s", promoted, now)
	}
}
