package spaces

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/deputy/shared/text"
)

// Placeholders holds the values of the placeholders in the texts of a request.
type Placeholders struct {
	Title  string    // {{title}}
	Date   time.Time // {{date}}, formatted as 2026-11-23
	Person string    // {{person}}, an email address
	Seq    int64     // {{seq}}
}

// texts returns the texts that may have placeholders.
func (r *Request) texts() []*string {
	return []*string{&r.DisplayName, &r.Description, &r.Guidelines, &r.Rest.FirstMessage}
}

// HasPlaceholders reports whether a text of r has a placeholder.
func (r Request) HasPlaceholders() bool {
	return slices.ContainsFunc(r.texts(), func(field *string) bool { return placeholder.MatchString(*field) })
}

var placeholder = regexp.MustCompile(`\{\{(title|date|person|seq)\}\}`)

// UsesSeq reports whether a text of r has {{seq}}.
func (r Request) UsesSeq() bool {
	return slices.ContainsFunc(r.texts(), func(field *string) bool { return strings.Contains(*field, "{{seq}}") })
}

// FillIn returns r with its placeholders filled in. The inserted values are not filled in again: a title may have
// braces. In the message, they are text, never markup: a caller that chooses the title must not mention everybody as
// the person.
func (r Request) FillIn(p Placeholders) Request {
	fill := func(title, person string) *strings.Replacer {
		return strings.NewReplacer("{{title}}", title, "{{person}}", person,
			"{{date}}", p.Date.Format(time.DateOnly), "{{seq}}", strconv.FormatInt(p.Seq, 10))
	}
	message := fill(text.InMessage(p.Title), text.InMessage(p.Person)).Replace(r.Rest.FirstMessage)
	for _, field := range r.texts() {
		*field = fill(p.Title, p.Person).Replace(*field)
	}
	r.Rest.FirstMessage = message
	return r
}
