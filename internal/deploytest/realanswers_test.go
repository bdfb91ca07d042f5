package deploytest

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"example.com/deputy/internal/deploytest/cloudapi"
)

var update = flag.Bool("update", false, "with -every, write the table in docs/operate.md")

// Outcomes of a command of which each call was answered once.
const (
	goesOn = "goes on by itself"
	absent = "is taken as not there yet"
	ends   = "ends"
)

// answer is an answer that Google's documents allow, and what deploy.sh makes of it.
type answer struct {
	name         string
	read, change string // the outcome; empty if not documented for these
	advice       string // of a run that ends, also because the answer stays
	rule         cloudapi.Rule
}

const (
	waitAdvice = "Wait some minutes"
	roleAdvice = "Your account needs a role"
)

var answers = []answer{
	{
		"outage (503)", goesOn, goesOn, waitAdvice,
		cloudapi.Rule{Status: 503, Code: "UNAVAILABLE", Message: "The service is currently unavailable."},
	},
	{
		"internal error (500)", goesOn, goesOn, waitAdvice,
		cloudapi.Rule{Status: 500, Code: "INTERNAL", Message: "Internal error encountered."},
	},
	{
		"timeout (504)", goesOn, goesOn, waitAdvice,
		cloudapi.Rule{Status: 504, Code: "DEADLINE_EXCEEDED", Message: "Deadline expired."},
	},
	{
		"quota (429)", goesOn, goesOn, waitAdvice,
		cloudapi.Rule{Status: 429, Code: "RESOURCE_EXHAUSTED", Message: "Quota exceeded for quota metric 'Requests'."},
	},
	{
		"conflict (409)", "", goesOn, waitAdvice,
		cloudapi.Rule{
			Status: 409, Code: "ABORTED", Message: "There were concurrent policy changes. Please retry the whole " +
				"read-modify-write with exponential backoff.",
		},
	},
	{
		"account too new (400)", "", goesOn, "",
		cloudapi.Rule{
			Status: 400, Code: "INVALID_ARGUMENT",
			Message: "Service account deputy-build@my-project-1.iam.gserviceaccount.com does not exist.",
		},
	},
	{
		"API off or too new (403)", goesOn, goesOn, roleAdvice,
		cloudapi.Rule{
			Status: 403, Code: "PERMISSION_DENIED", Message: "The API has not been used in project 1 before or it is " +
				"disabled. Enable it, then retry.",
		},
	},
	{
		"not there (404)", absent, "", "",
		cloudapi.Rule{Status: 404, Code: "NOT_FOUND", Message: "The resource was not found."},
	},
	{
		"no permission (403)", ends, ends, roleAdvice,
		cloudapi.Rule{Status: 403, Code: "PERMISSION_DENIED", Message: "Permission denied on resource project p."},
	},
	{
		"organization policy (400)", "", ends, "An organization policy forbids this",
		cloudapi.Rule{
			Status: 400, Code: "FAILED_PRECONDITION",
			Message: "Constraint constraints/gcp.resourceLocations violated for projects/my-project-1.",
		},
	},
	{
		"billing off (403)", ends, ends, "Enable billing",
		cloudapi.Rule{
			Status: 403, Code: "PERMISSION_DENIED", Message: "This API method requires billing to be enabled. Please " +
				"enable billing on project #1, then retry.",
		},
	},
	{
		"signed out (401)", ends, ends, "gcloud auth login",
		cloudapi.Rule{
			Status: 401, Code: "UNAUTHENTICATED", Message: "Request had invalid authentication credentials. Expected " +
				"OAuth 2 access token.",
		},
	},
}

// commands returns one of each kind of gcloud's commands so far.
func (c *realCloud) commands() (out [][]string) {
	c.t.Helper()
	text, err := os.ReadFile(filepath.Join(filepath.Dir(c.client), "gcloud.calls"))
	if err != nil {
		c.t.Fatal(err)
	}
	seen := map[string]bool{}
	for scanner := bufio.NewScanner(bytes.NewReader(text)); scanner.Scan(); {
		var args []string
		if err := json.Unmarshal(scanner.Bytes(), &args); err != nil {
			c.t.Fatal(err)
		}
		words := slices.DeleteFunc(slices.Clone(args), func(a string) bool { return strings.HasPrefix(a, "-") })
		kind := strings.Join(words[:min(len(words), 3)], " ")
		if !seen[kind] {
			seen[kind] = true
			out = append(out, args)
		}
	}
	return out
}

