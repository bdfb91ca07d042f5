// Package i18n formats messages in a person's language. The texts are in locales, one file per language in go-i18n's
// JSON format; package words names their keys. To add a language, add its file.
package i18n

import (
	"cmp"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	"github.com/nicksnyder/go-i18n/v2/i18n/template"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

//go:embed locales
var locales embed.FS

// Text is a text by its key, or empty. Arguments fill its fmt verbs.
type Text struct {
	key     string // in locales
	english string // of a text that is not translated
}

// Key returns the text with a key, such as "form.name". The key says where the text appears.
func Key(key string) Text { return Text{key: key} }

// MarshalText implements encoding.TextMarshaler with the key. A text without a key becomes the empty text.
func (t Text) MarshalText() ([]byte, error) { return []byte(t.key), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *Text) UnmarshalText(key []byte) error {
	t.key = string(key)
	return nil
}

// English returns a text for systems and operators, which is not translated.
// Don't use it for people in Chat or in a browser.
func English(format string) Text { return Text{english: format} }

// InternalError is the text for an error that has none of its own. Its argument is the reference that the log holds.
var InternalError = Key("error.internal")

// Say formats a text in one language. A text whose first argument is an int has plural forms.
type Say func(t Text, args ...any) string

// In returns a Say for a locale: a BCP 47 tag such as "zh-CN", or a list of them
// as in Accept-Language (RFC 9110, section 12.5.4). It falls back to English.
func In(locale string) Say { return languages().match(locale).say() }

func (l localized) say() Say {
	printer := message.NewPrinter(l.tag) // formats numbers
	return func(t Text, args ...any) string {
		if t.key == "" {
			return fmt.Sprintf(t.english, args...)
		}
		config := &i18n.LocalizeConfig{MessageID: t.key, TemplateParser: template.IdentityParser{}}
		if len(args) > 0 {
			if n, ok := args[0].(int); ok {
				config.PluralCount = n
			}
		}
		// Localize fails if this language lacks the text or its plural form. It
		// then returns the English text or the general form.
		format, err := l.localizer.Localize(config)
		return printer.Sprintf(cmp.Or(format, fmt.Sprint(err)), args...)
	}
}

// Language returns the language that In uses for a locale, for HTML's lang.
func Language(locale string) string { return languages().match(locale).tag.String() }

// catalog holds the languages and finds the one for a locale.
type catalog struct {
	languages []localized // English first: the matcher falls back to it
	matcher   language.Matcher
	cache     *lru.Cache[string, localized] // by locale
}

type localized struct {
	tag       language.Tag
	localizer *i18n.Localizer
}

var languages = sync.OnceValue(func() *catalog {
	c, err := load(locales)
	if err != nil {
		panic(err) // the files are embedded, and a test reads them
	}
	return c
})

func load(fsys fs.FS) (*catalog, error) {
	cache, err := lru.New[string, localized](100)
	if err != nil {
		return nil, err
	}
	bundle := i18n.NewBundle(language.English)
	files, err := fs.Glob(fsys, path.Join("locales", "*.json"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		if _, err := bundle.LoadMessageFileFS(fsys, file); err != nil {
			return nil, err
		}
	}
	c := &catalog{matcher: language.NewMatcher(bundle.LanguageTags()), cache: cache}
	for _, tag := range bundle.LanguageTags() {
		c.languages = append(c.languages, localized{tag, i18n.NewLocalizer(bundle, tag.String())})
	}
	return c, nil
}

// maxLocale limits how many bytes of a locale are read and cached: it comes from
// untrusted clients. A browser's list is shorter.
const maxLocale = 200

func (c *catalog) match(locale string) localized {
	if len(locale) > maxLocale {
		locale = locale[:maxLocale]
		locale = strings.Clone(locale[:max(0, strings.LastIndex(locale, ","))]) // whole tags only
	}
	if l, ok := c.cache.Get(locale); ok {
		return l
	}
	wanted, _, _ := language.ParseAcceptLanguage(locale) // a malformed list matches nothing
	_, index, _ := c.matcher.Match(wanted...)
	c.cache.Add(locale, c.languages[index])
	return c.languages[index]
}
