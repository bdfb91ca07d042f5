package chatpage

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	chatapi "google.golang.org/api/chat/v1"
)

// addOn writes an event as chat-protocol.md 2.1 has it.
func (p *Page) addOn(e event) map[string]any {
	common := map[string]any{"userLocale": "en", "hostApp": "CHAT"}
	payload := map[string]any{"space": space(e.in)}
	if e.kind != added {
		payload["message"] = e.sent()
	}
	if e.complete != "" {
		payload["configCompleteRedirectUri"] = e.complete
	}
	if e.command != nil {
		// A string, as Google documents it.
		payload["appCommandMetadata"] = map[string]any{"appCommandId": fmt.Sprint(e.command.ID), "appCommandType": "SLASH_COMMAND"}
	}
	if e.kind == clicked {
		common["parameters"] = map[string]any{"value": e.button.value}
	}
	name := map[kind]string{
		said: "messagePayload", commanded: "appCommandPayload", added: "addedToSpacePayload", clicked: "buttonClickedPayload",
	}[e.kind]
	return map[string]any{
		"commonEventObject":        common,
		"authorizationEventObject": map[string]any{"systemIdToken": p.Google.AddOnToken(p.Endpoint)},
		"chat": map[string]any{
			"user": user(e.who), "space": space(e.in), "eventTime": p.Now().UTC().Format(time.RFC3339Nano), name: payload,
		},
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
	Prompt *struct {
		URL      string `json:"authorization_url"`
		Resource string `json:"resource"`
	} `json:"basic_authorization_prompt"`
}

// readAddOn reads a reply, or says which of Chat's rules it breaks (2.2, 2.3).
func (p *Page) readAddOn(e event, answer []byte) (reply, error) {
	var r addOnReply
	decoder := json.NewDecoder(bytes.NewReader(answer))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&r); err != nil {
		return reply{}, fmt.Errorf("the answer is not one of an add-on's: %w", err)
	}
	switch {
	case r.Prompt != nil && r.HostApp != nil:
		return reply{}, errors.New("two replies at once")
	case r.Prompt != nil && (r.Prompt.URL == "" || r.Prompt.Resource == ""):
		return reply{}, errors.New("the prompt has no authorization_url or no resource")
	case r.Prompt != nil:
		return reply{prompt: r.Prompt.URL}, nil
	case r.HostApp == nil:
		return reply{}, nil
	}
	create, update := r.HostApp.Chat.Create, r.HostApp.Chat.Update
	switch {
	case create != nil && update == nil:
		return p.addOnMessage(create.Message, false)
	case update != nil && create == nil && e.kind == clicked:
		return p.addOnMessage(update.Message, true)
	default:
		return reply{}, errors.New("not exactly one action that fits the event")
	}
}

func (p *Page) addOnMessage(text []byte, update bool) (reply, error) {
	if err := p.Google.Check("Message", text); err != nil {
		return reply{}, fmt.Errorf("not a message: %w", err)
	}
	var m chatapi.Message
	if err := json.Unmarshal(text, &m); err != nil {
		return reply{}, err
	}
	if m.ActionResponse != nil {
		return reply{}, errors.New("actionResponse is for classic apps")
	}
	for _, c := range m.CardsV2 {
		if err := p.addOnButtons(c.Card); err != nil {
			return reply{}, err
		}
	}
	return reply{message: &m, update: update}, nil
}

// addOnButtons refuses buttons that name anything but the endpoint: Chat would
// never call it (2.2, trap 1).
func (p *Page) addOnButtons(c *chatapi.GoogleAppsCardV1Card) error {
	for _, s := range c.Sections {
		for _, w := range s.Widgets {
			if w.ButtonList == nil {
				continue
			}
			for _, b := range w.ButtonList.Buttons {
				if b.OnClick.Action != nil && b.OnClick.Action.Function != p.Endpoint {
					return fmt.Errorf("a button calls %q, not the endpoint", b.OnClick.Action.Function)
				}
			}
		}
	}
	return nil
}