// wrap runs a command of gcloud's in a wrapper of deploy/calls.sh.
func (c *realCloud) wrap(args []string) (outcome, out string) {
	wrapper := "have"
	if isChange(append([]string{"gcloud"}, args...)) {
		wrapper = "change"
	}
	from := ""
	if slices.Contains(args, "--data-file=-") || slices.Contains(args, "-") {
		from = `--from "echo '{\"encryptedKeyset\":1}'"` // as deploy.sh does, so that each try has an input
	}
	script := `set -Eeuo pipefail; dry=""; . deploy/calls.sh; "$0" ` + from + ` gcloud "$@"`
	cmd := exec.CommandContext(c.t.Context(), "bash", append([]string{"-c", script, wrapper}, args...)...)
	cmd.Dir, cmd.Env = root, c.env
	text, err := cmd.CombinedOutput()
	switch {
	case err == nil:
		return goesOn, string(text)
	case !strings.Contains(string(text), "deploy.sh:"):
		return absent, string(text)
	default:
		return ends, string(text)
	}
}

// Each command that deploy.sh gives is answered once in each way that Google documents, in its wrapper alone.
func TestReal_EveryAnswer(t *testing.T) {
	inRelease(t)
	c := newRealCloud(t)
	c.must("--client-secrets", c.client, "--kms", "--trigger", repository)
	c.must("--image", realImage, "--tag", "next", "--no-traffic", "--set", "APP_NAME=D")
	c.must("--image", realImage, "--set", "APP_NAME=", "--set", "API_AUDIENCE=https://api.example.com")
	c.must("--image", realImage, "--tag", "next", "--no-traffic", "--set", "APP_NAME=D")
	c.must("--tag", "next", "--promote")
	first := c.commands()
	for _, args := range first {
		c.tryAnswers(args)
	}
	c.Clear()
	c.must("--remove", "--yes")
	all := c.commands() // with those that delete; for them, an earlier try was carried out
	for _, args := range all[len(first):] {
		isUpdate := slices.Contains(args, "--no-delete-protection") // of a database that is gone now
		if isChange(append([]string{"gcloud"}, args...)) && !isUpdate {
			c.tryAnswers(args)
		}
	}
	if len(all) < 65 {
		t.Errorf("only %d kinds of commands", len(all))
	}
	if *update {
		writeAnswers(t)
	}
}

const repository = "projects/my-project-1/locations/europe-west1/connections/c/repositories/x"

// tryAnswers gives a command each answer.
func (c *realCloud) tryAnswers(args []string) {
	c.t.Helper()
	isRead := !isChange(append([]string{"gcloud"}, args...))
	for _, a := range answers {
		want := a.change
		if isRead {
			want = a.read
		}
		if want == "" {
			continue
		}
		c.Clear()
		a.rule.Address, a.rule.Each = regexp.MustCompile(`.`), true
		if strings.Join(args[:2], " ") == "builds submit" { // not its uploads, which gcloud reports in other words
			a.rule.Address = regexp.MustCompile(`/builds$`)
		}
		if want != ends { // gcloud itself tries again
			a.rule.Times = 1
		}
		c.Fail(a.rule)
		got, out := c.wrap(args)
		if got != want || got == ends && !strings.Contains(out, a.advice) {
			c.t.Errorf("%v: %s: %s, want %s, %q: %s", args, a.name, got, want, a.advice, out)
		}
	}
}

// writeAnswers writes the table in docs/operate.md.
func writeAnswers(t *testing.T) {
	t.Helper()
	const begin, end = "<!-- answers: begin -->\n", "<!-- answers: end -->"
	var table strings.Builder
	table.WriteString("| Google answers | a command that reads | a command that changes something |\n|---|---|---|\n")
	for _, a := range answers {
		cells := []string{a.name}
		for _, outcome := range []string{a.read, a.change} {
			if outcome == ends {
				outcome = "ends: \"" + a.advice + "\""
			}
			cells = append(cells, cmp.Or(outcome, "-"))
		}
		table.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
	path := filepath.Join(root, "docs/operate.md")
	text, err := os.ReadFile(path) //nolint:gosec // in this repository
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(text), begin)
	_, after, found := strings.Cut(rest, end)
	if !found {
		t.Fatal("docs/operate.md has no place for the table")
	}
	all := before + begin + table.String() + end + after
	if err := os.WriteFile(path, []byte(all), 0o600); err != nil { //nolint:gosec // in this repository
		t.Fatal(err)
	}
}
