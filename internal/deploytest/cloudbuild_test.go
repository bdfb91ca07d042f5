// Package deploytest tests deploy.sh, cloudbuild.yaml and what they upload, offline: with
// a stub that records every call, gcloud's own parser, and Google's API types.
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

// decodeStrictly decodes JSON into a type of a Google API. It reports unknown fields, also if only their case is wrong.
func decodeStrictly(t *testing.T, name string, text []byte, v any) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(v); err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	encoded, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var before, after any
	if json.Unmarshal(text, &before) != nil || json.Unmarshal(encoded, &after) != nil {
		t.Fatalf("%s is not JSON", name)
	}
	if diff := cmp.Diff(fieldPaths(before, ""), fieldPaths(after, "")); diff != "" {
		t.Errorf("%s: unknown fields: %s", name, diff)
	}
}

// fieldPaths returns the sorted paths of all fields.
func fieldPaths(value any, path string) []string {
	var out []string
	switch v := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			out = append(append(out, path+"."+name), fieldPaths(v[name], path+"."+name)...)
		}
	case []any:
		for _, item := range v {
			out = append(out, fieldPaths(item, path+"[]")...)
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

func TestCloudBuildFiles(t *testing.T) {
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
		decodeStrictly(t, file, asJSON, &b)
		checkGraph(t, file, &b)
		if !seconds.MatchString(b.Timeout) {
			t.Errorf("%s: timeout %q", file, b.Timeout)
		}
		if b.Options == nil || b.Options.Logging != "CLOUD_LOGGING_ONLY" ||
			b.Options.SubstitutionOption != "MUST_MATCH" {
			t.Errorf("%s: want CLOUD_LOGGING_ONLY (for a custom service account) and MUST_MATCH", file)
		}
		checkVariables(t, file, string(asJSON), b.Substitutions)
	}
}

// checkGraph checks that each step waits for the previous one.
func checkGraph(t *testing.T, file string, b *cloudbuild.Build) {
	t.Helper()
	var ids []string
	for i, s := range b.Steps {
		if s.Id == "" || slices.Contains(ids, s.Id) || s.Name == "" || len(s.Args) == 0 {
			t.Errorf("%s: step %d has no ID, image or arguments, or a duplicate ID", file, i)
		}
		if i > 0 && !slices.Equal(s.WaitFor, ids[i-1:i]) {
			t.Errorf("%s: %s waits for %v instead of the previous step", file, s.Id, s.WaitFor)
		}
		ids = append(ids, s.Id)
	}
}

// checkVariables checks that each used variable is built in or declared, and that each declared one is used.
func checkVariables(t *testing.T, file, text string, declared map[string]string) {
	t.Helper()
	used := map[string]bool{}
	for _, m := range variable.FindAllStringSubmatch(text, -1) {
		used[m[1]] = true
		_, known := declared[m[1]]
		known = known || slices.Contains(builtIn, m[1]) || file != "cloudbuild.yaml" && m[1] == "_IMAGE"
		if !known {
			t.Errorf("%s: $%s is not declared", file, m[1])
		}
	}
	for name := range declared {
		if !used[name] {
			t.Errorf("%s: $%s is not used", file, name)
		}
	}
}

func TestCloudBuildFiles_SameImage(t *testing.T) {
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
		build := strings.Join(args["cloudbuild.yaml"], " ")
		if !strings.Contains(string(script), flag) || !strings.Contains(build, flag) {
			t.Errorf("not every build has the flags %s", flag)
		}
	}
}

func TestAlerts(t *testing.T) {
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
		text, err := os.ReadFile(file) //nolint:gosec // in this repository
		if err != nil {
			t.Fatal(err)
		}
		var p monitoring.AlertPolicy
		decodeStrictly(t, file, text, &p)
		if !strings.Contains(string(manual), "**"+strings.TrimPrefix(p.DisplayName, "Deputy: ")+"**") {
			t.Errorf("docs/operate.md does not describe the alert %q", p.DisplayName)
		}
		for _, m := range regexp.MustCompile(`user_deputy_([a-z]+)`).FindAllStringSubmatch(string(text), -1) {
			metrics++
			if _, err := os.Stat(filepath.Join(root, "deploy/alerts", m[1]+".metric")); err != nil {
				t.Errorf("%s uses an undefined metric: %v", file, err)
			}
		}
	}
	if metrics < 3 {
		t.Errorf("only %d metrics were checked", metrics)
	}
}
