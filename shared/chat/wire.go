package chat

// The types below are the parts of Chat's messages and cards v2 that Deputy uses, named as in the Chat API
// (google.golang.org/api/chat/v1). Google's types each have a MarshalJSON, and encoding/json parses its output again at
// every enclosing level, which takes a third of an event's time. A test decodes this JSON with Google's types.

type wireMessage struct {
	ActionResponse struct {
		DialogAction wireDialogAction `json:"dialogAction,omitzero"`
		Type         string           `json:"type,omitempty"`
		URL          string           `json:"url,omitempty"`
	} `json:"actionResponse,omitzero"`
	CardsV2              []wireCardWithID `json:"cardsV2,omitempty"`
	FallbackText         string           `json:"fallbackText,omitempty"`
	PrivateMessageViewer *wireUser        `json:"privateMessageViewer,omitempty"`
}

type wireUser struct {
	Name string `json:"name,omitempty"`
}

type wireDialogAction struct {
	ActionStatus struct {
		StatusCode string `json:"statusCode,omitempty"`
	} `json:"actionStatus,omitzero"`
	Dialog struct {
		Body *wireCard `json:"body,omitempty"`
	} `json:"dialog,omitzero"`
}

type wireCardWithID struct {
	Card   *wireCard `json:"card,omitempty"`
	CardID string    `json:"cardId,omitempty"`
}

type wireCard struct {
	Header struct {
		Subtitle string `json:"subtitle,omitempty"`
		Title    string `json:"title,omitempty"`
	} `json:"header"`
	Sections []wireSection `json:"sections,omitempty"`
}

type wireSection struct {
	Header  string       `json:"header,omitempty"`
	Widgets []wireWidget `json:"widgets,omitempty"`
}

type wireWidget struct {
	ButtonList struct {
		Buttons []wireButton `json:"buttons,omitempty"`
	} `json:"buttonList,omitzero"`
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

type wireButton struct {
	OnClick struct {
		Action   *wireAction `json:"action,omitempty"`
		OpenLink struct {
			URL string `json:"url,omitempty"`
		} `json:"openLink,omitzero"`
	} `json:"onClick"`
	Text string `json:"text,omitempty"`
	Type string `json:"type,omitempty"`
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
	HintText   string `json:"hintText,omitempty"`
	Label      string `json:"label,omitempty"`
	Name       string `json:"name,omitempty"`
	Type       string `json:"type,omitempty"`
	Validation struct {
		CharacterLimit int    `json:"characterLimit,omitempty"`
		InputType      string `json:"inputType,omitempty"`
	} `json:"validation,omitzero"`
	Value string `json:"value,omitempty"`
}

type wireSelectionInput struct {
	Items                       []wireSelectionItem `json:"items,omitempty"`
	Label                       string              `json:"label,omitempty"`
	MultiSelectMaxSelectedItems int                 `json:"multiSelectMaxSelectedItems,omitempty"`
	MultiSelectMinQueryLength   int                 `json:"multiSelectMinQueryLength,omitempty"`
	Name                        string              `json:"name,omitempty"`
	PlatformDataSource          struct {
		CommonDataSource string `json:"commonDataSource,omitempty"`
	} `json:"platformDataSource,omitzero"`
	Type string `json:"type,omitempty"`
}

type wireSelectionItem struct {
	Selected bool   `json:"selected,omitempty"`
	Text     string `json:"text,omitempty"`
	Value    string `json:"value,omitempty"`
}
