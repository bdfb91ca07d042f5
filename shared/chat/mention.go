package chat

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"example.com/deputy/shared/text"
)

// mention is a person mentioned in a command's arguments, and where: at arguments[from:to], in bytes. A person whose
// place is unknown has from and to 0.
type mention struct {
	person   Person
	from, to int
}

// mentions returns the mentioned people in the order of their annotations. An annotation's startIndex and length count
// UTF-16 units of the whole text, of which the arguments are the end. If they do not point at a mention, the name is
// looked for.
func (m message) mentions() []mention {
	arguments := string(m.ArgumentText)
	units := utf16.Encode([]rune(string(m.Text)))
	offset := len(units) - len(utf16.Encode([]rune(arguments)))
	if !strings.HasSuffix(string(m.Text), arguments) {
		units = nil
	}
	searched := map[string]int{} // where the search for another mention of a name begins
	var out []mention
	for _, a := range m.Annotations {
		u := a.UserMention.User
		if a.Type != "USER_MENTION" || u.Type == "BOT" || u.Name == "" {
			continue
		}
		found := mention{person: u.person()}
		start, end := int(a.Start), int(a.Start)+int(a.Length)
		if a.Length > 1 && start >= offset && end <= len(units) && units[start] == '@' {
			found.from = len(string(utf16.Decode(units[offset:start])))
			found.to = found.from + len(string(utf16.Decode(units[start:end])))
		} else {
			found.from, found.to = findMention(arguments, string(u.DisplayName), searched[string(u.DisplayName)])
			searched[string(u.DisplayName)] = found.to
		}
		out = append(out, found)
	}
	return out
}

// findMention returns the first place of @name at or after from that neither begins nor ends within a word.
func findMention(s, name string, from int) (int, int) {
	if name == "" {
		return 0, 0
	}
	isWord := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
	for {
		i := strings.Index(s[from:], "@"+name)
		if i < 0 {
			return 0, 0
		}
		from += i
		to := from + len("@"+name)
		before, _ := utf8.DecodeLastRuneInString(s[:from])
		after, _ := utf8.DecodeRuneInString(s[to:])
		if !isWord(before) && !isWord(after) {
			return from, to
		}
		from++
	}
}

// replaceMentions returns the arguments with each mention that was found replaced by what with returns.
func (m message) replaceMentions(with func(Person) string) string {
	all := slices.DeleteFunc(m.mentions(), func(o mention) bool { return o.to == 0 })
	slices.SortStableFunc(all, func(a, b mention) int { return cmp.Compare(a.from, b.from) })
	arguments, done := string(m.ArgumentText), 0
	var out strings.Builder
	for _, o := range all {
		if o.from >= done { // not within the one before
			out.WriteString(arguments[done:o.from] + with(o.person))
			done = o.to
		}
	}
	return out.String() + arguments[done:]
}

// arguments returns the text after the command without mentions, and the people mentioned in it.
func (m message) arguments() (string, []Person) {
	var people []Person
	for _, o := range m.mentions() {
		people = append(people, o.person)
	}
	return text.Line(m.replaceMentions(func(Person) string { return " " })), people
}

// textWithMentions returns the text after the command with its line breaks. Mentions are written as the API wants them.
func (m message) textWithMentions() string {
	return text.Clean(m.replaceMentions(func(p Person) string { return "<" + string(p.Name) + ">" }))
}
