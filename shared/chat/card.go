package chat

import (
	"encoding/json"
	"html"

	chatapi "google.golang.org/api/chat/v1"

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

// api is the card as Google's type. function is what a click calls.
func (c *Card) api(function string) *chatapi.GoogleAppsCardV1Card {
	out := &chatapi.GoogleAppsCardV1Card{
		Header: &chatapi.GoogleAppsCardV1CardHeader{Title: c.Title, Subtitle: c.Subtitle},
	}
	for _, s := range c.Sections {
		section := &chatapi.GoogleAppsCardV1Section{Header: html.EscapeString(s.Header)}
		for _, w := range s.Widgets {
			section.Widgets = append(section.Widgets, w.api(function))
		}
		out.Sections = append(out.Sections, section)
	}
	return out
}

func (w Widget) api(function string) *chatapi.GoogleAppsCardV1Widget {
	out := &chatapi.GoogleAppsCardV1Widget{}
	text := html.EscapeString(w.Text)
	switch {
	case w.Field != nil:
		w.Field.put(out)
	case len(w.Buttons) > 0:
		list := &chatapi.GoogleAppsCardV1ButtonList{}
		for _, b := range w.Buttons {
			list.Buttons = append(list.Buttons, b.api(function))
		}
		out.ButtonList = list
	case w.Label != "" || w.Aside != nil:
		out.DecoratedText = &chatapi.GoogleAppsCardV1DecoratedText{TopLabel: w.Label, Text: text, WrapText: true}
		if w.Aside != nil {
			out.DecoratedText.Button = w.Aside.api(function)
		}
	default:
		out.TextParagraph = &chatapi.GoogleAppsCardV1TextParagraph{Text: text}
	}
	return out
}

func (b Button) api(function string) *chatapi.GoogleAppsCardV1Button {
	out := &chatapi.GoogleAppsCardV1Button{Text: b.Text, OnClick: &chatapi.GoogleAppsCardV1OnClick{}}
	if b.Strong {
		out.Type = "FILLED"
	}
	if b.Link != "" {
		out.OnClick.OpenLink = &chatapi.GoogleAppsCardV1OpenLink{Url: b.Link.Reveal()}
		return out
	}
	out.OnClick.Action = &chatapi.GoogleAppsCardV1Action{
		Function: function, LoadIndicator: "SPINNER", RequiredWidgets: b.Required,
		Parameters: []*chatapi.GoogleAppsCardV1ActionParameter{{Key: valueKey, Value: b.Value.Reveal()}},
	}
	if b.Opens {
		out.OnClick.Action.Interaction = "OPEN_DIALOG"
	}
	return out
}
