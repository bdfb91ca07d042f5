package words

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

var places = regexp.MustCompile(`%(\[\d+\])?[a-z]`)

func TestNoWordIsMissingInAnyLanguage(t *testing.T) {
	for id, e := range entries[1:] {
		if e.english == "" || e.chinese == "" {
			t.Errorf("%d %q: a language is missing", id+1, e.english)
		}
		if !slices.ContainsFunc([]rune(e.chinese), func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
			t.Errorf("%q: the Chinese is none: %q", e.english, e.chinese)
		}
		want := places.FindAllString(e.english, -1)
		for _, other := range []string{e.one, e.chinese} {
			if got := places.FindAllString(other, -1); other != "" && !slices.Equal(got, want) {
				t.Errorf("%q: places %v, want %v", other, got, want)
			}
		}
	}
	if len(entries) < 80 {
		t.Errorf("only %d sentences", len(entries)-1)
	}
}

func TestEverySentenceIsSaidSomewhere(t *testing.T) {
	declared, said := map[string]bool{}, map[string]bool{}
	declaration := regexp.MustCompile(`(?m)^\t(\w+)\s+= (?:text|counted)\(`)
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
	if len(declared) != len(entries)-1 {
		t.Errorf("%d names for %d sentences", len(declared), len(entries)-1)
	}
}

func TestASentenceIsSaidInThePersonsLanguage(t *testing.T) {
	for locale, want := range map[string]string{
		"en": "A space needs a name.", "en-GB": "A space needs a name.", "de": "A space needs a name.", "": "A space needs a name.", "?": "A space needs a name.",
		"zh": "聊天室需要一个名称。", "zh-CN": "聊天室需要一个名称。", "zh_CN": "聊天室需要一个名称。", "zh-Hans-SG": "聊天室需要一个名称。",
	} {
		if got := In(locale)(NameNeeded); got != want {
			t.Errorf("%q: got %q", locale, got)
		}
	}
	say := In("en")
	if one, two := say(TooManyPeople, 1, 49), say(TooManyPeople, 1200, 49); one != "You named 1 person; 49 can be added when a space is made." || two != "You named 1,200 people; 49 can be added when a space is made." {
		t.Errorf("plural: %q, %q", one, two)
	}
	if got := say(NameTaken, `50% "off"`); got != `A space named "50% "off"" exists already in your organization. Please choose another name.` {
		t.Errorf("an argument: %q", got)
	}
	if got := say(Text{}) + In("zh")(English("%d keys"), 2); got != "2 keys" {
		t.Errorf("none, and one for operators: %q", got)
	}
}

// S17: Accept-Language is a stranger's text, and what was matched is kept.
func TestALongListOfLanguagesCostsNoMoreThanAShortOne(t *testing.T) {
	if got := Language("zh-CN," + strings.Repeat("x", 1<<20)); got != Language("zh-CN") || got == Language("en") {
		t.Error("the beginning is not read")
	}
	long := strings.Repeat("fr;q=0.1,", 100_000)
	for i := range 120 {
		In(string(rune('a'+i%26)) + string(rune('a'+i/26)) + "," + long)
	}
	kept := 0
	for _, locale := range matched.Keys() {
		kept += len(locale)
	}
	if kept > 100*mostLocale {
		t.Errorf("%d bytes of locales are kept", kept)
	}
}
