// Package archtest checks the structure of the module: which package may import which,
// where certain calls may be, and what the documents must contain.
package archtest

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "example.com/deputy"

// allowedImports lists the packages of this module that each package may import. Every package must be listed.
var allowedImports = map[string][]string{
	"": {
		"functions/chatevent", "functions/createspace", "functions/oauthcallback", "functions/securityevent",
		"shared/logging", "shared/serve",
	},
	"functions/chatevent": {
		"shared/address", "shared/callers", "shared/capability", "shared/chat", "shared/config",
		"shared/consent", "shared/fault", "shared/googleauth", "shared/googlecall", "shared/grants", "shared/i18n",
		"shared/logging", "shared/meetings", "shared/operations", "shared/production", "shared/resource",
		"shared/seal", "shared/serve", "shared/spaces",
		"shared/strictjson", "shared/vault", "shared/words", "shared/text",
	},
	"functions/oauthcallback": {
		"shared/callers", "shared/capability", "shared/config", "shared/consent", "shared/fault",
		"shared/googleauth", "shared/googlecall", "shared/grants", "shared/i18n", "shared/logging", "shared/production",
		"shared/resource", "shared/serve", "shared/words",
	},
	"functions/securityevent": {
		"shared/config", "shared/fault", "shared/googleauth", "shared/googlecall", "shared/grants", "shared/i18n",
		"shared/resource", "shared/serve", "shared/strictjson", "shared/vault", "shared/vault/firestore",
	},
	"functions/createspace": {
		"shared/api", "shared/callers", "shared/capability", "shared/config", "shared/fault",
		"shared/googleauth", "shared/googlecall", "shared/grants", "shared/i18n", "shared/logging", "shared/operations",
		"shared/production", "shared/resource", "shared/serve", "shared/spaces",
		"shared/strictjson", "shared/vault", "shared/text",
	},
	"shared/api": {"shared/fault", "shared/i18n", "shared/resource", "shared/strictjson", "shared/vault"},
	"shared/spaces": {
		"shared/address", "shared/capability", "shared/fault", "shared/googlecall", "shared/i18n",
		"shared/resource", "shared/seal", "shared/words", "shared/text",
	},
	"shared/meetings": {
		"shared/capability", "shared/fault", "shared/googlecall", "shared/resource", "shared/seal",
		"shared/words", "shared/text",
	},
	"shared/googlecall": {"shared/capability", "shared/fault", "shared/i18n", "shared/resource", "shared/words"},
	"shared/operations": {
		"shared/address", "shared/callers", "shared/capability", "shared/config", "shared/consent",
		"shared/fault", "shared/grants", "shared/i18n", "shared/meetings", "shared/resource", "shared/spaces",
		"shared/vault", "shared/words", "shared/text",
	},
	"shared/callers": {
		"shared/address", "shared/config", "shared/fault", "shared/googleauth", "shared/googlecall",
		"shared/i18n", "shared/resource", "shared/vault", "shared/words",
	},
	"shared/text": {},
	"shared/chat": {
		"shared/address", "shared/config", "shared/fault", "shared/googleauth", "shared/i18n",
		"shared/resource", "shared/strictjson", "shared/text",
	},
	"shared/capability": {"shared/fault", "shared/i18n", "shared/words"},
	"shared/googleauth": {
		"shared/address", "shared/config", "shared/fault", "shared/googlecall", "shared/i18n",
		"shared/strictjson", "shared/words",
	},
	"shared/vault":        {"shared/address", "shared/config", "shared/fault", "shared/resource", "shared/seal"},
	"shared/vault/memory": {"shared/fault", "shared/vault"},
	"shared/vault/firestore": {
		"shared/config", "shared/fault", "shared/googlecall", "shared/i18n", "shared/vault", "shared/words",
	},
	"shared/seal":       {"shared/config", "shared/fault", "shared/i18n"},
	"shared/seal/kms":   {"shared/fault", "shared/googlecall"},
	"shared/serve":      {"shared/fault", "shared/logging", "shared/words"},
	"shared/config":     {"shared/address", "shared/fault", "shared/text", "shared/words"},
	"shared/resource":   {"shared/address"},
	"shared/address":    {"shared/text"},
	"shared/strictjson": {},
	"shared/logging":    {},
	"shared/fault":      {"shared/i18n"},
	"shared/i18n":       {},
	"shared/consent": {
		"shared/address", "shared/capability", "shared/config", "shared/fault", "shared/googleauth",
		"shared/grants", "shared/i18n", "shared/resource", "shared/seal", "shared/vault",
	},
	"shared/grants": {
		"shared/address", "shared/capability", "shared/config", "shared/fault", "shared/googleauth",
		"shared/googlecall", "shared/resource", "shared/seal", "shared/vault", "shared/words",
	},
	"shared/production": {
		"shared/callers", "shared/config", "shared/consent", "shared/googleauth", "shared/grants",
		"shared/meetings", "shared/operations", "shared/seal", "shared/seal/kms", "shared/spaces",
		"shared/vault", "shared/vault/firestore",
	},
	"shared/words": {"shared/i18n"},

	// Other Chat apps import the emulator, so it must not link Deputy.
	"emulator/google":   {},
	"emulator/chatpage": {"emulator/google"},

	"internal/archtest":     {},
	"internal/buildpack":    {},
	"internal/chromiumtest": {},
	"internal/consenttest": {
		"emulator/google", "internal/vaulttest", "shared/capability", "shared/config", "shared/consent",
		"shared/fault", "shared/googleauth", "shared/grants", "shared/logging", "shared/resource", "shared/seal",
		"shared/vault", "shared/vault/memory",
	},
	"internal/deadconn": {},
	"internal/deployed": {
		"emulator/chatpage", "emulator/google", "functions/chatevent", "shared/callers", "shared/seal",
		"shared/seal/kms", "shared/vault",
	},
	"internal/deploytest":          {"internal/deploytest/cloudapi"},
	"internal/deploytest/stub":     {},
	"internal/deploytest/cloudapi": {},
	"internal/deploytest/shim":     {},
	"internal/operationstest": {
		"emulator/google", "internal/seed", "internal/vaulttest", "shared/callers", "shared/capability",
		"shared/config",
		"shared/consent", "shared/googleauth", "shared/grants", "shared/logging", "shared/meetings",
		"shared/operations", "shared/resource", "shared/seal", "shared/spaces", "shared/vault", "shared/vault/memory",
	},
	"internal/seed":       {},
	"internal/vaulttest":  {"shared/config", "shared/fault", "shared/seal", "shared/vault"},
	"internal/apitest":    {"shared/api"},
	"internal/googletest": {"emulator/google", "shared/capability", "shared/resource"},
}

