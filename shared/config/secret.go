package config

import (
	"fmt"
	"log/slog"
)

const redacted = "[redacted]"

// Secret is a value that cannot print itself: a token, a code, a state, a
// client secret, an address that carries one. Only Reveal gives it out, so
// that every place that does can be found by name.
type Secret string

// Reveal gives the value to the one who needs it.
func (s Secret) Reveal() string { return string(s) }

// Format keeps every verb of fmt from the value.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// String keeps the value from whoever asks for its text.
func (s Secret) String() string { return redacted }

// LogValue keeps the value from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText keeps the value from encoding/json and its like.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
