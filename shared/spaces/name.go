package spaces

import "strconv"

// A TakenName is the display name of an existing space.
type TakenName struct {
	Name  string
	Asked string // the name that was asked for, if Name is an earlier result of Next
}

// maxNumber limits the numbers that Next recognizes.
const maxNumber = 100

// Next returns the name to try next: the name that was asked for, followed by the next number, within Chat's limit for
// a name. A number in the name that was asked for is part of that name.
func (t TakenName) Next() string {
	for n := 2; n <= maxNumber; n++ {
		if numbered(t.Asked, n) == t.Name {
			return numbered(t.Asked, n+1)
		}
	}
	return numbered(t.Name, 2)
}

func numbered(name string, n int) string {
	suffix := " " + strconv.Itoa(n)
	runes := []rune(name)
	return string(runes[:min(len(runes), MaxName-len(suffix))]) + suffix
}
