package chatpage

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// addOn writes an event as chat-protocol.md 2.1 has it.
func (p *Page) addOn(e event) map[string]any {
	common := map[string]any{"userLocale": p.locale(), "hostApp": "CHAT"}
	payload := map[string]any{"space": space(e.in)}
	if e.hasMessage() {
		payload["message"] = p.message(e)
	}
	if e.complete != "" {
		payload["configCompleteRedirectUri"] = e.complete
	}
	if e.command != nil {
		// A string, as Google documents it.
		payload["appCommandMetadata"] = map[string]any{"appCommandId": fmt.Sprint(e.command.ID), "appCommandType": e.commandType()}
	}
	if e.dialog != "" {
		payload["isDialogEvent"], payload["dialogEventType"] = true, e.dialog
	}
	if e.kind == clicked {
		common["parameters"] = e.button.parameters
		if len(e.inputs) > 0 {
			common["formInputs"] = e.holds()
		}
	}
	chat := map[string]any{"user": user(e.who), "eventTime": e.at.UTC().Format(time.RFC3339Nano)}
	name := map[kind]string{
		said: "messagePayload", commanded: "appCommandPayload", chosen: "appCommandPayload", added: "addedToSpacePayload", removed: "removedFromSpacePayload", clicked: "buttonClickedPayload",
	}[e.kind]
	if e.kind != homeOpened { // which has no payload, and nothing else to be known by (chat-protocol.md 11)
		chat[name] = payload
	}
	return map[string]any{
		"commonEventObject":        common,
		"authorizationEventObject": map[string]any{"systemIdToken": p.Google.AddOnToken(p.Endpoint)},
		"chat":                     chat,
	}
}

// addOnReply are the replies of 2.2 and 2.3 that are played.
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

// action is card navigation; classic apps answer by it on the Home tab.
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

// navigate reads a card navigation.
func (p *Page) navigate(a *action) (reply, error) {
	if len(a.Navigations) == 0 && a.Notification.Text != "" {
		return reply{toast: a.Notification.Text}, nil
	}
	if len(a.Navigations) != 1 {
		return reply{}, errors.New("not exactly one navigation")
	}
	n := a.Navigations[0]
	switch {
	case n.End != nil && n.Push == nil && n.Update == nil && n.End.Action == "CLOSE_DIALOG":
		return reply{closes: true, toast: a.Notification.Text}, nil
	case n.End == nil && (n.Push == nil) != (n.Update == nil):
		text := slices.Concat(n.Push, n.Update)
		if err := p.Google.Check("GoogleAppsCardV1Card", text); err != nil {
			return reply{}, fmt.Errorf("not a card: %w", err)
		}
		var card Card
		if err := json.Unmarshal(text, &card); err != nil {
			return reply{}, err
		}
		return reply{dialog: &card, pushed: n.Push != nil, toast: a.Notification.Text}, p.checkCard(&card)
	default:
		return reply{}, errors.New("a navigation that the stand-in does not play")
	}
}

// readAddOn reads a reply, or says which of Chat's rules it breaks (2.2, 2.3).
func (p *Page) readAddOn(answer []byte) (reply, error) {
	var r addOnReply
	decoder := json.NewDecoder(bytes.NewReader(answer))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&r); err != nil {
		return reply{}, fmt.Errorf("the answer is not one of an add-on's: %w", err)
	}
	parts := 0
	for _, there := range []bool{r.Prompt != nil, r.HostApp != nil, r.Action != nil} {
		if there {
			parts++
		}
	}
	switch {
	case parts > 1:
		return reply{}, errors.New("two replies at once")
	case r.Prompt != nil && (r.Prompt.URL == "" || r.Prompt.Resource == ""):
		return reply{}, errors.New("the prompt has no authorization_url or no resource")
	case r.Prompt != nil:
		return reply{prompt: r.Prompt.URL}, nil
	case r.Action != nil:
		return p.navigate(r.Action)
	case r.HostApp == nil:
		return reply{}, nil
	}
	create, update := r.HostApp.Chat.Create, r.HostApp.Chat.Update
	switch {
	case create != nil && update == nil:
		return p.addOnMessage(create.Message, false)
	case update != nil && create == nil:
		return p.addOnMessage(update.Message, true)
	default:
		return reply{}, errors.New("not exactly one action")
	}
}

func (p *Page) addOnMessage(text []byte, update bool) (reply, error) {
	if err := p.Google.Check("Message", text); err != nil {
		return reply{}, fmt.Errorf("not a message: %w", err)
	}
	var m Message
	if err := json.Unmarshal(text, &m); err != nil {
		return reply{}, err
	}
	if m.ActionResponse != nil {
		return reply{}, errors.New("actionResponse is for classic apps")
	}
	return reply{message: &m, update: update}, p.checkMessage(&m)
}
