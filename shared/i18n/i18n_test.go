package i18n

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"unicode"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

var verbs = regexp.MustCompile(`%(\[\d+\])?[a-z]`)

// read returns the forms of each text of a language: "other", and "one" and so on if it has plural forms.
func read(t *testing.T, file string) map[string]map[string]string {
	t.Helper()
	source, err := locales.ReadFile("locales/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(source, &raw); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	texts := map[string]map[string]string{}
	for key, value := range raw {
		var text string
		forms := map[string]string{}
		if json.Unmarshal(value, &text) == nil {
			forms["other"] = text
		} else if err := json.Unmarshal(value, &forms); err != nil {
			t.Fatalf("%s: %s: %v", file, key, err)
		}
		texts[key] = forms
	}
	return texts
}

func TestLocales_Complete(t *testing.T) {
	files, err := locales.ReadDir("locales")
	if err != nil {
		t.Fatal(err)
	}
	english := read(t, "en.json")
	if len(english) < 300 || len(files) < 2 {
		t.Fatalf("%d texts in %d languages", len(english), len(files))
	}
	for _, file := range files {
		texts := read(t, file.Name())
		for key := range texts {
			if english[key] == nil {
				t.Errorf("%s: %s is not in en.json", file.Name(), key)
			}
		}
		for key, want := range english {
			forms := texts[key]
			if forms["other"] == "" {
				t.Errorf("%s: %s is missing", file.Name(), key)
			}
			if len(want) > 1 {
				for _, form := range pluralForms(file.Name()) {
					if forms[form] == "" {
						t.Errorf("%s: %s has no plural form %q", file.Name(), key, form)
					}
				}
			}
			for form, text := range forms {
				want := verbs.FindAllString(want["other"], -1)
				if got := verbs.FindAllString(text, -1); !slices.Equal(got, want) {
					t.Errorf("%s: %s, %s: got placeholders %v, want %v", file.Name(), key, form, got, want)
				}
			}
		}
	}
}

// pluralForms returns the forms that a language needs: English one and other,
// Chinese only other. A new language is asked for what the CLDR calls its forms.
func pluralForms(file string) []string {
	tag := language.MustParse(strings.TrimSuffix(file, ".json"))
	forms := []string{"other"}
	names := map[plural.Form]string{
		plural.Other: "other", plural.Zero: "zero", plural.One: "one",
		plural.Two: "two", plural.Few: "few", plural.Many: "many",
	}
	for n := range 200 {
		if form := names[plural.Cardinal.MatchPlural(tag, n, 0, 0, 0, 0)]; !slices.Contains(forms, form) {
			forms = append(forms, form)
		}
	}
	return forms
}

func TestChinese_IsChinese(t *testing.T) {
	for key, forms := range read(t, "zh-Hans.json") {
		if !strings.ContainsFunc(forms["other"], func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
			t.Errorf("%s has no Chinese: %q", key, forms["other"])
		}
	}
}

func TestSay(t *testing.T) {
	const english, chinese = "Enter a name for the space.", "请输入聊天室的名称。"
	for locale, want := range map[string]string{
		"en": english, "en-GB": english, "de": english, "": english, "?": english,
		"zh": chinese, "zh-CN": chinese, "zh_CN": chinese, "zh-Hans-SG": chinese,
	} {
		if got := In(locale)(Key("error.name_missing")); got != want {
			t.Errorf("%q: got %q", locale, got)
		}
	}
	say := In("en")
	for n, want := range map[int]string{
		1:    "You named 1 person. You can add up to 49 when you create a space.",
		1200: "You named 1,200 people. You can add up to 49 when you create a space.",
	} {
		if got := say(Key("error.too_many_people"), n, 49); got != want {
			t.Errorf("plural: got %q, want %q", got, want)
		}
	}
	const taken = `A space named "50% "off"" already exists in your organization. Choose another name.`
	if got := say(Key("error.name_taken"), `50% "off"`); got != taken {
		t.Errorf("argument: got %q", got)
	}
	if got := say(Text{}) + In("zh")(English("%d keys"), 2); got != "2 keys" {
		t.Errorf("empty and untranslated: got %q", got)
	}
}

// A language that is not finished shows English for what it lacks.
func TestSay_UnfinishedLanguage(t *testing.T) {
	english, err := locales.ReadFile("locales/en.json")
	if err != nil {
		t.Fatal(err)
	}
	c, err := load(fstest.MapFS{
		"locales/en.json": {Data: english},
		"locales/fr.json": {Data: []byte(`{"form.name": "Nom"}`)},
	})
	if err != nil {
		t.Fatal(err)
	}
	say := c.match("fr-CA").say()
	if got := say(Key("form.name")) + ", " + say(Key("form.people")); got != "Nom, People" {
		t.Errorf("got %q", got)
	}
}

// Accept-Language is a stranger's text, and what was matched is cached.
func TestMatch_LongLocale(t *testing.T) {
	if got := Language("zh-CN," + strings.Repeat("x", 1<<20)); got != "zh-Hans" {
		t.Errorf("the beginning is not read: got %s", got)
	}
	long := strings.Repeat("fr;q=0.1,", 100_000)
	for i := range 120 {
		In(fmt.Sprintf("a%c,%s", 'a'+i%26, long))
	}
	size := 0
	for _, locale := range languages().cache.Keys() {
		size += len(locale)
	}
	if size > 100*maxLocale {
		t.Errorf("%d bytes of locales are cached", size)
	}
}
