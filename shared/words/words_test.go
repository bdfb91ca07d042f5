package words_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestEverySentenceIsSaidSomewhere(t *testing.T) {
	sentences := 0
	declared, said := map[string]bool{}, map[string]bool{}
	declaration := regexp.MustCompile(`(?m)^\t(\w+)\s+= i18n\.(?:Sentence|Counted)\(`)
	use := regexp.MustCompile(`\bwords\.([A-Z]\w+)`)
	err := filepath.WalkDir("../..", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, m := range use.FindAllStringSubmatch(string(source), -1) {
			said[m[1]] = true
		}
		if filepath.Base(filepath.Dir(path)) == "words" {
			sentences += strings.Count(string(source), "= i18n.")
			for _, m := range declaration.FindAllStringSubmatch(string(source), -1) {
				declared[m[1]] = true
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range declared {
		if !said[name] {
			t.Errorf("nobody says %s", name)
		}
	}
	if len(declared) != sentences || sentences < 80 {
		t.Errorf("%d names for %d sentences", len(declared), sentences)
	}
}
