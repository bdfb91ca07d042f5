package chat

import (
	"encoding/json"
	"strings"

	"example.com/deputy/shared/config"
)

// Card is a card v2 message, without what no card of Deputy uses. Texts are
// plain: they are escaped where Chat would read HTML.
type Card struct {
	Title    string
	Subtitle string
	Sections []Section
}

// Section is a part of a card; it needs at least one widget.
type Section struct {
	Header  string
	Widgets []Widget
}

// Widget is a paragraph, a labelled text, a row of buttons or a field.
type Widget struct {
	Label   string // small, above the text
	Text    string
	Aside   *Button // beside the text
	Buttons []Button
	Field   *Field
}

// Button opens a link or comes back as a Click with a value.
type Button struct {
	Text     string
	Link     config.Secret
	Value    config.Secret // sealed by whoever will open it
	Strong   bool          // the one to press
	Opens    bool          // a dialog
	Required []string      // fields that have to be filled in first
}

// Size is how many bytes the card has on the wire, but for the address that
// its buttons call.
func (c *Card) Size() int {
	text, err := json.Marshal(c.api(clicked))
	if err != nil {
		panic(err) // strings and numbers only
	}
	return len(text)
}

// api is the card as it goes over the wire. function is what a click calls.
func (c *Card) api(function string) *wireCard {
	out := &wireCard{
		Header: wireHeader{Title: c.Title, Subtitle: c.Subtitle},
	}
	for _, s := range c.Sections {
		section := wireSection{Header: escape(s.Header)}
		for _, w := range s.Widgets {
			section.Widgets = append(section.Widgets, w.api(function))
		}
		out.Sections = append(out.Sections, section)
	}
	return out
}

func (w Widget) api(function string) wireWidget {
	out := wireWidget{}
	text := escape(w.Text)
	switch {
	case w.Field != nil:
		w.Field.put(&out)
	case len(w.Buttons) > 0:
		list := &wireButtonList{}
		for _, b := range w.Buttons {
			list.Buttons = append(list.Buttons, b.api(function))
		}
		out.ButtonList = list
	case w.Label != "" || w.Aside != nil:
		out.DecoratedText = &wireDecoratedText{TopLabel: w.Label, Text: text, WrapText: true}
		if w.Aside != nil {
			out.DecoratedText.Button = new(w.Aside.api(function))
		}
	default:
		out.TextParagraph = &wireTextParagraph{Text: text}
	}
	return out
}

func (b Button) api(function string) wireButton {
	out := wireButton{Text: b.Text}
	if b.Strong {
		out.Type = "FILLED"
	}
	if !b.Link.Empty() {
		out.OnClick.OpenLink = &wireOpenLink{URL: b.Link.Reveal()}
		return out
	}
	out.OnClick.Action = &wireAction{
		Function: function, LoadIndicator: "SPINNER", RequiredWidgets: b.Required,
		Parameters: []wireParameter{{Key: valueKey, Value: b.Value.Reveal()}},
	}
	if b.Opens {
		out.OnClick.Action.Interaction = "OPEN_DIALOG"
	}
	return out
}

// escape is text for where Chat reads HTML. Chat knows the named entities of
// these three only; it would show a numeric one as it is written.
// https://developers.google.com/workspace/chat/format-messages#card-formatting
func escape(text string) string { return entities.Replace(text) }

var entities = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
