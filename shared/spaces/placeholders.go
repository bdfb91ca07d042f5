package spaces

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Placeholders are what the texts of a request may stand for.
type Placeholders struct {
	Title  string    // {{title}}
	Date   time.Time // {{date}}, as 2026-11-23
	Person string    // {{person}}, an e-mail address
	Seq    int64     // {{seq}}
}

// texts are those of r that are filled in.
func (r *Request) texts() []*string {
	return []*string{&r.DisplayName, &r.Description, &r.Guidelines, &r.Rest.First}
}

// Open tells whether a text of r has a placeholder.
func (r Request) Open() bool {
	return slices.ContainsFunc(r.texts(), func(text *string) bool { return placeholder.MatchString(*text) })
}

var placeholder = regexp.MustCompile(`\{\{(title|date|person|seq)\}\}`)

// Counts tells whether a text of r has {{seq}}.
func (r Request) Counts() bool {
	return slices.ContainsFunc(r.texts(), func(text *string) bool { return strings.Contains(*text, "{{seq}}") })
}

// Filled is r with its placeholders filled in. What is filled in is not read
// again: a title may have braces.
func (r Request) Filled(p Placeholders) Request {
	fill := strings.NewReplacer(
		"{{title}}", p.Title, "{{date}}", p.Date.Format(time.DateOnly), "{{person}}", p.Person, "{{seq}}", strconv.FormatInt(p.Seq, 10),
	)
	for _, text := range r.texts() {
		*text = fill.Replace(*text)
	}
	return r
}
