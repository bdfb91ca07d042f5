package config

import (
	"fmt"
	"log/slog"
)

const redacted = "[redacted]"

// Secret is a value that cannot print itself: a token, a code, a state, a
// client secret, an address that carries one. Only Reveal gives it out, so that
// every place that does can be found by name. Its zero value is empty.
//
// The text is behind a pointer because fmt reads unexported fields by
// reflection, without asking Format: there it prints the pointer.
type Secret struct{ text *string }

// NewSecret is a secret with this text.
func NewSecret[T ~string | ~[]byte](text T) Secret {
	if len(text) == 0 {
		return Secret{}
	}
	s := string(text)
	return Secret{&s}
}

// Reveal gives the value to the one who needs it.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// Empty reports whether there is no value.
func (s Secret) Empty() bool { return s.text == nil }

// Equal reports whether both hold the same value. It is not for comparing what
// a stranger sent with what they have to know: its time depends on the values.
func (s Secret) Equal(other Secret) bool { return s.Reveal() == other.Reveal() }

// Format keeps every verb of fmt from the value.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// String keeps the value from whoever asks for its text.
func (s Secret) String() string { return redacted }

// LogValue keeps the value from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText keeps the value from encoding/json and its like.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// UnmarshalText reads a value, such as one that came as JSON.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = NewSecret(text)
	return nil
}
