package createspace

import (
	"encoding/json"
	"errors"
	"strings"

	"example.com/deputy/shared/api"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/words"
)

// errChanged says that what was read is not what is there now.
var errChanged = errors.New("If-Match does not match")

// etag names one state of a resource as the API shows it.
func etag(resource any) *string {
	text, err := json.Marshal(resource)
	if err != nil {
		panic(err) // a mistake in the document
	}
	return new(`"` + operations.Digest(string(text))[:24] + `"`)
}

// match is errChanged in a fault, unless If-Match is absent or names the
// resource (RFC 9110, 13.1.1). nil is one that is not there.
func match(ifMatch *api.IfMatch, resource any) error {
	if ifMatch == nil {
		return nil
	}
	if resource != nil {
		for tag := range strings.SplitSeq(*ifMatch, ",") {
			if tag = strings.TrimSpace(tag); tag == "*" || tag == *etag(resource) {
				return nil
			}
		}
	}
	return &fault.Error{
		Op: "createspace.match", Kind: fault.Conflict, Err: errChanged,
		Public: words.English("It has changed since it was read. Read it again, then retry. Nothing was done."),
	}
}
