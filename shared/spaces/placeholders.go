package spaces

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
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
	return slices.ContainsFunc(r.texts(), func(text *string) bool { return placeholder.MatchString(*text) })
}

var placeholder = regexp.MustCompile(`\{\{(title|date|person|seq)\}\}`)

// UsesSeq reports whether a text of r has {{seq}}.
func (r Request) UsesSeq() bool {
	return slices.ContainsFunc(r.texts(), func(text *string) bool { return strings.Contains(*text, "{{seq}}") })
}

// FillIn returns r with its placeholders filled in. The inserted values are not
// filled in again: a title may have braces.
func (r Request) FillIn(p Placeholders) Request {
	fill := strings.NewReplacer(
		"{{title}}", p.Title, "{{date}}", p.Date.Format(time.DateOnly),
		"{{person}}", p.Person, "{{seq}}", strconv.FormatInt(p.Seq, 10),
	)
	for _, text := range r.texts() {
		*text = fill.Replace(*text)
	}
	return r
}
