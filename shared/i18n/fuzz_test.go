package i18n

import "testing"

// FuzzLanguage checks that any Accept-Language header yields a language that has texts.
func FuzzLanguage(f *testing.F) {
	for _, locale := range []string{"en", "zh-CN,zh;q=0.9", "de;q=", "*", "x-private", "zh_Hans@calendar"} {
		f.Add(locale)
	}
	f.Fuzz(func(t *testing.T, locale string) {
		if got := Language(locale); got != "en" && got != "zh-Hans" {
			t.Errorf("%q: got %s", locale, got)
		}
		if got := In(locale)(Key("form.name")); got != "Name" && got != "名称" {
			t.Errorf("%q: got %q", locale, got)
		}
	})
}
