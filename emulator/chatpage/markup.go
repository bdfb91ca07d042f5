package chatpage

import (
	"html"
	"html/template"
	"regexp"
	"strings"

	"example.com/deputy/emulator/google"
)

// The markup of messages (workspace/chat/format-messages), in HTML-escaped text.
var (
	mention   = regexp.MustCompile(`&lt;(users/[^&]+)&gt;`)
	namedLink = regexp.MustCompile(`&lt;(https?://[^|&\s]+)\|([^&]+)&gt;`)
	plainURL  = regexp.MustCompile(`(^|[\s(])(https?://[^\s<)]+)`)
	// Markdown uses other markers (Google's guide "Format messages").
	markdownLink  = regexp.MustCompile(`\[([^\]\n]+)\]\((https?://[^\s)]+)\)`)
	markdownMarks = []mark{
		{regexp.MustCompile("```\n?((?s:.+?))```"), "pre"},
		{regexp.MustCompile("`([^`\n]+)`"), "code"},
		{regexp.MustCompile(`(^|[\s(])\*\*([^\s*](?:[^*\n]*[^\s*])?)\*\*`), "b"},
		{regexp.MustCompile(`(^|[\s(])[*_]([^\s*_](?:[^*_\n]*[^\s*_])?)[*_]`), "i"},
		{regexp.MustCompile(`(^|[\s(])~~([^\s~](?:[^~\n]*[^\s~])?)~~`), "s"},
	}
	chatMarks = []mark{
		{regexp.MustCompile("```\n?((?s:.+?))```"), "pre"},
		{regexp.MustCompile("`([^`\n]+)`"), "code"},
		{regexp.MustCompile(`(^|[\s(])\*([^\s*](?:[^*\n]*[^\s*])?)\*`), "b"},
		{regexp.MustCompile(`(^|[\s(])_([^\s_](?:[^_\n]*[^\s_])?)_`), "i"},
		{regexp.MustCompile(`(^|[\s(])~([^\s~](?:[^~\n]*[^\s~])?)~`), "s"},
	}
)

// mark is a marker and its HTML element.
type mark struct {
	find *regexp.Regexp
	tag  string
}

// renderText renders the text of a message in its markup syntax.
func renderText(text, syntax string, people []google.Person) template.HTML {
	marks, link, anchor := chatMarks, namedLink, `<a target="_blank" rel="noopener" href="$1">$2</a>`
	if syntax == google.Markdown {
		marks, link, anchor = markdownMarks, markdownLink, `<a target="_blank" rel="noopener" href="$2">$1</a>`
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
		replacement := "<" + m.tag + ">$1</" + m.tag + ">"
		if m.find.NumSubexp() == 2 {
			replacement = "$1<" + m.tag + ">$2</" + m.tag + ">"
		}
		out = m.find.ReplaceAllString(out, replacement)
	}
	out = link.ReplaceAllString(out, anchor)
	out = plainURL.ReplaceAllString(out, `$1<a target="_blank" rel="noopener" href="$2">$2</a>`)
	return template.HTML(out) //nolint:gosec // escaped above
}

// elements matches the tags that a card's text can have (workspace/chat/format-messages).
var elements = regexp.MustCompile(`</?(?:b|i|u|s)>|<br ?/?>|<a href=["'](https?://[^"'<>]*)["']>|</a>`)

// formatted renders the text of a card. It keeps the allowed elements and escapes everything else.
func formatted(text string) template.HTML {
	var out strings.Builder
	escape := func(s string) string { return html.EscapeString(html.UnescapeString(s)) }
	last := 0
	for _, m := range elements.FindAllStringSubmatchIndex(text, -1) {
		out.WriteString(escape(text[last:m[0]]))
		if last = m[1]; m[2] >= 0 {
			out.WriteString(`<a target="_blank" rel="noopener" href="` + escape(text[m[2]:m[3]]) + `">`)
		} else {
			out.WriteString(text[m[0]:m[1]])
		}
	}
	out.WriteString(escape(text[last:]))
	return template.HTML(out.String()) //nolint:gosec // escaped above
}
