package chat

import (
	"encoding/json"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/text"
)

// Reply is Deputy's reply to an event. The zero Reply shows nothing. The reply to a click replaces the clicked card, to
// prevent a second click. In a dialog, it is the next step.
type Reply struct {
	Card *Card // only the person sees it
	// ClosesDialog closes the dialog and puts the card into the conversation, where it stays. The card replaces the
	// card that opened the dialog; KeepsCard keeps both.
	ClosesDialog, KeepsCard bool
	// ConnectURL makes Chat show its private "requires configuration" prompt, which links to this URL. The prompt
	// excludes all other content. Chat doesn't allow it in reply to a click.
	ConnectURL config.Secret
}

// Encode returns the body of the reply. format must be the format of the event.
func (a App) Encode(format Format, e Event, r Reply) ([]byte, error) {
	reply := r.encodeClassic(e)
	if format == AddOn {
		reply = r.encodeAddOn(e, a.Endpoint)
	}
	body, err := json.Marshal(reply)
	return body, fault.Wrap("chat.Encode", err)
}

// target is where Chat shows a reply.
type target int

const (
	targetNone        target = iota
	targetCloseDialog        // nowhere: the dialog closes
	targetHomeTab
	targetDialog      // a dialog, or its next step
	targetReplaceCard // instead of the clicked card
	targetNewMessage
)

func (r Reply) target(e Event) target {
	switch {
	case r.Card == nil && e.Dialog == DialogSubmitted:
		return targetCloseDialog
	case r.Card == nil:
		return targetNone
	case e.OnHomeTab && e.Dialog == NoDialog:
		return targetHomeTab
	case e.Dialog == DialogRequested, e.Dialog == DialogSubmitted && (e.OnHomeTab || !r.ClosesDialog):
		return targetDialog
	case e.Kind == Click && !r.KeepsCard && e.OwnMessage && (e.Dialog == NoDialog || e.Message != ""):
		return targetReplaceCard
	default:
		return targetNewMessage
	}
}

// message returns a message with the reply's card. function is what its buttons call.
func (r Reply) message(e Event, function string) *wireMessage {
	out := &wireMessage{
		FallbackText: text.Clean(r.Card.Title),
		CardsV2:      []wireCardWithID{{CardID: "deputy", Card: r.Card.wire(function)}},
	}
	if !e.Space.Direct {
		// Messages in a direct message with the app are private anyway.
		out.PrivateMessageViewer = &wireUser{Name: string(e.Person.Name)}
	}
	return out
}
