package archtest

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// testNames returns the names of all tests and fuzz tests of the module.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	forEachFile(t, "_test.go", func(_, text string) {
		for _, m := range declared.FindAllStringSubmatch(text, -1) {
			out[m[1]] = true
		}
	})
	return out
}

// forEachFile calls f with every file of the repository whose name ends in suffix.
func forEachFile(t *testing.T, suffix string, f func(path, text string)) {
	t.Helper()
	err := filepath.WalkDir("../..", func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, suffix) {
			return err
		}
		text, err := os.ReadFile(path)
		f(path, string(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestSecurityDocument checks that docs/security.md has every line of the checklist, and that every test
// named there and in SECURITY.md exists.
func TestSecurityDocument(t *testing.T) {
	text, known := readFile(t, "../../docs/security.md"), testNames(t)
	for line := 1; line <= 26; line++ {
		if !strings.Contains(text, fmt.Sprintf("\n| B%d | ", line)) {
			t.Errorf("B%d is missing", line)
		}
	}
	text += readFile(t, "../../SECURITY.md")
	named := regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z]\w+`).FindAllString(text, -1)
	for _, name := range named {
		if !known[name] {
			t.Errorf("test %s does not exist", name)
		}
	}
	if len(named) < 100 {
		t.Errorf("only %d tests are named", len(named))
	}
}

func TestOperateDocument_Alarms(t *testing.T) {
	manual, found := readFile(t, "../../docs/operate.md"), 0
	alarm := regexp.MustCompile(`\balarm(?:Once)?(?:\(ctx|"), "([^"]+)"`)
	forEachFile(t, ".go", func(path, text string) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		for _, m := range alarm.FindAllStringSubmatch(text, -1) {
			if found++; !strings.Contains(manual, "| "+m[1]+" |") {
				t.Errorf("%s: alarm %q is not in docs/operate.md", path, m[1])
			}
		}
	})
	if found < 8 {
		t.Errorf("only %d alarms were found", found)
	}
}
