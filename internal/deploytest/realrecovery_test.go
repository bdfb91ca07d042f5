package deploytest

import (
	"regexp"
	"strings"
	"testing"

	"example.com/deputy/internal/deploytest/cloudapi"
)

// A run that Google stopped says what to do. After that, the same command finishes the job, and changes nothing that is
// right.
func TestReal_Recovery(t *testing.T) {
	for name, story := range map[string]struct {
		fail   []cloudapi.Rule
		says   string   // if the run ends
		retry  []string // arguments of the next runs, in place of none
		before func(*realCloud)
	}{
		"no permission for the third secret": {
			fail: []cloudapi.Rule{{
				Method: "GET", Address: regexp.MustCompile(`/secrets/deputy-oauth-client$`), Status: 403,
				Code: "PERMISSION_DENIED", Message: "Permission 'secretmanager.secrets.get' denied.",
			}},
			says: "Your account needs a role",
		},
		"the database's location is forbidden": {
			fail: []cloudapi.Rule{{
				Method: "POST", Address: regexp.MustCompile(`^firestore.*/databases$`), Times: 1, Status: 400,
				Code: "FAILED_PRECONDITION", Message: "Constraint constraints/gcp.resourceLocations violated.",
			}},
			says: "An organization policy forbids this", retry: []string{"--set", "DATABASE_LOCATION=eur3"},
		},
		"public access is forbidden": {
			fail: []cloudapi.Rule{{
				Method: "POST", Address: regexp.MustCompile(`^run.*/services$`), Times: 1, Status: 400,
				Code: "FAILED_PRECONDITION", Message: "Constraint constraints/run.managed.requireInvokerIam violated.",
			}},
			says: "use --all-users", retry: []string{"--all-users"},
		},
		"an outage at the third function": {
			fail: []cloudapi.Rule{{
				Method: "POST", Address: regexp.MustCompile(`^run.*/services$`), Times: 60, Status: 503,
				Code: "UNAVAILABLE", Message: "The service is currently unavailable.",
			}},
			says: "Google has an outage",
			before: func(c *realCloud) {
				c.must("--image", realImage, "--client-secrets", c.client)
				for _, name := range []string{"createspace", "securityevent"} {
					c.Delete("run.googleapis.com/namespaces/" + realProject + "/services/deputy-" + name)
				}
			},
		},
		"every answer is lost once": {
			fail: []cloudapi.Rule{{
				Method: "POST", Address: regexp.MustCompile(`[^y]$`), Each: true, Times: 1, Lost: true, Status: 503,
				Code: "UNAVAILABLE", Message: "The service is currently unavailable.",
			}},
		},
		"an API is off for a while": {
			fail: []cloudapi.Rule{{
				Address: regexp.MustCompile(`^(cloudscheduler|artifactregistry)`), Each: true, Times: 3, Status: 403,
				Code: "PERMISSION_DENIED", Message: "The API has not been used in project 1 before or it is disabled.",
			}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			inRelease(t)
			c := newRealCloud(t)
			if story.before != nil {
				story.before(c)
			}
			for _, rule := range story.fail {
				c.Fail(rule)
			}
			args := append([]string{"--image", realImage, "--client-secrets", c.client}, story.retry...)
			code, out := c.deploy(args[:4]...)
			if (code != 0) != (story.says != "") || !strings.Contains(out, story.says) {
				t.Fatalf("exit %d: %s", code, out)
			}
			c.Clear()
			c.must(args...)
			if changes := c.must(args...); len(changes) > 0 {
				t.Errorf("the next run changes %s", strings.Join(changes, "\n"))
			}
			for _, name := range services {
				if revision, _ := c.serving("deputy-" + name); revision == "" {
					t.Errorf("%s doesn't serve", name)
				}
			}
		})
	}
}
