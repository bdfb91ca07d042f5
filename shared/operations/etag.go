package operations

import (
	"encoding/json"
	"errors"
	"strings"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
)

// ErrChanged says that a resource has changed since it was read.
var ErrChanged = errors.New("If-Match does not match")

// ETag names one state of a space or a template, in quotes (RFC 9110, 8.8.3).
func ETag(resource any) string { return `"` + Digest(string(mustJSON(resource)))[:24] + `"` }

func mustJSON(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // only for a type without JSON
	}
	return text
}

// checkMatch returns ErrChanged in a Conflict fault, unless ifMatch is nil or names the resource. A nil resource does
// not exist. A weak tag counts, although RFC 9110 (13.1.1) says otherwise: proxies that compress responses mark tags
// as weak.
func checkMatch(ifMatch *string, resource any) error {
	if ifMatch == nil {
		return nil
	}
	if resource != nil {
		for tag := range strings.SplitSeq(*ifMatch, ",") {
			if tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/"); tag == "*" || tag == ETag(resource) {
				return nil
			}
		}
	}
	return &fault.Error{
		Op: "operations.checkMatch", Kind: fault.Conflict, Err: ErrChanged,
		Public: i18n.English("It has changed since you read it, so nothing was done. Read it again and retry."),
	}
}
