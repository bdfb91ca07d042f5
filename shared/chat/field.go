package chat

import (
	"slices"
	"unicode/utf8"
)

// FieldKind is the kind of a form field.
type FieldKind int

// The kinds of fields (workspace/chat/read-form-data).
const (
	Line      FieldKind = iota // one line of text
	Paragraph                  // several lines of text
	Choice                     // one option from a menu
	Radio                      // one of several radio buttons
	Switch                     // on or off
	People                     // people of the person's own organization, as users/{id}
)

// On is the value of a Switch that is on. One that is off has no value.
const On = "on"

// Field is a form field. Its values are in Event.Inputs when the form is submitted.
type Field struct {
	Kind    FieldKind
	Name    string
	Label   string
	Hint    string   // of Line and Paragraph
	Limit   int      // in characters, or people; 0 means none
	Values  []string // initial values
	Options []Option // of Choice and Radio; for People, the names of the initial values
}

// Option is one of a field's options.
type Option struct{ Value, Text string }

// writeTo sets the widget to this field.
func (f *Field) writeTo(out *wireWidget) {
	switch f.Kind {
	case Line, Paragraph:
		out.TextInput = &wireTextInput{Name: f.Name, Label: f.Label, HintText: f.Hint, Type: "SINGLE_LINE"}
		if f.Kind == Paragraph {
			out.TextInput.Type = "MULTIPLE_LINE"
		}
		if len(f.Values) > 0 {
			out.TextInput.Value = f.Values[0]
		}
		// Chat might refuse a field whose own value exceeds its limit; then the person would not see the error.
		if f.Limit > 0 && utf8.RuneCountInString(out.TextInput.Value) <= f.Limit {
			out.TextInput.Validation.CharacterLimit, out.TextInput.Validation.InputType = f.Limit, "TEXT"
		}
	case Switch:
		out.DecoratedText = &wireDecoratedText{Text: escape(f.Label), WrapText: true, SwitchControl: &wireSwitch{
			Name: f.Name, Value: On, Selected: slices.Contains(f.Values, On), ControlType: "SWITCH",
		}}
	case People:
		out.SelectionInput = &wireSelectionInput{
			Name: f.Name, Label: f.Label, Type: "MULTI_SELECT",
			MultiSelectMaxSelectedItems: f.Limit, MultiSelectMinQueryLength: 1,
		}
		out.SelectionInput.PlatformDataSource.CommonDataSource = "USER"
		for _, v := range f.Values {
			item := wireSelectionItem{Text: f.optionText(v), Value: v, Selected: true}
			out.SelectionInput.Items = append(out.SelectionInput.Items, item)
		}
	case Choice, Radio:
		out.SelectionInput = &wireSelectionInput{Name: f.Name, Label: f.Label, Type: "DROPDOWN"}
		if f.Kind == Radio {
			out.SelectionInput.Type = "RADIO_BUTTON"
		}
		for _, o := range f.Options {
			item := wireSelectionItem{Text: o.Text, Value: o.Value, Selected: slices.Contains(f.Values, o.Value)}
			out.SelectionInput.Items = append(out.SelectionInput.Items, item)
		}
	}
}

// optionText returns the text of the option with this value, or the value itself.
func (f *Field) optionText(value string) string {
	for _, o := range f.Options {
		if o.Value == value {
			return o.Text
		}
	}
	return value
}
