// Package archtest keeps the tree of the design's section 2: who may import
// whom, and what stands only in one place.
package archtest

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "example.com/deputy"

// may says which of our packages each may import. A package that is not here
// is a mistake: add it where it belongs.
var may = map[string][]string{
	"":                        {"functions/chatevent", "functions/createspace", "functions/oauthcallback", "functions/securityevent", "shared/logging", "shared/serve"},
	"functions/chatevent":     {"shared/address", "shared/callers", "shared/capability", "shared/chat", "shared/config", "shared/consent", "shared/fault", "shared/googleauth", "shared/grants", "shared/i18n", "shared/logging", "shared/meetings", "shared/operations", "shared/production", "shared/resource", "shared/seal", "shared/serve", "shared/spaces", "shared/vault", "shared/words"},
	"functions/oauthcallback": {"shared/callers", "shared/capability", "shared/config", "shared/consent", "shared/fault", "shared/googleauth", "shared/grants", "shared/i18n", "shared/logging", "shared/production", "shared/resource", "shared/serve", "shared/words"},
	"functions/securityevent": {"shared/config", "shared/fault", "shared/googleauth", "shared/grants", "shared/i18n", "shared/resource", "shared/serve", "shared/strictjson", "shared/vault", "shared/vault/firestore"},
	"functions/createspace":   {"shared/api", "shared/callers", "shared/capability", "shared/config", "shared/fault", "shared/googleauth", "shared/grants", "shared/i18n", "shared/logging", "shared/operations", "shared/production", "shared/resource", "shared/serve", "shared/spaces", "shared/vault"},
	"shared/api":              {"shared/fault", "shared/i18n", "shared/resource", "shared/strictjson", "shared/vault"},
	"shared/spaces":           {"shared/address", "shared/capability", "shared/fault", "shared/googlecall", "shared/i18n", "shared/resource", "shared/seal", "shared/words"},
	"shared/meetings":         {"shared/capability", "shared/fault", "shared/googlecall", "shared/resource", "shared/seal", "shared/words"},
	"shared/googlecall":       {"shared/capability", "shared/fault", "shared/i18n", "shared/resource"},
	"shared/operations":       {"shared/address", "shared/callers", "shared/capability", "shared/config", "shared/consent", "shared/fault", "shared/grants", "shared/i18n", "shared/meetings", "shared/resource", "shared/spaces", "shared/vault", "shared/words"},
	"shared/callers":          {"shared/address", "shared/config", "shared/fault", "shared/googleauth", "shared/googlecall", "shared/i18n", "shared/resource", "shared/vault", "shared/words"},
	"shared/chat":             {"shared/config", "shared/fault", "shared/googleauth", "shared/i18n", "shared/resource"},
	"shared/capability":       {"shared/fault", "shared/i18n", "shared/words"},
	"shared/googleauth":       {"shared/address", "shared/config", "shared/fault", "shared/googlecall", "shared/i18n", "shared/strictjson", "shared/words"},
	"shared/vault":            {"shared/address", "shared/config", "shared/fault", "shared/resource", "shared/seal"},
	"shared/vault/memory":     {"shared/fault", "shared/vault"},
	"shared/vault/firestore":  {"shared/config", "shared/fault", "shared/googlecall", "shared/i18n", "shared/vault", "shared/words"},
	"shared/seal":             {"shared/config", "shared/fault", "shared/i18n"},
	"shared/seal/kms":         {"shared/fault", "shared/googlecall"},
	"shared/serve":            {"shared/fault", "shared/logging", "shared/words"},
	"shared/config":           {"shared/address", "shared/fault", "shared/words"},
	"shared/resource":         {"shared/address"},
	"shared/address":          {},
	"shared/strictjson":       {},
	"shared/logging":          {},
	"shared/fault":            {"shared/i18n"},
	"shared/i18n":             {},
	"shared/consent":          {"shared/address", "shared/capability", "shared/config", "shared/fault", "shared/googleauth", "shared/grants", "shared/i18n", "shared/resource", "shared/seal", "shared/vault"},
	"shared/grants":           {"shared/address", "shared/capability", "shared/config", "shared/fault", "shared/googleauth", "shared/googlecall", "shared/resource", "shared/seal", "shared/vault", "shared/words"},
	"shared/production":       {"shared/callers", "shared/config", "shared/consent", "shared/googleauth", "shared/grants", "shared/meetings", "shared/operations", "shared/seal", "shared/seal/kms", "shared/spaces", "shared/vault", "shared/vault/firestore"},
	"shared/words":            {"shared/i18n"},

	// The emulator links nothing of Deputy: other Chat apps import it, too.
	"emulator/google":   {},
	"emulator/chatpage": {"emulator/google"},

	"internal/archtest":        {},
	"internal/buildpack":       {},
	"internal/chromiumtest":    {},
	"internal/deployed":        {},
	"internal/deploytest":      {},
	"internal/deploytest/stub": {},
	"internal/vaulttest":       {"shared/config", "shared/fault", "shared/seal", "shared/vault"},
}

