package spaces

import (
	"strings"

	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/words"
)

// LikelyReason returns the likely reason why Google left out a member, for
// which it gives none (Chat API reference: spaces.members). home is the person's own domain;
// external reports whether the space allows people outside the organization.
func LikelyReason(m Member, home string, external bool) i18n.Text {
	_, domain, byEmail := strings.Cut(m.User, "@")
	switch {
	case m.group():
		return words.CreatedLeftOutGroup
	case byEmail && home != "" && domain != home && !external:
		return words.CreatedLeftOutOutside
	case byEmail && home != "" && domain != home:
		return words.CreatedLeftOutOutsideAllowed
	default:
		return words.CreatedLeftOutInside
	}
}
