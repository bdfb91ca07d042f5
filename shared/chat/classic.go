package chat

import (
	"cmp"
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
	Common common `json:"common"`
	Action struct {
		Parameters []struct {
			Key   looseText `json:"key"`
			Value looseText `json:"value"`
		} `json:"parameters"`
	} `json:"action"`
}

var classicKinds = map[looseText]Kind{
	"MESSAGE": Message, "APP_COMMAND": Command, "ADDED_TO_SPACE": Added, "REMOVED_FROM_SPACE": Removed,
	"CARD_CLICKED": Click,
}

func (e classicEvent) event() Event {
	out := Event{
		Kind: cmp.Or(classicKinds[e.Type], Unknown),
		Time: parseTime(e.EventTime), Person: e.User.person(), Space: e.Space.toSpace(),
		CompletionURL: config.NewSecret(e.Complete), Locale: string(e.Common.Locale),
	}
	if out.Kind == Click {
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
	out := &wireMessage{}
	if !r.ConnectURL.Empty() {
		out.ActionResponse.Type, out.ActionResponse.URL = "REQUEST_CONFIG", r.ConnectURL.Reveal()
		return out
	}
	switch r.target(e) {
	case targetNone:
		return struct{}{}
	case targetCloseDialog:
		out.ActionResponse.Type, out.ActionResponse.DialogAction.ActionStatus.StatusCode = "DIALOG", "OK"
	case targetHomeTab, targetDialog:
		card := r.Card.wire(clickFunction)
		switch {
		case e.Kind == Home:
			return navigate(navigation{Push: card})
		case e.OnHomeTab:
			return map[string]any{"renderActions": navigate(navigation{Update: card})}
		}
		out.ActionResponse.Type, out.ActionResponse.DialogAction.Dialog.Body = "DIALOG", card
	case targetReplaceCard:
		out = r.message(e, clickFunction)
		out.ActionResponse.Type = "UPDATE_MESSAGE"
	default:
		out = r.message(e, clickFunction)
		out.ActionResponse.Type = "NEW_MESSAGE"
	}
	return out
}
