package chat

import (
	"encoding/json"

	"example.com/deputy/shared/config"
)

// classicEvent is chat-protocol.md 1.2.
type classicEvent struct {
	Type      looseText                  `json:"type"`
	Chat      map[string]json.RawMessage `json:"chat"` // what only the other format has, and the Home tab
	EventTime looseText                  `json:"eventTime"`
	User      user                       `json:"user"`
	Space     space                      `json:"space"`
	Message   message                    `json:"message"`
	Thread    thread                     `json:"thread"`
	Complete  looseText                  `json:"configCompleteRedirectUrl"`
	Metadata  metadata                   `json:"appCommandMetadata"`
	dialogEvent
	Common struct {
		Locale     looseText            `json:"userLocale"`
		Parameters map[string]looseText `json:"parameters"`
		Inputs     formInputs           `json:"formInputs"`
	} `json:"common"`
	Action struct {
		Parameters []struct {
			Key   looseText `json:"key"`
			Value looseText `json:"value"`
		} `json:"parameters"`
	} `json:"action"`
}

func (e classicEvent) event() Event {
	out := Event{
		Kind: Unknown, Time: moment(e.EventTime), Person: e.User.person(), Message: string(e.Message.Name),
		Space: e.Space.place(), Command: e.Message.command(e.Metadata), Complete: config.NewSecret(e.Complete), Locale: string(e.Common.Locale),
	}
	out.Thread, out.Own = e.Message.replyThread(e.Thread), e.Message.own()
	out.Args, out.Mentions = e.Message.arguments()
	out.Text = e.Message.verbatim()
	switch e.Type {
	case "MESSAGE":
		out.Kind = Message
	case "APP_COMMAND":
		out.Kind = Command
	case "ADDED_TO_SPACE":
		out.Kind = Added
	case "REMOVED_FROM_SPACE":
		out.Kind = Removed
	case "CARD_CLICKED":
		out.Kind = Click
		out.Value, out.Inputs = e.value(), e.Common.Inputs.inputs()
	}
	// Adding the app by a command is one event with the command in it.
	if out.Command != 0 && (out.Kind == Message || out.Kind == Added) {
		out.Kind = Command
	}
	out.Dialog = e.dialog(out.Kind)
	return out
}

func (e classicEvent) value() config.Secret {
	if v := e.Common.Parameters[valueKey]; v != "" {
		return config.NewSecret(v)
	}
	for _, p := range e.Action.Parameters {
		if p.Key == valueKey {
			return config.NewSecret(p.Value)
		}
	}
	return config.Secret{}
}

// clicked is what classic cards name as the function of every button: which
// act it is stands in the sealed value.
const clicked = "clicked"

// classic is the reply as a classic app gives it (chat-protocol.md 1.4).
func (r Reply) classic(e Event) any {
	if !r.Connect.Empty() {
		return &wireMessage{ActionResponse: &wireActionResponse{Type: "REQUEST_CONFIG", URL: r.Connect.Reveal()}}
	}
	switch r.place(e) {
	case nowhere:
		return struct{}{}
	case closed:
		return dialogAction(&wireDialogAction{ActionStatus: &wireActionStatus{StatusCode: "OK"}})
	case homeTab:
		show := navigate(navigation{Update: r.Card.api(clicked)})
		if e.Kind == Home {
			show = navigate(navigation{Push: r.Card.api(clicked)})
			return addOnReply{Action: show}
		}
		return map[string]any{"renderActions": addOnReply{Action: show}}
	case dialog:
		if e.Home {
			return map[string]any{"renderActions": addOnReply{Action: navigate(navigation{Update: r.Card.api(clicked)})}}
		}
		return dialogAction(&wireDialogAction{Dialog: &wireDialog{Body: r.Card.api(clicked)}})
	case replaced:
		return r.classicMessage(e, "UPDATE_MESSAGE")
	default:
		return r.classicMessage(e, "NEW_MESSAGE")
	}
}

func (r Reply) classicMessage(e Event, action string) *wireMessage {
	out := r.message(e, clicked)
	out.ActionResponse = &wireActionResponse{Type: action}
	return out
}

func dialogAction(a *wireDialogAction) *wireMessage {
	return &wireMessage{ActionResponse: &wireActionResponse{Type: "DIALOG", DialogAction: a}}
}
