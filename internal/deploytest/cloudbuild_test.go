// Package deploytest holds deploy.sh, cloudbuild.yaml and what they upload to
// what Google says of them: a stub that records every call, gcloud's own parser
// and decoder, and the discovery documents. Nothing leaves the machine.
package deploytest

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	cloudbuild "google.golang.org/api/cloudbuild/v1"
	monitoring "google.golang.org/api/monitoring/v3"
	"sigs.k8s.io/yaml"
)

const root = "../.."

// strictly decodes JSON into a type of Google's, and says what of it that does
// not know, also when only the case of a letter is wrong.
func strictly(t *testing.T, name string, text []byte, into any) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	again, err := json.Marshal(into)
	if err != nil {
		t.Fatal(err)
	}
	var given, kept any
	if json.Unmarshal(text, &given) != nil || json.Unmarshal(again, &kept) != nil {
		t.Fatalf("%s is not JSON", name)
	}
	if diff := cmp.Diff(keys(given, ""), keys(kept, "")); diff != "" {
		t.Errorf("%s: fields that Google does not know: %s", name, diff)
	}
}

// keys are the paths of all fields.
func keys(value any, path string) []string {
	var out []string
	switch v := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			out = append(append(out, path+"."+name), keys(v[name], path+"."+name)...)
		}
	case []any:
		for _, item := range v {
			out = append(out, keys(item, path+"[]")...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

var (
	seconds  = regexp.MustCompile(`^\d+(\.\d{1,9})?s$`)
	variable = regexp.MustCompile(`\$\{?([A-Z_][A-Z0-9_]*)`)
	// builtIn: https://cloud.google.com/build/docs/configuring-builds/substitute-variable-values
	builtIn = []string{"PROJECT_ID", "PROJECT_NUMBER", "BUILD_ID", "LOCATION", "SHORT_SHA", "COMMIT_SHA", "BRANCH_NAME"}
)

func TestCloudBuildsFilesAreWhatCloudBuildTakes(t *testing.T) {
	for _, file := range []string{"cloudbuild.yaml", "deploy/build.yaml"} {
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		asJSON, err := yaml.YAMLToJSONStrict(text)
		if err != nil {
			t.Fatal(err)
		}
		var b cloudbuild.Build
		strictly(t, file, asJSON, &b)
		checkGraph(t, file, &b)
		if !seconds.MatchString(b.Timeout) {
			t.Errorf("%s: timeout %q", file, b.Timeout)
		}
		if b.Options == nil || b.Options.Logging != "CLOUD_LOGGING_ONLY" || b.Options.SubstitutionOption != "MUST_MATCH" {
			t.Errorf("%s: an account of its own needs CLOUD_LOGGING_ONLY, and every variable has to match", file)
		}
		checkVariables(t, file, string(asJSON), b.Substitutions)
	}
}

// checkGraph: each step waits for earlier ones, so that the last comes last.
func checkGraph(t *testing.T, file string, b *cloudbuild.Build) {
	t.Helper()
	var ids []string
	for i, s := range b.Steps {
		if s.Id == "" || slices.Contains(ids, s.Id) || s.Name == "" || len(s.Args) == 0 {
			t.Errorf("%s: step %d has no id, image or arguments, or another has its id", file, i)
		}
		if i > 0 && !slices.Equal(s.WaitFor, ids[i-1:i]) {
			t.Errorf("%s: %s waits for %v, not for the step before it", file, s.Id, s.WaitFor)
		}
		ids = append(ids, s.Id)
	}
}

// checkVariables: each is built in or declared, and each declared one is used.
func checkVariables(t *testing.T, file, text string, declared map[string]string) {
	t.Helper()
	used := map[string]bool{}
	for _, m := range variable.FindAllStringSubmatch(text, -1) {
		used[m[1]] = true
		if _, ok := declared[m[1]]; !ok && !slices.Contains(builtIn, m[1]) && (file == "cloudbuild.yaml" || m[1] != "_IMAGE") {
			t.Errorf("%s: nobody says what $%s is", file, m[1])
		}
	}
	for name := range declared {
		if !used[name] {
			t.Errorf("%s: $%s is never used", file, name)
		}
	}
}

func TestBothWaysToBuildMakeTheSameImage(t *testing.T) {
	args := map[string][]string{}
	for _, file := range []string{"cloudbuild.yaml", "deploy/build.yaml"} {
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		var b cloudbuild.Build
		if err := yaml.Unmarshal(text, &b); err != nil {
			t.Fatal(err)
		}
		for _, s := range b.Steps {
			if s.Id == "build" {
				args[file] = append([]string{s.Name, s.Entrypoint}, s.Args...)
			}
		}
	}
	if diff := cmp.Diff(args["cloudbuild.yaml"], args["deploy/build.yaml"]); diff != "" || len(args) != 2 {
		t.Error(diff)
	}
	script, err := os.ReadFile(filepath.Join(root, "deploy/services.sh"))
	if err != nil {
		t.Fatal(err)
	}
	for _, flag := range []string{"-trimpath -tags=grpcnotrace", "-s -w"} {
		if !strings.Contains(string(script), flag) || !strings.Contains(strings.Join(args["cloudbuild.yaml"], " "), flag) {
			t.Errorf("%s is not a flag of every build", flag)
		}
	}
}

func TestTheAlertsAreWhatCloudMonitoringTakes(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "deploy/alerts/*.json"))
	if err != nil || len(files) < 4 {
		t.Fatalf("%v, %v", files, err)
	}
	manual, err := os.ReadFile(filepath.Join(root, "docs/operate.md"))
	if err != nil {
		t.Fatal(err)
	}
	metrics := 0
	for _, file := range files {
		text, err := os.ReadFile(file) //nolint:gosec // of this repository
		if err != nil {
			t.Fatal(err)
		}
		var p monitoring.AlertPolicy
		strictly(t, file, text, &p)
		if !strings.Contains(string(manual), "**"+strings.TrimPrefix(p.DisplayName, "Deputy: ")+"**") {
			t.Errorf("docs/operate.md does not say what to do when %q comes", p.DisplayName)
		}
		for _, m := range regexp.MustCompile(`user_deputy_([a-z]+)`).FindAllStringSubmatch(string(text), -1) {
			metrics++
			if _, err := os.Stat(filepath.Join(root, "deploy/alerts", m[1]+".metric")); err != nil {
				t.Errorf("%s counts what nobody counts: %v", file, err)
			}
		}
	}
	if metrics < 3 {
		t.Errorf("only %d metrics are looked at", metrics)
	}
}
