package deploytest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"example.com/deputy/internal/deploytest/cloudapi"
)

const newestSecret = "secretmanager.googleapis.com/projects/my-project-1/secrets/"

// Keysets in clear stay so: with --kms, every function would stop, and no later run could undo it, since keys of
// Cloud KMS can't be deleted. Without --kms, wrapped keysets stay wrapped.
func TestReal_KMSTooLate(t *testing.T) {
	inRelease(t)
	c := newRealCloud(t)
	c.must("--image", realImage, "--client-secrets", c.client)
	before := len(c.Calls())
	code, out := c.deploy("--image", realImage, "--kms")
	if code == 0 || !strings.Contains(out, "Omit --kms; nothing was changed") {
		t.Errorf("exit %d: %s", code, out)
	}
	if changes := c.Changes(before); len(changes) > 0 {
		t.Errorf("changed: %s", strings.Join(changes, "\n"))
	}
	c = newRealCloud(t)
	c.must("--image", realImage, "--client-secrets", c.client, "--kms")
	if changes := c.must("--image", realImage); len(changes) > 0 {
		t.Errorf("without --kms, a second run changes %s", strings.Join(changes, "\n"))
	}
}

// A client's secret that leaked is disabled or destroyed first. Then a new one is stored.
func TestReal_ClientSecretRenewed(t *testing.T) {
	inRelease(t)
	for _, state := range []string{"DISABLED", "DESTROYED"} {
		c := newRealCloud(t)
		c.must("--image", realImage, "--client-secrets", c.client)
		c.Resource(newestSecret + "deputy-oauth-client/versions/1")["state"] = state
		renewed := filepath.Join(filepath.Dir(c.client), "renewed.json")
		text := `{"web":{"client_id":"c","client_secret":"RENEWED"}}` + "\n"
		if err := os.WriteFile(renewed, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c.must("--image", realImage, "--client-secrets", renewed)
		got := c.Content("projects/my-project-1/secrets/deputy-oauth-client/versions/2")
		if string(got) != text {
			t.Errorf("%s: stored %q", state, got)
		}
		if changes := c.must("--image", realImage, "--client-secrets", renewed); len(changes) > 0 {
			t.Errorf("%s: again: %s", state, strings.Join(changes, "\n"))
		}
	}
}

// IAM may refuse to describe an account that doesn't exist, or say that it isn't there.
func TestReal_AbsentAccounts(t *testing.T) {
	inRelease(t)
	c := newRealCloud(t)
	c.Fail(cloudapi.Rule{
		Method: "GET", Address: regexp.MustCompile(`^iam\.googleapis\.com/v1/projects/-/serviceAccounts/[^:]*$`),
		Status: 403, Code: "PERMISSION_DENIED",
		Message: "Permission 'iam.serviceAccounts.get' denied on resource (or it may not exist).",
	})
	c.must("--image", realImage, "--client-secrets", c.client)
}

// The paths of an operator are those of the folder where they work.
func TestReal_OtherFolder(t *testing.T) {
	inRelease(t)
	c := newRealCloud(t)
	script, err := filepath.Abs(root + "/deploy.sh")
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := filepath.Join(t.TempDir(), "with blanks", "deploy")
	if err := os.MkdirAll(elsewhere, 0o700); err != nil {
		t.Fatal(err)
	}
	args := []string{
		"--project", realProject, "--region", realRegion, "--image", realImage,
		"--client-secrets", filepath.Base(c.client),
	}
	cmd := exec.CommandContext(t.Context(), script, args...) //nolint:gosec // ours
	cmd.Dir = filepath.Dir(c.client)
	cmd.Env = append(slices.Clone(c.env), "CDPATH="+filepath.Dir(elsewhere))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// Git for Windows changes the ends of lines in a checkout, unless .gitattributes forbids it.
func TestCheckout_Windows(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "checkout")
	clone := exec.CommandContext(t.Context(), "git", "-c", "core.autocrlf=true", "clone", "-q", root, folder)
	if out, err := clone.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, name := range []string{"deploy.sh", "test.sh", "deploy/infra.sh", ".ci/run"} {
		text, err := os.ReadFile(filepath.Join(folder, name)) //nolint:gosec // of the clone
		if err != nil || strings.Contains(string(text), "\r") {
			t.Errorf("%s: has carriage returns, or %v", name, err)
		}
	}
}

// Each call that changes something fails once, as Google's documents say that it may. The run finishes by itself, and
// the next one changes nothing.
func TestReal_FailsOnce(t *testing.T) {
	for name, answer := range map[string]cloudapi.Rule{
		"outage":      {Status: 503, Code: "UNAVAILABLE", Message: "The service is currently unavailable."},
		"quota":       {Status: 429, Code: "RESOURCE_EXHAUSTED", Message: "Quota exceeded for quota metric 'Writes'."},
		"conflict":    {Status: 409, Code: "ABORTED", Message: "There were concurrent policy changes. Please retry."},
		"new account": {Status: 400, Code: "INVALID_ARGUMENT", Message: "Service account deputy-x@p does not exist."},
		"new API": {
			Status: 403, Code: "PERMISSION_DENIED",
			Message: "The API has not been used in project 1 before or it is disabled. Enable it, then retry.",
		},
	} {
		t.Run(name, func(t *testing.T) {
			inRelease(t)
			c := newRealCloud(t)
			for _, method := range []string{"POST", "PUT", "PATCH"} {
				answer.Method, answer.Each, answer.Times = method, true, 1
				answer.Address = regexp.MustCompile(`[^y]$`) // but getIamPolicy
				c.Fail(answer)
			}
			c.must("--image", realImage, "--client-secrets", c.client)
			if changes := c.must("--image", realImage); len(changes) > 0 {
				t.Errorf("the next run changes %s", strings.Join(changes, "\n"))
			}
		})
	}
}
