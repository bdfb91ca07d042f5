package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// InMessage returns a text such that a message of Chat shows it as text, in Chat's own markup and in Markdown
// (workspace/chat/format-messages). Neither has an escape, so characters that would begin a mention, a link or a format
// become others that look like them.
func InMessage(s string) string {
	s = strings.NewReplacer("<", "‹", ">", "›", "*", "∗", "~", "∼", "`", "ˋ", "](", "] (").Replace(s)
	if !strings.Contains(s, "_") {
		return s
	}
	var out strings.Builder
	for i, r := range s {
		before, _ := utf8.DecodeLastRuneInString(s[:i])
		after, _ := utf8.DecodeRuneInString(s[i+1:])
		if r == '_' && (!isWord(before) || !isWord(after)) { // within a word, it formats nothing
			r = '＿'
		}
		out.WriteRune(r)
	}
	return out.String()
}

func isWord(r rune) bool { return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r)) }
