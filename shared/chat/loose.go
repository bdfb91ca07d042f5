package chat

import (
	"encoding/json"
	"strconv"
	"strings"
)

// looseInt decodes a number written as 1, "1" or 1.0 (workspace/chat/receive-respond-interactions). Anything else is 0.
type looseInt int

// UnmarshalJSON implements json.Unmarshaler.
func (n *looseInt) UnmarshalJSON(b []byte) error {
	f, err := strconv.ParseFloat(strings.Trim(string(b), `"`), 64)
	if err == nil && f >= 0 && f <= 1e6 {
		*n = looseInt(f)
	}
	return nil
}

// looseBool decodes true and "true". Anything else is false.
type looseBool bool

// UnmarshalJSON implements json.Unmarshaler.
func (v *looseBool) UnmarshalJSON(b []byte) error {
	*v = strings.Trim(string(b), `"`) == "true"
	return nil
}

// looseText decodes a string. Anything else is empty, so that one bad field doesn't lose the whole event.
type looseText string

// UnmarshalJSON implements json.Unmarshaler.
func (s *looseText) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) == nil {
		*s = looseText(text)
	}
	return nil
}
