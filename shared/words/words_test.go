package words_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestWords_AllUsed(t *testing.T) {
	used := map[string]bool{"ErrorInternal": true} // i18n.Surprise
	use := regexp.MustCompile(`\bwords\.([A-Z]\w+)`)
	err := filepath.WalkDir("../..", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, m := range use.FindAllStringSubmatch(string(source), -1) {
			used[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	declared := declarations(t)
	for _, name := range declared {
		if !used[name] {
			t.Errorf("%s is not used", name)
		}
	}
	if len(declared) < 300 {
		t.Errorf("found only %d names", len(declared))
	}
}

func TestWords_Generated(t *testing.T) {
	source, err := os.ReadFile("../i18n/locales/en.json")
	if err != nil {
		t.Fatal(err)
	}
	var texts map[string]any
	if err := json.Unmarshal(source, &texts); err != nil {
		t.Fatal(err)
	}
	generated, err := os.ReadFile("words.gen.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`i18n\.Key\("(.*)"\)`).FindAllStringSubmatch(string(generated), -1) {
		if _, ok := texts[m[1]]; !ok {
			t.Errorf("%s is not in en.json; run go generate ./shared/words", m[1])
		}
		delete(texts, m[1])
	}
	for key := range texts {
		t.Errorf("%s has no name; run go generate ./shared/words", key)
	}
}

func declarations(t *testing.T) []string {
	t.Helper()
	source, err := os.ReadFile("words.gen.go")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range regexp.MustCompile(`(?m)^\t(\w+)\s+= i18n\.Key\(`).FindAllStringSubmatch(string(source), -1) {
		names = append(names, m[1])
	}
	return names
}