type pkg struct {
	ImportPath, Dir, Doc, Name string
	Imports, GoFiles           []string
}

func (p pkg) short() string {
	return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
}

func list(t *testing.T, args ...string) []pkg {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Dir,Doc,Name,Imports,GoFiles"}, args...)...)
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []pkg
	for decoder := json.NewDecoder(strings.NewReader(string(out))); decoder.More(); {
		var p pkg
		if err := decoder.Decode(&p); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

func TestArrowsGoDownTheListOfTheDesign(t *testing.T) {
	for _, p := range list(t, "./...") {
		if p.short() == "cmd/deputy" && slices.ContainsFunc(p.Imports, func(path string) bool { return strings.HasPrefix(path, module+"/functions/") }) {
			t.Errorf("%s reaches into a function; what it needs belongs into shared/", p.ImportPath)
		}
		if strings.HasPrefix(p.short(), "cmd/") || p.short() == "bench" || strings.HasPrefix(p.short(), "bench/") {
			continue // programs put everything together
		}
		allowed, known := may[p.short()]
		if !known {
			t.Errorf("%s has no place in the tree", p.ImportPath)
		}
		for _, imported := range p.Imports {
			short, ours := strings.CutPrefix(imported, module+"/")
			if ours && !slices.Contains(allowed, short) {
				t.Errorf("%s must not import %s", p.ImportPath, imported)
			}
		}
	}
}

func TestTheEmulatorDoesNotBringGooglesClients(t *testing.T) {
	for _, p := range list(t, "-deps", "./emulator/...") {
		if strings.HasPrefix(p.ImportPath, "google.golang.org/api") {
			t.Errorf("the emulator links %s: 416 MB of modules for whoever imports it", p.ImportPath)
		}
	}
}

func TestProductionLinksNothingOfTheEmulatorInternalBenchOrCmd(t *testing.T) {
	linked := 0
	for _, program := range []string{"./cmd/server", "./cmd/deputy"} {
		for _, p := range list(t, "-deps", program) {
			for _, never := range []string{module + "/internal", module + "/emulator", module + "/bench"} {
				if p.ImportPath == never || strings.HasPrefix(p.ImportPath, never+"/") {
					t.Errorf("%s links %s", program, p.ImportPath)
				}
			}
		}
	}
	for _, p := range list(t, "-deps", ".") {
		if strings.HasPrefix(p.ImportPath, module) {
			linked++
		}
		for _, never := range []string{module + "/internal", module + "/emulator", module + "/cmd", module + "/bench", "testing"} {
			if p.ImportPath == never || strings.HasPrefix(p.ImportPath, never+"/") {
				t.Errorf("production links %s", p.ImportPath)
			}
		}
	}
	if linked < 10 {
		t.Errorf("only %d of our packages are linked: this test looks at the wrong place", linked)
	}
}

func TestFirestoresClientHasOneImporter(t *testing.T) {
	found := false
	for _, p := range list(t, "./...") {
		if slices.Contains(p.Imports, "cloud.google.com/go/firestore") {
			if found = p.short() == "shared/vault/firestore"; !found {
				t.Errorf("%s imports it", p.ImportPath)
			}
		}
	}
	if !found {
		t.Error("nobody imports it")
	}
}

func TestEveryPackageSaysWhatItIsForAndNoneIsABag(t *testing.T) {
	for _, p := range list(t, "./...") {
		if len(p.GoFiles) > 0 && p.Doc == "" {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
		if slices.Contains([]string{"util", "utils", "common", "types", "mock", "mocks", "helpers"}, p.Name) {
			t.Errorf("%s is named like a bag", p.ImportPath)
		}
	}
}

// places are where a call may stand, by file name or folder.
var places = map[string][]string{
	"context.Background": {"shared/serve/", "cmd/", "emulator/", "internal/", "bench/"},
	"os.Getenv":          {"functions.go", "production.go", "cmd/server/", "internal/deploytest/stub/", "bench/"},
	"os.LookupEnv":       {"production.go"},
	"log.Fatal":          {},
}

func TestTheEnvironmentAndBackgroundContextsAreUsedWhereTheyMay(t *testing.T) {
	inits := 0
	for _, p := range list(t, "./...") {
		for _, name := range p.GoFiles {
			path := filepath.Join(p.short(), name)
			counted := &inits
			if strings.HasPrefix(path, "bench/") { // no production links it
				counted = new(int)
			}
			for _, call := range calls(t, filepath.Join(p.Dir, name), counted) {
				where, limited := places[call]
				if limited && !slices.ContainsFunc(where, func(w string) bool { return strings.HasPrefix(path, w) || filepath.Base(path) == w }) {
					t.Errorf("%s calls %s", path, call)
				}
			}
		}
	}
	if inits != 1 {
		t.Errorf("init functions: got %d, want the one that registers the functions", inits)
	}
}

// calls are the calls of functions of other packages in a file.
func calls(t *testing.T, path string, inits *int) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Name.Name == "init" && n.Recv == nil {
				*inits++
			}
		case *ast.SelectorExpr:
			if of, ok := n.X.(*ast.Ident); ok {
				out = append(out, of.Name+"."+n.Sel.Name)
			}
		}
		return true
	})
	return out
}

