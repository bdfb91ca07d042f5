package chat

import (
	"encoding/json"

	chatapi "google.golang.org/api/chat/v1"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
)

// Reply is what Deputy answers to an event. The zero Reply shows nothing.
type Reply struct {
	Card   *Card
	Public bool // for everybody in the space; else for the person alone
	// Connect makes Chat show its private "requires configuration" prompt
	// with this address behind it. Chat allows nothing else beside it, and
	// not in answer to a click.
	Connect config.Secret
}

// clicked is what classic cards name as the function of every button: which
// act it is stands in the sealed value.
const clicked = "clicked"

// Encode is the body of the answer, in the format the event arrived in.
func Encode(_ Format, e Event, r Reply) ([]byte, error) {
	body, err := json.Marshal(r.classic(e))
	return body, fault.Wrap("chat.Encode", err)
}

func (r Reply) classic(e Event) *chatapi.Message {
	if r.Connect != "" {
		return &chatapi.Message{ActionResponse: &chatapi.ActionResponse{Type: "REQUEST_CONFIG", Url: r.Connect.Reveal()}}
	}
	if r.Card == nil {
		return &chatapi.Message{}
	}
	out := &chatapi.Message{
		ActionResponse: &chatapi.ActionResponse{Type: "NEW_MESSAGE"},
		FallbackText:   r.Card.Title,
		CardsV2:        []*chatapi.CardWithId{{CardId: "deputy", Card: r.Card.api(clicked)}},
	}
	if e.Kind == Click {
		// In place of the card that was clicked, so that it is not clicked twice.
		out.ActionResponse.Type = "UPDATE_MESSAGE"
	}
	if !r.Public && !e.Space.Direct {
		// A direct message with the app is private as it is.
		out.PrivateMessageViewer = &chatapi.User{Name: e.Person.Name}
	}
	return out
}
