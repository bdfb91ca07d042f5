package config

import (
	"fmt"
	"log/slog"
)

const redacted = "[redacted]"

// Secret is a value that fmt, slog and encoding/json print as redacted, such as a
// token or a client secret. Only Reveal returns the value. The zero value is empty.
//
// The text is behind a pointer because fmt prints unexported fields by reflection,
// without calling Format. For a pointer it prints only the address.
type Secret struct{ text *string }

// NewSecret returns a Secret that holds text.
func NewSecret[T ~string | ~[]byte](text T) Secret {
	if len(text) == 0 {
		return Secret{}
	}
	s := string(text)
	return Secret{&s}
}

// Reveal returns the value.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// Empty reports whether the value is empty.
func (s Secret) Empty() bool { return s.text == nil }

// Equal reports whether both hold the same value. It is not constant-time, so do not
// use it to authenticate a value that a client sent.
func (s Secret) Equal(other Secret) bool { return s.Reveal() == other.Reveal() }

// Format implements fmt.Formatter. It hides the value for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// String implements fmt.Stringer. It hides the value.
func (s Secret) String() string { return redacted }

// LogValue implements slog.LogValuer. It hides the value.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements encoding.TextMarshaler. It hides the value.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = NewSecret(text)
	return nil
}
