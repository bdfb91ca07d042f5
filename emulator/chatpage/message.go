package chatpage

import (
	"encoding/json"
	"maps"
	"reflect"
	"strings"
)

// The types below are the parts of messages and cards v2 that the page shows. Their names are those of the Chat API's
// discovery document, which package google validates against.

// Message is a message, or a classic app's reply.
type Message struct {
	ActionResponse       *ActionResponse `json:"actionResponse,omitempty"`
	CardsV2              []*CardWithID   `json:"cardsV2,omitempty"`
	PrivateMessageViewer *User           `json:"privateMessageViewer,omitempty"`
	Text                 string          `json:"text,omitempty"`
	Rest                 `json:"-"`
}

// User is a user by resource name.
type User struct {
	Name string `json:"name,omitempty"`
}

// ActionResponse is how Chat handles a reply.
type ActionResponse struct {
	Type         string        `json:"type,omitempty"`
	Url          string        `json:"url,omitempty"` //nolint:revive // as in google.golang.org/api
	DialogAction *DialogAction `json:"dialogAction,omitempty"`
}

// DialogAction opens or closes a dialog.
type DialogAction struct {
	Dialog       *Dialog       `json:"dialog,omitempty"`
	ActionStatus *ActionStatus `json:"actionStatus,omitempty"`
}

// Dialog is a dialog with a card.
type Dialog struct {
	Body *Card `json:"body,omitempty"`
}

// ActionStatus is the result of a dialog.
type ActionStatus struct {
	UserFacingMessage string `json:"userFacingMessage,omitempty"`
}

// CardWithID is a card of a message.
type CardWithID struct {
	CardID string `json:"cardId,omitempty"`
	Card   *Card  `json:"card,omitempty"`
}

// Card is a card v2.
type Card struct {
	CardActions []json.RawMessage `json:"cardActions,omitempty"`
	FixedFooter *FixedFooter      `json:"fixedFooter,omitempty"`
	Header      *Header           `json:"header,omitempty"`
	Sections    []*Section        `json:"sections,omitempty"`
	Rest        `json:"-"`
}

// FixedFooter has the buttons below a card.
type FixedFooter struct {
	PrimaryButton   *Button `json:"primaryButton,omitempty"`
	SecondaryButton *Button `json:"secondaryButton,omitempty"`
}

// Header is a card's header.
type Header struct {
	Title    string `json:"title,omitempty"`
	Subtitle string `json:"subtitle,omitempty"`
}

// Section is a section of a card.
type Section struct {
	Header  string    `json:"header,omitempty"`
	Widgets []*Widget `json:"widgets,omitempty"`
}

// Widget is a union: at most one of its pointers is set.
type Widget struct {
	TextParagraph  *TextParagraph  `json:"textParagraph,omitempty"`
	DecoratedText  *DecoratedText  `json:"decoratedText,omitempty"`
	ButtonList     *ButtonList     `json:"buttonList,omitempty"`
	TextInput      *TextInput      `json:"textInput,omitempty"`
	SelectionInput *SelectionInput `json:"selectionInput,omitempty"`
	Divider        *struct{}       `json:"divider,omitempty"`
	Image          *Image          `json:"image,omitempty"`
	Rest           `json:"-"`
}

// TextParagraph is a text without labels.
type TextParagraph struct {
	Text string `json:"text,omitempty"`
}

// DecoratedText is a text with labels and a button or a switch.
type DecoratedText struct {
	TopLabel      string         `json:"topLabel,omitempty"`
	Text          string         `json:"text,omitempty"`
	BottomLabel   string         `json:"bottomLabel,omitempty"`
	Button        *Button        `json:"button,omitempty"`
	SwitchControl *SwitchControl `json:"switchControl,omitempty"`
}

// SwitchControl is a switch.
type SwitchControl struct {
	Name     string `json:"name,omitempty"`
	Value    string `json:"value,omitempty"`
	Selected bool   `json:"selected,omitempty"`
}

// ButtonList is a row of buttons.
type ButtonList struct {
	Buttons []*Button `json:"buttons,omitempty"`
}

// Button calls the app, or opens a link.
type Button struct {
	Text    string          `json:"text,omitempty"`
	Type    string          `json:"type,omitempty"`
	Color   json.RawMessage `json:"color,omitempty"`
	OnClick *OnClick        `json:"onClick,omitempty"`
}

// OnClick is a button's effect.
type OnClick struct {
	Action   *Action   `json:"action,omitempty"`
	OpenLink *OpenLink `json:"openLink,omitempty"`
}

