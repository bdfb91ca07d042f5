package operations

import (
	"encoding/json"
	"errors"
	"strings"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
)

// ErrChanged says that what was read is not what is there now.
var ErrChanged = errors.New("If-Match does not match")

// ETag names one state of a space or a template, in quotes (RFC 9110, 8.8.3).
func ETag(resource any) string { return `"` + Digest(string(asJSON(resource)))[:24] + `"` }

func asJSON(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // only for what has no JSON
	}
	return text
}

// match is ErrChanged in a fault, unless If-Match is absent or names the
// resource (RFC 9110, 13.1.1). nil is one that is not there.
func match(ifMatch *string, resource any) error {
	if ifMatch == nil {
		return nil
	}
	if resource != nil {
		for tag := range strings.SplitSeq(*ifMatch, ",") {
			if tag = strings.TrimSpace(tag); tag == "*" || tag == ETag(resource) {
				return nil
			}
		}
	}
	return &fault.Error{
		Op: "operations.match", Kind: fault.Conflict, Err: ErrChanged,
		Public: i18n.English("It has changed since it was read. Read it again, then retry. Nothing was done."),
	}
}
