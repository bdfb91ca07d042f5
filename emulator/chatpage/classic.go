package chatpage

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// classicEvent encodes an event (workspace/chat/receive-respond-interactions).
func (p *Page) classicEvent(e event) map[string]any {
	if e.home {
		return p.classicHomeEvent(e)
	}
	common := map[string]any{"userLocale": p.locale(), "hostApp": "CHAT"}
	types := map[kind]string{
		messageSent: "MESSAGE", commandSent: "MESSAGE", quickCommandUsed: "APP_COMMAND",
		appAdded: "ADDED_TO_SPACE", appMentioned: "ADDED_TO_SPACE",
		appRemoved: "REMOVED_FROM_SPACE", cardClicked: "CARD_CLICKED",
	}
	body := map[string]any{
		"type": types[e.kind], "eventTime": e.at.UTC().Format(time.RFC3339Nano),
		"user": userObject(e.person), "space": spaceObject(e.space), "common": common,
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
	if e.kind == cardClicked {
		list := []any{}
		for _, name := range slices.Sorted(maps.Keys(e.button.parameters)) {
			list = append(list, map[string]any{"key": name, "value": e.button.parameters[name]})
		}
		body["action"] = map[string]any{"actionMethodName": e.button.function, "parameters": list}
		common["invokedFunction"], common["parameters"] = e.button.function, e.button.parameters
		if len(e.inputs) > 0 {
			common["formInputs"] = e.formInputs()
		}
	}
	if e.complete != "" {
		body["configCompleteRedirectUrl"] = e.complete
	}
	return body
}

// classicHomeEvent encodes an event on the Home tab (workspace/chat/send-app-home-card-message).
func (p *Page) classicHomeEvent(e event) map[string]any {
	common := map[string]any{"userLocale": p.locale(), "hostApp": "CHAT"}
	name := "APP_HOME"
	if e.kind == cardClicked {
		name = []string{"SUBMIT_FORM", "CARD_CLICKED"}[p.Google.Pick(2, "home click")] // Google's guide names both
		common["invokedFunction"], common["parameters"] = e.button.function, e.button.parameters
		if len(e.inputs) > 0 {
			common["formInputs"] = e.formInputs()
		}
	}
	return map[string]any{"commonEventObject": common, "chat": map[string]any{
		"type": name, "user": userObject(e.person), "space": spaceObject(e.space),
		"eventTime": e.at.UTC().Format(time.RFC3339Nano),
	}}
}

// parseClassicReply parses a reply, and fails if it breaks one of Chat's rules
// (workspace/chat/receive-respond-interactions, workspace/chat/send-app-home-card-message).
func (p *Page) parseClassicReply(answer []byte) (reply, error) {
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
		return p.parseNavigation(home.Action)
	case home.Render != nil && home.Render.Action != nil:
		r, err := p.parseNavigation(home.Render.Action)
		r.inRenderActions = true
		return r, err
	}
	if err := p.Google.Check("Message", answer); err != nil {
		return reply{}, fmt.Errorf("the response is not a message: %w", err)
	}
	var m Message
	if err := json.Unmarshal(answer, &m); err != nil {
		return reply{}, err
	}
	response := &ActionResponse{}
	if m.ActionResponse != nil {
		response, m.ActionResponse = m.ActionResponse, nil
	}
	switch {
	case response.Type == "REQUEST_CONFIG" && response.Url == "":
		return reply{}, errors.New("REQUEST_CONFIG without url")
	case response.Type == "REQUEST_CONFIG":
		return reply{prompt: response.Url}, nil
	case response.Type == "DIALOG" && response.DialogAction == nil:
		return reply{}, errors.New("DIALOG without dialogAction")
	case response.Type == "DIALOG" && response.DialogAction.Dialog != nil:
		return reply{card: response.DialogAction.Dialog.Body}, p.checkCard(response.DialogAction.Dialog.Body)
	case response.Type == "DIALOG" && response.DialogAction.ActionStatus != nil:
		return reply{closesDialog: true, toast: response.DialogAction.ActionStatus.UserFacingMessage}, nil
	case m.Text == "" && len(m.CardsV2) == 0:
		return reply{}, nil
	case response.Type == "", response.Type == "NEW_MESSAGE", response.Type == "UPDATE_MESSAGE":
		return reply{message: &m, update: response.Type == "UPDATE_MESSAGE"}, p.checkMessage(&m)
	default:
		return reply{}, errors.New("the emulator does not support " + response.Type)
	}
}