// Action calls the app.
type Action struct {
	Function           string             `json:"function,omitempty"`
	Interaction        string             `json:"interaction,omitempty"`
	LoadIndicator      string             `json:"loadIndicator,omitempty"`
	Parameters         []*ActionParameter `json:"parameters,omitempty"`
	AllWidgetsRequired bool               `json:"allWidgetsAreRequired,omitempty"`
	RequiredWidgets    []string           `json:"requiredWidgets,omitempty"`
	PersistValues      bool               `json:"persistValues,omitempty"`
}

// ActionParameter is a parameter of an Action.
type ActionParameter struct {
	Key   string `json:"key,omitempty"`
	Value string `json:"value,omitempty"`
}

// OpenLink opens a URL.
type OpenLink struct {
	Url string `json:"url,omitempty"` //nolint:revive // as in google.golang.org/api
}

// TextInput is a text field.
type TextInput struct {
	Name       string      `json:"name,omitempty"`
	Label      string      `json:"label,omitempty"`
	HintText   string      `json:"hintText,omitempty"`
	Type       string      `json:"type,omitempty"`
	Value      string      `json:"value,omitempty"`
	Validation *Validation `json:"validation,omitempty"`
}

// Validation limits the input of a field.
type Validation struct {
	CharacterLimit int64  `json:"characterLimit,omitempty"`
	InputType      string `json:"inputType,omitempty"`
}

// SelectionInput is a menu, or a selection of people.
type SelectionInput struct {
	Name                        string           `json:"name,omitempty"`
	Label                       string           `json:"label,omitempty"`
	Type                        string           `json:"type,omitempty"`
	Items                       []*SelectionItem `json:"items,omitempty"`
	MultiSelectMaxSelectedItems int64            `json:"multiSelectMaxSelectedItems,omitempty"`
	PlatformDataSource          json.RawMessage  `json:"platformDataSource,omitempty"`
}

// SelectionItem is an item of a SelectionInput.
type SelectionItem struct {
	Text     string `json:"text,omitempty"`
	Value    string `json:"value,omitempty"`
	Selected bool   `json:"selected,omitempty"`
}

// Image is a picture.
type Image struct {
	ImageUrl string `json:"imageUrl,omitempty"` //nolint:revive // as in google.golang.org/api
	AltText  string `json:"altText,omitempty"`
}

// Rest has the fields of an object that its Go type lacks.
type Rest map[string]json.RawMessage

// UnmarshalJSON implements json.Unmarshaler.
func (m *Message) UnmarshalJSON(text []byte) (err error) {
	type plain Message
	m.Rest, err = decode(text, (*plain)(m))
	return err
}

// MarshalJSON implements json.Marshaler.
func (m Message) MarshalJSON() ([]byte, error) {
	type plain Message
	return encode(plain(m), m.Rest)
}

// UnmarshalJSON implements json.Unmarshaler.
func (c *Card) UnmarshalJSON(text []byte) (err error) {
	type plain Card
	c.Rest, err = decode(text, (*plain)(c))
	return err
}

// MarshalJSON implements json.Marshaler.
func (c Card) MarshalJSON() ([]byte, error) {
	type plain Card
	return encode(plain(c), c.Rest)
}

// UnmarshalJSON implements json.Unmarshaler.
func (w *Widget) UnmarshalJSON(text []byte) (err error) {
	type plain Widget
	w.Rest, err = decode(text, (*plain)(w))
	return err
}

// MarshalJSON implements json.Marshaler.
func (w Widget) MarshalJSON() ([]byte, error) {
	type plain Widget
	return encode(plain(w), w.Rest)
}

// decode decodes an object into the struct that v points to and returns the fields that the struct lacks.
func decode(text []byte, v any) (Rest, error) {
	if err := json.Unmarshal(text, v); err != nil {
		return nil, err
	}
	var rest Rest
	if err := json.Unmarshal(text, &rest); err != nil {
		return nil, err
	}
	known := reflect.TypeOf(v).Elem()
	for i := range known.NumField() {
		name, _, _ := strings.Cut(known.Field(i).Tag.Get("json"), ",")
		delete(rest, name)
	}
	return rest, nil
}

func encode(known any, rest Rest) ([]byte, error) {
	text, err := json.Marshal(known)
	if err != nil || len(rest) == 0 {
		return text, err
	}
	all := Rest{}
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, err
	}
	maps.Copy(all, rest)
	return json.Marshal(all)
}
