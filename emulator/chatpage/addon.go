package chatpage

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// addOnEvent encodes an event (workspace/add-ons/concepts/event-objects).
func (p *Page) addOnEvent(e event) map[string]any {
	common := map[string]any{"hostApp": "CHAT"}
	if !e.addsApp {
		common["userLocale"] = p.locale()
	}
	payload := map[string]any{"space": spaceObject(e.space)}
	if e.hasMessage() {
		payload["message"] = p.message(e)
	}
	if e.kind == appMentioned {
		payload["interactionAdd"] = true
	}
	if e.complete != "" {
		payload["configCompleteRedirectUri"] = e.complete
	}
	if e.command != nil {
		payload["appCommandMetadata"] = map[string]any{
			"appCommandId": fmt.Sprint(e.command.ID), "appCommandType": e.commandType(), // Google documents a string
		}
	}
	if e.dialog != "" {
		payload["isDialogEvent"], payload["dialogEventType"] = true, e.dialog
	}
	if e.kind == cardClicked {
		common["parameters"] = e.button.parameters
		if len(e.inputs) > 0 {
			common["formInputs"] = e.formInputs()
		}
	}
	chat := map[string]any{"user": userObject(e.person), "eventTime": e.at.UTC().Format(time.RFC3339Nano)}
	name := map[kind]string{
		messageSent: "messagePayload", commandSent: "appCommandPayload", quickCommandUsed: "appCommandPayload",
		appAdded: "addedToSpacePayload", appMentioned: "addedToSpacePayload",
		appRemoved: "removedFromSpacePayload", cardClicked: "buttonClickedPayload",
	}[e.kind]
	if e.kind != homeOpened { // a Home event has no payload (workspace/add-ons/chat/convert)
		chat[name] = payload
	}
	return map[string]any{
		"commonEventObject":        common,
		"authorizationEventObject": map[string]any{"systemIdToken": p.Google.AddOnToken(p.Endpoint)},
		"chat":                     chat,
	}
}

// addOnReply is one of the supported replies of workspace/add-ons/chat/convert,
// workspace/add-ons/guides/connect-third-party-service.
type addOnReply struct {
	HostApp *struct {
		Chat struct {
			Create *struct {
				Message json.RawMessage `json:"message"`
			} `json:"createMessageAction"`
			Update *struct {
				Message json.RawMessage `json:"message"`
			} `json:"updateMessageAction"`
		} `json:"chatDataAction"`
	} `json:"hostAppDataAction"`
	Action *action `json:"action"`
	Prompt *struct {
		URL      string `json:"authorization_url"`
		Resource string `json:"resource"`
	} `json:"basic_authorization_prompt"`
}

// action is a card navigation. Classic apps reply with it on the Home tab.
type action struct {
	Notification struct {
		Text string `json:"text"`
	} `json:"notification"`
	Navigations []struct {
		Push   json.RawMessage `json:"pushCard"`
		Update json.RawMessage `json:"updateCard"`
		End    *struct {
			Action string `json:"action"`
		} `json:"endNavigation"`
	} `json:"navigations"`
}

func (p *Page) parseNavigation(a *action) (reply, error) {
	if len(a.Navigations) == 0 && a.Notification.Text != "" {
		return reply{toast: a.Notification.Text}, nil
	}
	if len(a.Navigations) != 1 {
		return reply{}, errors.New("want exactly one navigation")
	}
	n := a.Navigations[0]
	switch {
	case n.End != nil && n.Push == nil && n.Update == nil && n.End.Action == "CLOSE_DIALOG":
		return reply{closesDialog: true, toast: a.Notification.Text}, nil
	case n.End == nil && (n.Push == nil) != (n.Update == nil):
		text := slices.Concat(n.Push, n.Update)
		if err := p.Google.Check("GoogleAppsCardV1Card", text); err != nil {
			return reply{}, fmt.Errorf("not a card: %w", err)
		}
		var card Card
		if err := json.Unmarshal(text, &card); err != nil {
			return reply{}, err
		}
		return reply{card: &card, pushed: n.Push != nil, toast: a.Notification.Text}, p.checkCard(&card)
	default:
		return reply{}, errors.New("the emulator does not support this navigation")
	}
}

// parseAddOnReply parses a reply, and fails if it breaks one of Chat's rules (workspace/add-ons/chat/convert,
// workspace/add-ons/guides/connect-third-party-service).
func (p *Page) parseAddOnReply(answer []byte) (reply, error) {
	var r addOnReply
	decoder := json.NewDecoder(bytes.NewReader(answer))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&r); err != nil {
		return reply{}, fmt.Errorf("the response is not an add-on response: %w", err)
	}
	parts := 0
	for _, present := range []bool{r.Prompt != nil, r.HostApp != nil, r.Action != nil} {
		if present {
			parts++
		}
	}
	switch {
	case parts > 1:
		return reply{}, errors.New("more than one reply in a response")
	case r.Prompt != nil && (r.Prompt.URL == "" || r.Prompt.Resource == ""):
		return reply{}, errors.New("the prompt has no authorization_url or no resource")
	case r.Prompt != nil:
		return reply{prompt: r.Prompt.URL}, nil
	case r.Action != nil:
		return p.parseNavigation(r.Action)
	case r.HostApp == nil:
		return reply{}, nil
	}
	create, update := r.HostApp.Chat.Create, r.HostApp.Chat.Update
	switch {
	case create != nil && update == nil:
		return p.parseMessage(create.Message, false)
	case update != nil && create == nil:
		return p.parseMessage(update.Message, true)
	default:
		return reply{}, errors.New("want exactly one of createMessageAction and updateMessageAction")
	}
}

func (p *Page) parseMessage(text []byte, update bool) (reply, error) {
	if err := p.Google.Check("Message", text); err != nil {
		return reply{}, fmt.Errorf("not a message: %w", err)
	}
	var m Message
	if err := json.Unmarshal(text, &m); err != nil {
		return reply{}, err
	}
	if m.ActionResponse != nil {
		return reply{}, errors.New("actionResponse is for classic apps only")
	}
	return reply{message: &m, update: update}, p.checkMessage(&m)
}
