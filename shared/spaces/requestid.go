package spaces

import (
	"github.com/google/uuid"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/seal"
)

// requestID returns Google's requestId of an operation. A repetition has the
// same one, so Google does nothing twice. It is a UUID (version 8, RFC 9562).
func requestID(keys *seal.Keys, name string, parts ...string) (string, error) {
	code, err := keys.MAC("request", append([]string{name}, parts...)...)
	if err != nil {
		return "", fault.Wrap("spaces.requestID", err)
	}
	b := uuid.UUID(code[:16])
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80
	return b.String(), nil
}
