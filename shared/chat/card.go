package chat

import (
	"encoding/json"
	"strings"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/text"
)

// Card is the part of a cards v2 message that Deputy uses. Its texts are plain; they are escaped where Chat reads HTML.
type Card struct {
	Title    string
	Subtitle string
	Sections []Section
}

// Section is a part of a card. It needs at least one widget.
type Section struct {
	Header  string
	Widgets []Widget
}

// Widget is a paragraph, a labeled text, a row of buttons, or a form field.
type Widget struct {
	Label      string // above the text, smaller
	Text       string
	SideButton *Button // next to the text
	Buttons    []Button
	Field      *Field
}

// Button opens a link, or sends a Click event with a value.
type Button struct {
	Text        string
	Link        config.Secret
	Value       config.Secret // sealed by the package that opens it
	Primary     bool          // highlighted as the main button
	OpensDialog bool          // it opens a dialog
	Required    []string      // fields that must be filled in first
}

// Size returns the card's size as JSON, in bytes, without the endpoint's URL in its buttons.
func (c *Card) Size() int {
	text, err := json.Marshal(c.wire(clickFunction))
	if err != nil {
		panic(err) // impossible: only strings, numbers and booleans
	}
	return len(text)
}

// wire returns the card in Google's format. function is what a click calls.
func (c *Card) wire(function string) *wireCard {
	out := &wireCard{}
	out.Header.Title, out.Header.Subtitle = text.Clean(c.Title), text.Clean(c.Subtitle)
	for _, s := range c.Sections {
		section := wireSection{Header: escape(s.Header)}
		for _, w := range s.Widgets {
			section.Widgets = append(section.Widgets, w.wire(function))
		}
		out.Sections = append(out.Sections, section)
	}
	return out
}

func (w Widget) wire(function string) wireWidget {
	out := wireWidget{}
	body := escape(w.Text)
	switch {
	case w.Field != nil:
		w.Field.writeTo(&out)
	case len(w.Buttons) > 0:
		for _, b := range w.Buttons {
			out.ButtonList.Buttons = append(out.ButtonList.Buttons, b.wire(function))
		}
	case w.Label != "" || w.SideButton != nil:
		out.DecoratedText = &wireDecoratedText{TopLabel: text.Clean(w.Label), Text: body, WrapText: true}
		if w.SideButton != nil {
			out.DecoratedText.Button = new(w.SideButton.wire(function))
		}
	default:
		out.TextParagraph = &wireTextParagraph{Text: body}
	}
	return out
}

func (b Button) wire(function string) wireButton {
	out := wireButton{Text: b.Text}
	if b.Primary {
		out.Type = "FILLED"
	}
	if !b.Link.Empty() {
		out.OnClick.OpenLink.URL = b.Link.Reveal()
		return out
	}
	out.OnClick.Action = &wireAction{
		Function: function, LoadIndicator: "SPINNER", RequiredWidgets: b.Required,
		Parameters: []wireParameter{{Key: valueKey, Value: b.Value.Reveal()}},
	}
	if b.OpensDialog {
		out.OnClick.Action.Interaction = "OPEN_DIALOG"
	}
	return out
}

// escape escapes text where Chat expects HTML, without characters that hide or turn what follows. Chat decodes only
// these three entities, and no numeric ones.
// https://developers.google.com/workspace/chat/format-messages#card-formatting
func escape(s string) string { return entities.Replace(text.Clean(s)) }

var entities = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
