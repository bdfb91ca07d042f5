package spaces

import (
	"github.com/google/uuid"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/seal"
)

// requestID is Google's requestId: the same for the same act, so that a
// repetition does nothing twice. It is the key of design stop 4 written as a
// UUID (version 8, RFC 9562).
func requestID(keys *seal.Keys, act string, parts ...string) (string, error) {
	code, err := keys.Code("request", append([]string{act}, parts...)...)
	if err != nil {
		return "", fault.Wrap("spaces.requestID", err)
	}
	b := uuid.UUID(code[:16])
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80
	return b.String(), nil
}
