package chat

import (
	"slices"
)

// FieldKind is how a field of a form looks.
type FieldKind int

// The fields there are (chat-protocol.md 4.3).
const (
	Line      FieldKind = iota // one line of text
	Paragraph                  // several
	Choice                     // one of the options, from a menu
	Radio                      // one of the options, all in view
	Switch                     // on is the value "on"
	People                     // of the person's own organization: users/{id}
)

// On is what a Switch holds that is on; one that is off holds nothing.
const On = "on"

// Field is a field of a form. What it holds comes back in Event.Inputs under
// its name.
type Field struct {
	Kind    FieldKind
	Name    string
	Label   string
	Hint    string   // of texts
	Limit   int      // characters of a text, or people; 0 is none
	Values  []string // what it holds at first
	Options []Option // of Choice and Radio; for People, names of those in Values
}

// Option is one of a field's choices.
type Option struct{ Value, Text string }

// put writes the field into a widget.
func (f *Field) put(out *wireWidget) {
	switch f.Kind {
	case Line, Paragraph:
		out.TextInput = &wireTextInput{Name: f.Name, Label: f.Label, HintText: f.Hint, Type: "SINGLE_LINE"}
		if f.Kind == Paragraph {
			out.TextInput.Type = "MULTIPLE_LINE"
		}
		if len(f.Values) > 0 {
			out.TextInput.Value = f.Values[0]
		}
		if f.Limit > 0 {
			out.TextInput.Validation = &wireValidation{CharacterLimit: f.Limit, InputType: "TEXT"}
		}
	case Switch:
		out.DecoratedText = &wireDecoratedText{Text: escape(f.Label), WrapText: true, SwitchControl: &wireSwitch{
			Name: f.Name, Value: On, Selected: slices.Contains(f.Values, On), ControlType: "SWITCH",
		}}
	case People:
		out.SelectionInput = &wireSelectionInput{
			Name: f.Name, Label: f.Label, Type: "MULTI_SELECT", MultiSelectMaxSelectedItems: f.Limit, MultiSelectMinQueryLength: 1,
			PlatformDataSource: &wirePlatformDataSource{CommonDataSource: "USER"},
		}
		for _, v := range f.Values {
			out.SelectionInput.Items = append(out.SelectionInput.Items, wireSelectionItem{Text: f.text(v), Value: v, Selected: true})
		}
	case Choice, Radio:
		out.SelectionInput = &wireSelectionInput{Name: f.Name, Label: f.Label, Type: "DROPDOWN"}
		if f.Kind == Radio {
			out.SelectionInput.Type = "RADIO_BUTTON"
		}
		for _, o := range f.Options {
			out.SelectionInput.Items = append(out.SelectionInput.Items, wireSelectionItem{Text: o.Text, Value: o.Value, Selected: slices.Contains(f.Values, o.Value)})
		}
	}
}

// text is what an option is called.
func (f *Field) text(value string) string {
	for _, o := range f.Options {
		if o.Value == value {
			return o.Text
		}
	}
	return value
}
