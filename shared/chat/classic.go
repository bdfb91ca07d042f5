package chat

import (
	"encoding/json"

	"example.com/deputy/shared/config"
)

// classicEvent is an event in classic format (workspace/chat/receive-respond-interactions).
type classicEvent struct {
	Type      looseText                  `json:"type"`
	Chat      map[string]json.RawMessage `json:"chat"` // only in the add-on format, and in Home tab events
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
		Kind: Unknown, Time: parseTime(e.EventTime), Person: e.User.person(), Space: e.Space.toSpace(),
		CompletionURL: config.NewSecret(e.Complete), Locale: string(e.Common.Locale),
	}
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
	e.Message.add(&out, e.Metadata, e.Thread)
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

// clickFunction is the function that every button of a classic card names. The sealed value says what the button does.
const clickFunction = "clicked"

// encodeClassic returns the reply in classic format (workspace/chat/receive-respond-interactions).
func (r Reply) encodeClassic(e Event) any {
	if !r.ConnectURL.Empty() {
		return &wireMessage{ActionResponse: &wireActionResponse{Type: "REQUEST_CONFIG", URL: r.ConnectURL.Reveal()}}
	}
	switch r.target(e) {
	case targetNone:
		return struct{}{}
	case targetCloseDialog:
		return dialogAction(&wireDialogAction{ActionStatus: &wireActionStatus{StatusCode: "OK"}})
	case targetHomeTab:
		if e.Kind == Home {
			return addOnReply{Action: navigate(navigation{Push: r.Card.wire(clickFunction)})}
		}
		update := navigation{Update: r.Card.wire(clickFunction)}
		return map[string]any{"renderActions": addOnReply{Action: navigate(update)}}
	case targetDialog:
		if e.OnHomeTab {
			update := navigation{Update: r.Card.wire(clickFunction)}
			return map[string]any{"renderActions": addOnReply{Action: navigate(update)}}
		}
		return dialogAction(&wireDialogAction{Dialog: &wireDialog{Body: r.Card.wire(clickFunction)}})
	case targetReplaceCard:
		return r.classicMessage(e, "UPDATE_MESSAGE")
	default:
		return r.classicMessage(e, "NEW_MESSAGE")
	}
}

func (r Reply) classicMessage(e Event, action string) *wireMessage {
	out := r.message(e, clickFunction)
	out.ActionResponse = &wireActionResponse{Type: action}
	return out
}

func dialogAction(a *wireDialogAction) *wireMessage {
	return &wireMessage{ActionResponse: &wireActionResponse{Type: "DIALOG", DialogAction: a}}
}
