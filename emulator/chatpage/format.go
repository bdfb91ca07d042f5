package chatpage

import (
	"encoding"
	"fmt"
)

// Format is the form of events that an app is configured for.
type Format string

// The formats (chat-protocol.md section 0).
const (
	Classic Format = "classic"
	AddOn   Format = "addon"
)

var _ encoding.TextUnmarshaler = (*Format)(nil)

// UnmarshalText reads a flag.
func (f *Format) UnmarshalText(text []byte) error {
	switch Format(text) {
	case Classic, AddOn:
		*f = Format(text)
		return nil
	default:
		return fmt.Errorf("%q is neither classic nor addon", text)
	}
}

// MarshalText writes a flag.
func (f Format) MarshalText() ([]byte, error) { return []byte(f), nil }

// reply is what an app answered, in either format.
type reply struct {
	prompt  string   // address of "requires configuration"
	message *Message // to be shown; nil for nothing
	update  bool     // in place of the card that was clicked
	dialog  *Card    // a dialog, or the Home tab
	pushed  bool     // it came as pushCard
	renders bool     // it came in renderActions
	closes  bool     // the dialog
	toast   string   // said for a moment
}
