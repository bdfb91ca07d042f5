package i18n

// Entry is a sentence in each language, for tests.
type Entry struct{ One, English, Chinese string }

// Entries are all sentences.
func Entries() []Entry {
	var out []Entry
	for _, e := range entries[1:] {
		out = append(out, Entry{e.one, e.english, e.chinese})
	}
	return out
}

// Kept is how many bytes of locales are remembered.
func Kept() int {
	kept := 0
	for _, locale := range matched.Keys() {
		kept += len(locale)
	}
	return kept
}
