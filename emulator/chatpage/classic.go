package chatpage

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// classic writes an event as chat-protocol.md 1.2 has it.
func (p *Page) classic(e event) map[string]any {
	if e.home {
		return p.classicHome(e)
	}
	common := map[string]any{"userLocale": p.locale(), "hostApp": "CHAT"}
	types := map[kind]string{said: "MESSAGE", commanded: "MESSAGE", chosen: "APP_COMMAND", added: "ADDED_TO_SPACE", removed: "REMOVED_FROM_SPACE", clicked: "CARD_CLICKED"}
	body := map[string]any{
		"type": types[e.kind], "eventTime": e.at.UTC().Format(time.RFC3339Nano), "user": user(e.who), "space": space(e.in), "common": common,
	}
	if e.hasMessage() {
		body["message"] = p.message(e)
	}
	if e.command != nil {
		body["appCommandMetadata"] = map[string]any{"appCommandId": e.command.ID, "appCommandType": e.commandType()}
	}
	if e.dialog != "" {
		body["isDialogEvent"], body["dialogEventType"] = true, e.dialog
	}
	if e.kind == clicked {
		list := []any{}
		for _, name := range slices.Sorted(maps.Keys(e.button.parameters)) {
			list = append(list, map[string]any{"key": name, "value": e.button.parameters[name]})
		}
		body["action"] = map[string]any{"actionMethodName": e.button.function, "parameters": list}
		common["invokedFunction"], common["parameters"] = e.button.function, e.button.parameters
		if len(e.inputs) > 0 {
			common["formInputs"] = e.holds()
		}
	}
	if e.complete != "" {
		body["configCompleteRedirectUrl"] = e.complete
	}
	return body
}

// classicHome writes what happens on the Home tab, as 1.5 has it.
func (p *Page) classicHome(e event) map[string]any {
	common := map[string]any{"userLocale": p.locale(), "hostApp": "CHAT"}
	name := "APP_HOME"
	if e.kind == clicked {
		name = "SUBMIT_FORM"
		common["invokedFunction"], common["parameters"] = e.button.function, e.button.parameters
		if len(e.inputs) > 0 {
			common["formInputs"] = e.holds()
		}
	}
	return map[string]any{"commonEventObject": common, "chat": map[string]any{
		"type": name, "user": user(e.who), "space": space(e.in), "eventTime": e.at.UTC().Format(time.RFC3339Nano),
	}}
}

// readClassic reads a reply, or says which of Chat's rules it breaks (1.4, 1.5,
// 2.3).
func (p *Page) readClassic(answer []byte) (reply, error) {
	var home struct {
		Action *action `json:"action"`
		Render *struct {
			Action *action `json:"action"`
		} `json:"renderActions"`
	}
	if err := json.Unmarshal(answer, &home); err != nil {
		return reply{}, err
	}
	switch {
	case home.Action != nil:
		return p.navigate(home.Action)
	case home.Render != nil && home.Render.Action != nil:
		r, err := p.navigate(home.Render.Action)
		r.renders = true
		return r, err
	}
	if err := p.Google.Check("Message", answer); err != nil {
		return reply{}, fmt.Errorf("the answer is not a message: %w", err)
	}
	var m Message
	if err := json.Unmarshal(answer, &m); err != nil {
		return reply{}, err
	}
	does := &ActionResponse{}
	if m.ActionResponse != nil {
		does, m.ActionResponse = m.ActionResponse, nil
	}
	switch {
	case does.Type == "REQUEST_CONFIG" && does.Url == "":
		return reply{}, errors.New("REQUEST_CONFIG without url")
	case does.Type == "REQUEST_CONFIG":
		return reply{prompt: does.Url}, nil
	case does.Type == "DIALOG" && does.DialogAction == nil:
		return reply{}, errors.New("DIALOG without dialogAction")
	case does.Type == "DIALOG" && does.DialogAction.Dialog != nil:
		return reply{dialog: does.DialogAction.Dialog.Body}, p.checkCard(does.DialogAction.Dialog.Body)
	case does.Type == "DIALOG" && does.DialogAction.ActionStatus != nil:
		return reply{closes: true, toast: does.DialogAction.ActionStatus.UserFacingMessage}, nil
	case m.Text == "" && len(m.CardsV2) == 0:
		return reply{}, nil
	case does.Type == "", does.Type == "NEW_MESSAGE", does.Type == "UPDATE_MESSAGE":
		return reply{message: &m, update: does.Type == "UPDATE_MESSAGE"}, p.checkMessage(&m)
	default:
		return reply{}, errors.New("the stand-in does not play " + does.Type + " yet")
	}
}
