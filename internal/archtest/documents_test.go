package archtest

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// tests are the names of all tests there are.
func tests(t *testing.T) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	each(t, "_test.go", func(_, text string) {
		for _, m := range declared.FindAllStringSubmatch(text, -1) {
			out[m[1]] = true
		}
	})
	return out
}

// each calls do with every file of ours that ends so.
func each(t *testing.T, ending string, do func(path, text string)) {
	t.Helper()
	err := filepath.WalkDir("../..", func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ending) {
			return err
		}
		text, err := os.ReadFile(path)
		do(path, string(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTheChecklistIsWholeAndNamesTestsThatExist(t *testing.T) {
	text, known := read(t, "../../docs/security.md"), tests(t)
	for line := 1; line <= 26; line++ {
		if !strings.Contains(text, fmt.Sprintf("\n| B%d | ", line)) {
			t.Errorf("B%d is missing", line)
		}
	}
	named := regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z]\w+`).FindAllString(text, -1)
	for _, name := range named {
		if !known[name] {
			t.Errorf("there is no %s", name)
		}
	}
	if len(named) < 50 {
		t.Errorf("only %d tests are named", len(named))
	}
}

func TestEveryAlarmIsInTheManual(t *testing.T) {
	manual, found := read(t, "../../docs/operate.md"), 0
	alarm := regexp.MustCompile(`\balarm(?:Once)?(?:\(ctx|"), "([^"]+)"`)
	each(t, ".go", func(path, text string) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		for _, m := range alarm.FindAllStringSubmatch(text, -1) {
			if found++; !strings.Contains(manual, "| "+m[1]+" |") {
				t.Errorf("%s: %q is not in docs/operate.md", path, m[1])
			}
		}
	})
	if found < 8 {
		t.Errorf("only %d alarms were found", found)
	}
}
