// Package i18n says a sentence in the language of whoever reads it. shared/words
// is the catalogue of them.
//
// It knows no cards and no pages: who shows a sentence says it here first.
package i18n

import (
	"fmt"
	"strconv"
	"strings"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/message/catalog"
)

// Text is one sentence of the catalogue, or none. It may have places for
// arguments, in the way of fmt.
type Text struct {
	id      int    // in entries
	english string // of a sentence that is in no catalogue
}

// entry is a sentence in each language. one is the English for a first
// argument of 1; without it there is no plural.
type entry struct{ one, english, chinese string }

// entries are the sentences; the first is none.
var entries = make([]entry, 1, 256)

// Chinese is a sentence in Simplified Chinese.
type Chinese string

// Singular is the English of a sentence about one thing.
type Singular string

// Sentence puts a sentence into the catalogue.
func Sentence(english string, chinese Chinese) Text { return add(entry{"", english, string(chinese)}) }

// Counted puts a sentence into the catalogue whose first argument is a number of
// things.
func Counted(one Singular, other string, chinese Chinese) Text {
	return add(entry{string(one), other, string(chinese)})
}

// English is a sentence for systems and operators, who read one language. It
// is never for a person in Chat or in a browser.
func English(format string) Text { return Text{english: format} }

// Surprise is what a person reads of an error that has no sentence of its own. Its
// argument is the reference in the log.
var Surprise = Sentence("Something went wrong on our side. Please try again; if it stays, tell your administrator this reference: %s",
	"我们这边出了问题。请重试；如果问题仍然存在，请将此编号告诉您的管理员：%s")

func add(e entry) Text {
	entries = append(entries, e)
	return Text{id: len(entries) - 1}
}

// Say says a sentence in one language.
type Say func(Text, ...any) string

// In is how to speak to somebody with this locale (BCP 47, such as "en" or
// "zh-CN", or a list of them as in Accept-Language). Whoever reads none of
// Deputy's languages gets English.
func In(locale string) Say {
	printer := message.NewPrinter(match(locale), message.Catalog(sentences()))
	return func(t Text, args ...any) string {
		if t.id == 0 {
			return fmt.Sprintf(t.english, args...)
		}
		return printer.Sprintf(key(t.id), args...)
	}
}

// Language is the one that In speaks, as HTML names it.
func Language(locale string) string { return match(locale).String() }

// mostLocale is how many bytes of a locale are read. A browser's list is shorter;
// a stranger's costs no more.
const mostLocale = 200

func match(locale string) language.Tag {
	if len(locale) > mostLocale { // up to the last language that is whole
		locale = locale[:mostLocale]
		locale = strings.Clone(locale[:max(0, strings.LastIndex(locale, ","))])
	}
	if tag, ok := matched.Get(locale); ok {
		return tag
	}
	tag := best(locale)
	matched.Add(locale, tag)
	return tag
}

// matched are locales and what was found for them: an event asks many times.
var matched = func() *lru.Cache[string, language.Tag] {
	cache, err := lru.New[string, language.Tag](100)
	if err != nil {
		panic(err) // only for a size below one
	}
	return cache
}()

func best(locale string) language.Tag {
	wanted, _, _ := language.ParseAcceptLanguage(locale) // what cannot be read is no wish
	_, index, _ := matcher.Match(wanted...)
	return languages[index]
}

// languages are those of the catalogue, the first for everybody else.
var (
	languages = []language.Tag{language.English, language.SimplifiedChinese}
	matcher   = language.NewMatcher(languages)
)

// sentences is the catalogue as golang.org/x/text has it.
var sentences = sync.OnceValue(func() catalog.Catalog {
	builder := catalog.NewBuilder(catalog.Fallback(language.English))
	set := func(tag language.Tag, id int, m catalog.Message) {
		if err := builder.Set(tag, key(id), m); err != nil {
			panic(err) // a mistake in a sentence
		}
	}
	for id, e := range entries {
		set(language.SimplifiedChinese, id, catalog.String(e.chinese))
		if e.one == "" {
			set(language.English, id, catalog.String(e.english))
		} else {
			set(language.English, id, plural.Selectf(1, "%d", plural.One, e.one, plural.Other, e.english))
		}
	}
	return builder
})

func key(id int) string { return strconv.Itoa(id) }
