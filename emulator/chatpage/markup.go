package chatpage

import (
	"html"
	"html/template"
	"regexp"
	"strings"

	"example.com/deputy/emulator/google"
)

// What messages may be written with (chat-protocol.md 4.5), on text that has
// been escaped.
var (
	mention = regexp.MustCompile(`&lt;(users/[^&]+)&gt;`)
	named   = regexp.MustCompile(`&lt;(https?://[^|&\s]+)\|([^&]+)&gt;`)
	address = regexp.MustCompile(`(^|[\s(])(https?://[^\s<)]+)`)
	// Markdown has other signs for the same (format-messages page).
	link     = regexp.MustCompile(`\[([^\]\n]+)\]\((https?://[^\s)]+)\)`)
	markdown = []mark{
		{regexp.MustCompile("```\n?((?s:.+?))```"), "pre"},
		{regexp.MustCompile("`([^`\n]+)`"), "code"},
		{regexp.MustCompile(`(^|[\s(])\*\*([^\s*](?:[^*\n]*[^\s*])?)\*\*`), "b"},
		{regexp.MustCompile(`(^|[\s(])[*_]([^\s*_](?:[^*_\n]*[^\s*_])?)[*_]`), "i"},
		{regexp.MustCompile(`(^|[\s(])~~([^\s~](?:[^~\n]*[^\s~])?)~~`), "s"},
	}
	marks = []mark{
		{regexp.MustCompile("```\n?((?s:.+?))```"), "pre"},
		{regexp.MustCompile("`([^`\n]+)`"), "code"},
		{regexp.MustCompile(`(^|[\s(])\*([^\s*](?:[^*\n]*[^\s*])?)\*`), "b"},
		{regexp.MustCompile(`(^|[\s(])_([^\s_](?:[^_\n]*[^\s_])?)_`), "i"},
		{regexp.MustCompile(`(^|[\s(])~([^\s~](?:[^~\n]*[^\s~])?)~`), "s"},
	}
)

// mark is a sign and the element that it stands for.
type mark struct {
	find *regexp.Regexp
	tag  string
}

// written renders the text of a message in its syntax.
func written(text, syntax string, people []google.Person) template.HTML {
	marks, named, anchor := marks, named, `<a target="_blank" rel="noopener" href="$1">$2</a>`
	if syntax == google.Markdown {
		marks, named, anchor = markdown, link, `<a target="_blank" rel="noopener" href="$2">$1</a>`
	}
	out := mention.ReplaceAllStringFunc(html.EscapeString(text), func(m string) string {
		id := mention.FindStringSubmatch(m)[1]
		for _, p := range people {
			if id == p.User() || id == "users/"+p.Email {
				return `<span class="mention">@` + html.EscapeString(p.Name) + "</span>"
			}
		}
		return m
	})
	for _, m := range marks {
		with := "<" + m.tag + ">$1</" + m.tag + ">"
		if m.find.NumSubexp() == 2 {
			with = "$1<" + m.tag + ">$2</" + m.tag + ">"
		}
		out = m.find.ReplaceAllString(out, with)
	}
	out = named.ReplaceAllString(out, anchor)
	return template.HTML(address.ReplaceAllString(out, `$1<a target="_blank" rel="noopener" href="$2">$2</a>`)) //nolint:gosec // escaped above
}

// elements are those that a card's text may have (chat-protocol.md 4.1).
var elements = regexp.MustCompile(`</?(?:b|i|u|s)>|<br ?/?>|<a href=["'](https?://[^"'<>]*)["']>|</a>`)

// formatted renders the text of a card: the elements it may have, and nothing
// else as markup.
func formatted(text string) template.HTML {
	var out strings.Builder
	plain := func(s string) { out.WriteString(html.EscapeString(html.UnescapeString(s))) }
	last := 0
	for _, at := range elements.FindAllStringSubmatchIndex(text, -1) {
		plain(text[last:at[0]])
		if last = at[1]; at[2] >= 0 {
			out.WriteString(`<a target="_blank" rel="noopener" href="` + html.EscapeString(html.UnescapeString(text[at[2]:at[3]])) + `">`)
		} else {
			out.WriteString(text[at[0]:at[1]])
		}
	}
	plain(text[last:])
	return template.HTML(out.String()) //nolint:gosec // escaped above
}
