package chat

import (
	"encoding/json"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
)

// Reply is what Deputy answers to an event. The zero Reply shows nothing. The
// answer to a click takes the place of the card that was clicked, so that it is
// not clicked twice; in a dialog it is the dialog's next step.
type Reply struct {
	Card *Card // for the person alone
	// Leaves says that a card closes the dialog it answers, and stands in the
	// conversation: for what is worth keeping. It takes the place of the card
	// that the dialog was opened from, unless Beside lets that stand.
	Leaves, Beside bool
	// Connect makes Chat show its private "requires configuration" prompt
	// with this address behind it. Chat allows nothing else beside it, and
	// not in answer to a click.
	Connect config.Secret
}

// Encode is the body of the answer, in the format the event arrived in.
func (a App) Encode(format Format, e Event, r Reply) ([]byte, error) {
	reply := r.classic(e)
	if format == AddOn {
		reply = r.addOn(e, a.Endpoint)
	}
	body, err := json.Marshal(reply)
	return body, fault.Wrap("chat.Encode", err)
}

// place is where a reply is shown.
type place int

const (
	nowhere  place = iota
	closed         // the dialog closes, and that is all
	homeTab        // the app's Home tab
	dialog         // a dialog, or its next step
	replaced       // in place of the card that was clicked
	posted         // a new message
)

func (r Reply) place(e Event) place {
	switch {
	case r.Card == nil && e.Dialog == Sent:
		return closed
	case r.Card == nil:
		return nowhere
	case e.Home && e.Dialog == NoDialog:
		return homeTab
	case e.Dialog == Opens, e.Dialog == Sent && (e.Home || !r.Leaves):
		return dialog
	case e.Kind == Click && !r.Beside && e.Own && (e.Dialog == NoDialog || e.Message != ""):
		return replaced
	default:
		return posted
	}
}

// message is the reply's card as a message; function is what its buttons call.
func (r Reply) message(e Event, function string) *wireMessage {
	out := &wireMessage{
		FallbackText: r.Card.Title,
		CardsV2:      []wireCardWithID{{CardID: "deputy", Card: r.Card.api(function)}},
	}
	if !e.Space.Direct {
		// A direct message with the app is private as it is.
		out.PrivateMessageViewer = &wireUser{Name: string(e.Person.Name)}
	}
	return out
}
