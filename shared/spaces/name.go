package spaces

import "strconv"

// maxNumber limits the numbers that NextName recognizes.
const maxNumber = 100

// NextName returns the name to try after taken, which is the name that was asked for or an earlier result: the asked
// name followed by the next number, within Chat's limit for a name. A number in the asked name is part of that name.
func NextName(asked, taken string) string {
	for n := 2; n <= maxNumber; n++ {
		if numbered(asked, n) == taken {
			return numbered(asked, n+1)
		}
	}
	return numbered(taken, 2)
}

func numbered(name string, n int) string {
	suffix := " " + strconv.Itoa(n)
	runes := []rune(name)
	return string(runes[:min(len(runes), MaxName-len(suffix))]) + suffix
}
