package chat

// The types below are the parts of Chat's messages and cards v2 that Deputy uses, named as in the Chat API
// (google.golang.org/api/chat/v1). Google's types each have a MarshalJSON, and encoding/json parses its output again at
// every enclosing level, which takes a third of an event's time. A test decodes this JSON with Google's types.

type wireMessage struct {
	ActionResponse       *wireActionResponse `json:"actionResponse,omitempty"`
	CardsV2              []wireCardWithID    `json:"cardsV2,omitempty"`
	FallbackText         string              `json:"fallbackText,omitempty"`
	PrivateMessageViewer *wireUser           `json:"privateMessageViewer,omitempty"`
}

type wireUser struct {
	Name string `json:"name,omitempty"`
}

type wireActionResponse struct {
	DialogAction *wireDialogAction `json:"dialogAction,omitempty"`
	Type         string            `json:"type,omitempty"`
	URL          string            `json:"url,omitempty"`
}

type wireDialogAction struct {
	ActionStatus *wireActionStatus `json:"actionStatus,omitempty"`
	Dialog       *wireDialog       `json:"dialog,omitempty"`
}

type wireActionStatus struct {
	StatusCode string `json:"statusCode,omitempty"`
}

type wireDialog struct {
	Body *wireCard `json:"body,omitempty"`
}

type wireCardWithID struct {
	Card   *wireCard `json:"card,omitempty"`
	CardID string    `json:"cardId,omitempty"`
}

type wireCard struct {
	Header   wireHeader    `json:"header"`
	Sections []wireSection `json:"sections,omitempty"`
}

type wireHeader struct {
	Subtitle string `json:"subtitle,omitempty"`
	Title    string `json:"title,omitempty"`
}

type wireSection struct {
	Header  string       `json:"header,omitempty"`
	Widgets []wireWidget `json:"widgets,omitempty"`
}

type wireWidget struct {
	ButtonList     *wireButtonList     `json:"buttonList,omitempty"`
	DecoratedText  *wireDecoratedText  `json:"decoratedText,omitempty"`
	SelectionInput *wireSelectionInput `json:"selectionInput,omitempty"`
	TextInput      *wireTextInput      `json:"textInput,omitempty"`
	TextParagraph  *wireTextParagraph  `json:"textParagraph,omitempty"`
}

type wireTextParagraph struct {
	Text string `json:"text,omitempty"`
}

type wireDecoratedText struct {
	Button        *wireButton `json:"button,omitempty"`
	SwitchControl *wireSwitch `json:"switchControl,omitempty"`
	Text          string      `json:"text,omitempty"`
	TopLabel      string      `json:"topLabel,omitempty"`
	WrapText      bool        `json:"wrapText,omitempty"`
}

type wireSwitch struct {
	ControlType string `json:"controlType,omitempty"`
	Name        string `json:"name,omitempty"`
	Selected    bool   `json:"selected,omitempty"`
	Value       string `json:"value,omitempty"`
}

type wireButtonList struct {
	Buttons []wireButton `json:"buttons,omitempty"`
}

type wireButton struct {
	OnClick wireOnClick `json:"onClick"`
	Text    string      `json:"text,omitempty"`
	Type    string      `json:"type,omitempty"`
}

type wireOnClick struct {
	Action   *wireAction   `json:"action,omitempty"`
	OpenLink *wireOpenLink `json:"openLink,omitempty"`
}

type wireOpenLink struct {
	URL string `json:"url,omitempty"`
}

type wireAction struct {
	Function        string          `json:"function,omitempty"`
	Interaction     string          `json:"interaction,omitempty"`
	LoadIndicator   string          `json:"loadIndicator,omitempty"`
	Parameters      []wireParameter `json:"parameters,omitempty"`
	RequiredWidgets []string        `json:"requiredWidgets,omitempty"`
}

type wireParameter struct {
	Key   string `json:"key,omitempty"`
	Value string `json:"value,omitempty"`
}

type wireTextInput struct {
	HintText   string          `json:"hintText,omitempty"`
	Label      string          `json:"label,omitempty"`
	Name       string          `json:"name,omitempty"`
	Type       string          `json:"type,omitempty"`
	Validation *wireValidation `json:"validation,omitempty"`
	Value      string          `json:"value,omitempty"`
}

type wireValidation struct {
	CharacterLimit int    `json:"characterLimit,omitempty"`
	InputType      string `json:"inputType,omitempty"`
}

type wireSelectionInput struct {
	Items                       []wireSelectionItem     `json:"items,omitempty"`
	Label                       string                  `json:"label,omitempty"`
	MultiSelectMaxSelectedItems int                     `json:"multiSelectMaxSelectedItems,omitempty"`
	MultiSelectMinQueryLength   int                     `json:"multiSelectMinQueryLength,omitempty"`
	Name                        string                  `json:"name,omitempty"`
	PlatformDataSource          *wirePlatformDataSource `json:"platformDataSource,omitempty"`
	Type                        string                  `json:"type,omitempty"`
}

type wireSelectionItem struct {
	Selected bool   `json:"selected,omitempty"`
	Text     string `json:"text,omitempty"`
	Value    string `json:"value,omitempty"`
}

type wirePlatformDataSource struct {
	CommonDataSource string `json:"commonDataSource,omitempty"`
}