func TestNoFileIsLongerThanItCanBeRead(t *testing.T) {
	for _, p := range list(t, "./...") {
		for _, name := range p.GoFiles {
			text, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(text), "\n"); n > 300 && !strings.HasSuffix(name, ".gen.go") { // nobody reads what is generated
				t.Errorf("%s/%s has %d lines", p.short(), name, n)
			}
		}
	}
}

func TestGoModIsTidyAsTheBuildpackWantsIt(t *testing.T) {
	cmd := exec.Command("go", "mod", "tidy", "-diff")
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), "GOPROXY=off", "GOFLAGS=-mod=mod")
	out, err := cmd.CombinedOutput()
	if strings.Contains(string(out), "module lookup disabled") {
		t.Skip("NOT TESTED: go.mod is tidy. That needs modules which go mod download does not bring; ./test.sh --all fetches them")
	}
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

var linkTo = regexp.MustCompile(`\]\(([^)#:]+)\)`)

func TestEveryLinkInTheDocumentsLeadsSomewhere(t *testing.T) {
	documents, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	links := 0
	for _, path := range append(documents, "../../README.md", "../../SECURITY.md") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, link := range linkTo.FindAllStringSubmatch(string(text), -1) {
			links++
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), link[1])); err != nil {
				t.Errorf("%s: %s leads nowhere", path, link[1])
			}
		}
	}
	if links < 20 {
		t.Errorf("only %d links were found", links)
	}
}
