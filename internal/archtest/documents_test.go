package archtest

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
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

// documents returns the texts of all documents for people, by path.
func documents(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	paths, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md"} {
		paths = append(paths, filepath.Join("../..", name))
	}
	for _, path := range paths {
		out[path] = readFile(t, path)
	}
	return out
}

// Each page says for whom it is in its first line, and the index lists it.
func TestDocuments_Index(t *testing.T) {
	index := readFile(t, "../../docs/README.md")
	for path, text := range documents(t) {
		first := strings.SplitN(text, "\n", 4)
		inDocs := strings.HasPrefix(path, "../../docs/")
		if (inDocs || strings.HasSuffix(path, "CONTRIBUTING.md")) && !strings.HasPrefix(first[2], "For ") {
			t.Errorf("%s begins with %q", path, first[2])
		}
		if name := filepath.Base(path); inDocs && name != "README.md" && !strings.Contains(index, "]("+name+")") {
			t.Errorf("docs/README.md has no link to %s", name)
		}
	}
	if lines := strings.Count(readFile(t, "../../README.md"), "\n"); lines > 120 {
		t.Errorf("README.md has %d lines", lines)
	}
}

var (
	linkPattern    = regexp.MustCompile(`\]\(([^)#: ]*)(?:#([^)]*))?\)`)
	headingPattern = regexp.MustCompile(`(?m)^#+ (.*)$`)
	notInAnchor    = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// anchors returns the anchors of a document's headings, as GitHub makes them.
func anchors(text string) map[string]bool {
	out := map[string]bool{}
	for _, m := range headingPattern.FindAllStringSubmatch(text, -1) {
		out[strings.ReplaceAll(notInAnchor.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")] = true
	}
	return out
}

// Every link to a file leads to it, and every anchor to a heading there.
func TestDocuments_Links(t *testing.T) {
	links := 0
	for path, text := range documents(t) {
		for _, link := range linkPattern.FindAllStringSubmatch(text, -1) {
			links++
			target := path
			if link[1] != "" {
				target = filepath.Join(filepath.Dir(path), link[1])
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: broken link %s", path, link[1])
			} else if link[2] != "" && !anchors(readFile(t, target))[link[2]] {
				t.Errorf("%s: %s has no heading #%s", path, target, link[2])
			}
		}
	}
	if links < 100 {
		t.Errorf("only %d links were found", links)
	}
}

// A decision is a short record.
func TestDecisions_Short(t *testing.T) {
	text, _, _ := strings.Cut(readFile(t, "../../docs/decisions.md"), "\n## Dependencies\n")
	records := strings.Split(text, "\n## ")[1:]
	for _, record := range records {
		title, _, _ := strings.Cut(record, "\n")
		for _, part := range []string{"**Context.**", "**Decision.**", "**Consequence.**"} {
			if strings.Count(record, part) != 1 {
				t.Errorf("%s: no single %s", title, part)
			}
		}
		if words := len(strings.Fields(record)) - len(strings.Fields(title)); words >= 120 {
			t.Errorf("%s: %d words", title, words)
		}
	}
	if len(records) < 50 {
		t.Errorf("only %d records were found", len(records))
	}
}

// make help lists each command once, and each calls what is there.
func TestMakefile(t *testing.T) {
	text, seen := readFile(t, "../../Makefile"), map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^([a-z-]+): ## .+$`).FindAllStringSubmatch(text, -1) {
		if seen[m[1]] {
			t.Errorf("%s is listed twice", m[1])
		}
		seen[m[1]] = true
	}
	for _, name := range []string{"help", "run", "test", "test-all", "lint", "generate", "bench", "pictures"} {
		if !seen[name] {
			t.Errorf("make %s is missing", name)
		}
	}
	for _, path := range regexp.MustCompile(`\./[a-z][a-z./]*`).FindAllString(text, -1) {
		if _, err := os.Stat(filepath.Join("../..", path)); err != nil {
			t.Errorf("the Makefile names %s: %v", path, err)
		}
	}
}

// Each arrow of the picture in docs/walk.md is an import.
func TestWalk_Picture(t *testing.T) {
	text := readFile(t, "../../docs/walk.md")
	arrows := 0
	for _, m := range regexp.MustCompile(`(?m)^  ([a-z &]+) --> ([a-z &]+)$`).FindAllStringSubmatch(text, -1) {
		for from := range strings.SplitSeq(m[1], " & ") {
			for to := range strings.SplitSeq(m[2], " & ") {
				arrows++
				imports := slices.Concat(allowedImports["functions/"+from], allowedImports["shared/"+from])
				if !slices.Contains(imports, "shared/"+to) {
					t.Errorf("%s doesn't import %s", from, to)
				}
			}
		}
	}
	if arrows < 15 {
		t.Errorf("only %d arrows were found", arrows)
	}
}
