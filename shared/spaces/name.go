package spaces

import (
	"regexp"
	"strconv"
)

var numbered = regexp.MustCompile(`^(.*) (\d{1,3})$`)

// NextName returns the name followed by the next number, within Chat's limit for a name.
func NextName(name string) string {
	n := 2
	if m := numbered.FindStringSubmatch(name); m != nil {
		last, _ := strconv.Atoi(m[2]) // the pattern has only digits
		name, n = m[1], last+1
	}
	suffix := " " + strconv.Itoa(n)
	runes := []rune(name)
	return string(runes[:min(len(runes), MaxName-len(suffix))]) + suffix
}
