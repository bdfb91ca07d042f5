package chatpage

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	chatapi "google.golang.org/api/chat/v1"
)

// classic writes an event as chat-protocol.md 1.2 has it.
func (p *Page) classic(e event) map[string]any {
	common := map[string]any{"userLocale": "en", "hostApp": "CHAT"}
	body := map[string]any{
		"type":      map[kind]string{said: "MESSAGE", commanded: "MESSAGE", added: "ADDED_TO_SPACE", clicked: "CARD_CLICKED"}[e.kind],
		"eventTime": p.Now().UTC().Format(time.RFC3339Nano), "user": user(e.who), "space": space(e.in), "common": common,
	}
	if e.kind != added {
		body["message"] = e.sent()
	}
	if e.command != nil {
		body["appCommandMetadata"] = map[string]any{"appCommandId": e.command.ID, "appCommandType": "SLASH_COMMAND"}
	}
	if e.kind == clicked {
		body["action"] = map[string]any{
			"actionMethodName": e.button.function,
			"parameters":       []any{map[string]any{"key": "value", "value": e.button.value}},
		}
		common["invokedFunction"], common["parameters"] = e.button.function, map[string]any{"value": e.button.value}
	}
	if e.complete != "" {
		body["configCompleteRedirectUrl"] = e.complete
	}
	return body
}

// readClassic reads a reply, or says which of Chat's rules it breaks (1.4, 2.3).
func (p *Page) readClassic(e event, answer []byte) (reply, error) {
	if err := p.Google.Check("Message", answer); err != nil {
		return reply{}, fmt.Errorf("the answer is not a message: %w", err)
	}
	var m chatapi.Message
	if err := json.Unmarshal(answer, &m); err != nil {
		return reply{}, err
	}
	action, url := "", ""
	if m.ActionResponse != nil {
		action, url = m.ActionResponse.Type, m.ActionResponse.Url
		m.ActionResponse = nil
	}
	switch {
	case action == "REQUEST_CONFIG" && url == "":
		return reply{}, errors.New("REQUEST_CONFIG without url")
	case action == "REQUEST_CONFIG":
		return reply{prompt: url}, nil
	case m.Text == "" && len(m.CardsV2) == 0:
		return reply{}, nil
	case action == "UPDATE_MESSAGE" && e.kind != clicked:
		return reply{}, errors.New("UPDATE_MESSAGE is for clicks only")
	case action == "", action == "NEW_MESSAGE", action == "UPDATE_MESSAGE":
		return reply{message: &m, update: action == "UPDATE_MESSAGE"}, nil
	default:
		return reply{}, errors.New("the stand-in does not play " + action + " yet")
	}
}
