package i18n_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/words"
)

var places = regexp.MustCompile(`%(\[\d+\])?[a-z]`)

func TestNoWordIsMissingInAnyLanguage(t *testing.T) {
	for id, e := range i18n.Entries() {
		if e.English == "" || e.Chinese == "" {
			t.Errorf("%d %q: a language is missing", id+1, e.English)
		}
		if !slices.ContainsFunc([]rune(e.Chinese), func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
			t.Errorf("%q: the Chinese is none: %q", e.English, e.Chinese)
		}
		want := places.FindAllString(e.English, -1)
		for _, other := range []string{e.One, e.Chinese} {
			if got := places.FindAllString(other, -1); other != "" && !slices.Equal(got, want) {
				t.Errorf("%q: places %v, want %v", other, got, want)
			}
		}
	}
	if n := len(i18n.Entries()); n < 80 {
		t.Errorf("only %d sentences", n)
	}
}

func TestASentenceIsSaidInThePersonsLanguage(t *testing.T) {
	for locale, want := range map[string]string{
		"en": "A space needs a name.", "en-GB": "A space needs a name.", "de": "A space needs a name.", "": "A space needs a name.", "?": "A space needs a name.",
		"zh": "聊天室需要一个名称。", "zh-CN": "聊天室需要一个名称。", "zh_CN": "聊天室需要一个名称。", "zh-Hans-SG": "聊天室需要一个名称。",
	} {
		if got := i18n.In(locale)(words.NameNeeded); got != want {
			t.Errorf("%q: got %q", locale, got)
		}
	}
	say := i18n.In("en")
	if one, two := say(words.TooManyPeople, 1, 49), say(words.TooManyPeople, 1200, 49); one != "You named 1 person; 49 can be added when a space is made." || two != "You named 1,200 people; 49 can be added when a space is made." {
		t.Errorf("plural: %q, %q", one, two)
	}
	if got := say(words.NameTaken, `50% "off"`); got != `A space named "50% "off"" exists already in your organization. Please choose another name.` {
		t.Errorf("an argument: %q", got)
	}
	if got := say(i18n.Text{}) + i18n.In("zh")(i18n.English("%d keys"), 2); got != "2 keys" {
		t.Errorf("none, and one for operators: %q", got)
	}
}

// S17: Accept-Language is a stranger's text, and what was matched is kept.
func TestALongListOfLanguagesCostsNoMoreThanAShortOne(t *testing.T) {
	if got := i18n.Language("zh-CN," + strings.Repeat("x", 1<<20)); got != i18n.Language("zh-CN") || got == i18n.Language("en") {
		t.Error("the beginning is not read")
	}
	long := strings.Repeat("fr;q=0.1,", 100_000)
	for i := range 120 {
		i18n.In(string(rune('a'+i%26)) + string(rune('a'+i/26)) + "," + long)
	}
	if kept := i18n.Kept(); kept > 100*200 {
		t.Errorf("%d bytes of locales are kept", kept)
	}
}
