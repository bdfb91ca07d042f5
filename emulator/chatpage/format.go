package chatpage

import (
	"encoding"
	"fmt"
)

// Format is the format of events that an app is configured for.
type Format string

// The formats of events.
const (
	Classic Format = "classic"
	AddOn   Format = "addon"
)

var _ encoding.TextUnmarshaler = (*Format)(nil)

// UnmarshalText implements encoding.TextUnmarshaler, for flags.
func (f *Format) UnmarshalText(text []byte) error {
	switch Format(text) {
	case Classic, AddOn:
		*f = Format(text)
		return nil
	default:
		return fmt.Errorf("format is %q, want classic or addon", text)
	}
}

// MarshalText implements encoding.TextMarshaler.
func (f Format) MarshalText() ([]byte, error) { return []byte(f), nil }

// reply is an app's reply in either format.
type reply struct {
	prompt          string   // link of "requires configuration"
	message         *Message // nil if there is none
	update          bool     // message replaces the one that was clicked
	card            *Card    // of a dialog or of the Home tab
	pushed          bool     // card is a pushCard
	inRenderActions bool     // card is in renderActions
	closesDialog    bool
	toast           string
}