type goPackage struct {
	ImportPath, Dir, Doc, Name string
	Imports, GoFiles           []string
}

func (p goPackage) short() string {
	return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
}

func listPackages(t *testing.T, args ...string) []goPackage {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Dir,Doc,Name,Imports,GoFiles"}, args...)...)
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []goPackage
	for decoder := json.NewDecoder(strings.NewReader(string(out))); decoder.More(); {
		var p goPackage
		if err := decoder.Decode(&p); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

func TestImports(t *testing.T) {
	for _, p := range listPackages(t, "./...") {
		isFunction := func(path string) bool { return strings.HasPrefix(path, module+"/functions/") }
		if p.short() == "cmd/deputy" && slices.ContainsFunc(p.Imports, isFunction) {
			t.Errorf("%s imports a function; move the shared code to shared/", p.ImportPath)
		}
		if strings.HasPrefix(p.short(), "cmd/") || p.short() == "bench" || strings.HasPrefix(p.short(), "bench/") {
			continue // programs may import everything
		}
		allowed, known := allowedImports[p.short()]
		if !known {
			t.Errorf("%s is not in allowedImports", p.ImportPath)
		}
		for _, imported := range p.Imports {
			short, ours := strings.CutPrefix(imported, module+"/")
			if ours && !slices.Contains(allowed, short) {
				t.Errorf("%s must not import %s", p.ImportPath, imported)
			}
		}
	}
}

func TestImports_EmulatorWithoutGoogleClients(t *testing.T) {
	for _, p := range listPackages(t, "-deps", "./emulator/...") {
		if strings.HasPrefix(p.ImportPath, "google.golang.org/api") {
			t.Errorf("the emulator links %s, which adds 416 MB of modules for its users", p.ImportPath)
		}
	}
}

func TestImports_Production(t *testing.T) {
	linked := 0
	for _, program := range []string{"./cmd/server", "./cmd/deputy"} {
		for _, p := range listPackages(t, "-deps", program) {
			for _, forbidden := range []string{module + "/internal", module + "/emulator", module + "/bench"} {
				if p.ImportPath == forbidden || strings.HasPrefix(p.ImportPath, forbidden+"/") {
					t.Errorf("%s links %s", program, p.ImportPath)
				}
			}
		}
	}
	for _, p := range listPackages(t, "-deps", ".") {
		if strings.HasPrefix(p.ImportPath, module) {
			linked++
		}
		for _, forbidden := range []string{
			module + "/internal", module + "/emulator", module + "/cmd", module + "/bench", "testing",
		} {
			if p.ImportPath == forbidden || strings.HasPrefix(p.ImportPath, forbidden+"/") {
				t.Errorf("production links %s", p.ImportPath)
			}
		}
	}
	if linked < 10 {
		t.Errorf("only %d packages of this module are linked: the test lists the wrong package", linked)
	}
}

func TestImports_FirestoreClient(t *testing.T) {
	found := false
	for _, p := range listPackages(t, "./...") {
		if slices.Contains(p.Imports, "cloud.google.com/go/firestore") {
			if found = p.short() == "shared/vault/firestore"; !found {
				t.Errorf("%s imports it", p.ImportPath)
			}
		}
	}
	if !found {
		t.Error("no package imports it")
	}
}

func TestPackageNamesAndComments(t *testing.T) {
	for _, p := range listPackages(t, "./...") {
		if len(p.GoFiles) > 0 && p.Doc == "" {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
		if slices.Contains([]string{"util", "utils", "common", "types", "mock", "mocks", "helpers"}, p.Name) {
			t.Errorf("%s has an unspecific name", p.ImportPath)
		}
	}
}

// allowedCallers lists the files and directories that may use a function.
var allowedCallers = map[string][]string{
	"context.Background": {"shared/serve/", "cmd/", "emulator/", "internal/", "bench/"},
	"os.Getenv": {
		"functions.go", "production.go", "cmd/server/", "internal/deploytest/stub/",
		"internal/deploytest/shim/",
		"internal/seed/", "bench/",
	},
	"os.LookupEnv": {"production.go"},
	// What leaves for a terminal goes through the writer that escapes for it, which cmd/deputy puts around these.
	"os.Stdout": {"cmd/deputy/production.go", "cmd/local/", "emulator/", "internal/", "bench/"},
	"os.Stderr": {
		"cmd/deputy/production.go", "cmd/deputy/main.go", "cmd/local/", "cmd/server/", "functions.go",
		"emulator/", "internal/", "bench/",
	},
	"log.Fatal": {},
}

func TestRestrictedCalls(t *testing.T) {
	inits := 0
	for _, p := range listPackages(t, "./...") {
		for _, name := range p.GoFiles {
			path := filepath.Join(p.short(), name)
			counted := &inits
			if strings.HasPrefix(path, "bench/") { // not in production
				counted = new(int)
			}
			for _, call := range selectors(t, filepath.Join(p.Dir, name), counted) {
				allowed, restricted := allowedCallers[call]
				isHere := func(w string) bool { return strings.HasPrefix(path, w) || filepath.Base(path) == w }
				if restricted && !slices.ContainsFunc(allowed, isHere) {
					t.Errorf("%s calls %s", path, call)
				}
			}
		}
	}
	if inits != 1 {
		t.Errorf("init functions: got %d, want the one that registers the functions", inits)
	}
}

// selectors returns the selector expressions x.Y of a file and counts its init functions.
func selectors(t *testing.T, path string, inits *int) []string {
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
			if x, ok := n.X.(*ast.Ident); ok {
				out = append(out, x.Name+"."+n.Sel.Name)
			}
		}
		return true
	})
	return out
}

func TestFileLength(t *testing.T) {
	for _, p := range listPackages(t, "./...") {
		for _, name := range p.GoFiles {
			text, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(text), "\n"); n > 300 && !strings.HasSuffix(name, ".gen.go") {
				t.Errorf("%s/%s has %d lines", p.short(), name, n)
			}
		}
	}
}

func TestGoMod_Tidy(t *testing.T) {
	cmd := exec.Command("go", "mod", "tidy", "-diff")
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), "GOPROXY=off", "GOFLAGS=-mod=mod")
	out, err := cmd.CombinedOutput()
	if strings.Contains(string(out), "module lookup disabled") {
		t.Skip("NOT TESTED: go mod tidy. It needs more modules than go mod download fetches; " +
			"./test.sh --all fetches them")
	}
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
