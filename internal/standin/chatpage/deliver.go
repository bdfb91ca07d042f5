package chatpage

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	chatapi "google.golang.org/api/chat/v1"

	"example.com/deputy/internal/standin/google"
)

// deliver sends an event to the app and does what its reply says. A person
// sees it when the app fails, as in Chat. It goes on when the browser has gone.
func (p *Page) deliver(ctx context.Context, who google.Person, space string, e event) {
	kind, _ := e.body["type"].(string)
	completion := ""
	if kind == "MESSAGE" || kind == "ADDED_TO_SPACE" { // never for a click: chat-protocol.md 1.2
		completion = p.wait(who, space, e)
		e.body["configCompleteRedirectUrl"] = completion
	}
	reply, err := p.ask(context.WithoutCancel(ctx), e.body)
	if err == nil {
		err = p.apply(who, space, e, kind, completion, reply)
	}
	if err != nil {
		p.Google.Post(space, google.Message{
			Line: true, Trouble: true, Private: who.User(), Text: p.App + " is not responding (" + err.Error() + ")",
		})
	}
}

// ask posts an event and reads the reply.
func (p *Page) ask(ctx context.Context, body map[string]any) (*chatapi.Message, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	if err := p.Google.Check("DeprecatedEvent", text); err != nil {
		return nil, fmt.Errorf("the stand-in's own event is wrong: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.Endpoint, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Google-Dynamite")
	req.Header.Set("Authorization", "Bearer "+p.Google.ChatToken())
	res, err := p.client.Do(req)
	if err != nil {
		return nil, errors.New("no answer within 30 seconds, or no connection")
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	switch {
	case err != nil:
		return nil, errors.New("the answer broke off")
	case res.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("status %d", res.StatusCode)
	}
	if err := p.Google.Check("Message", answer); err != nil {
		return nil, fmt.Errorf("the answer is not a message: %w", err)
	}
	var reply chatapi.Message
	return &reply, json.Unmarshal(answer, &reply)
}

// maxMessage is the most of a message that Chat takes (chat-protocol.md 5).
const maxMessage = 32_000

// apply shows a reply, or says which of Chat's rules it breaks (1.4, 2.3, 5).
func (p *Page) apply(who google.Person, space string, e event, kind, completion string, reply *chatapi.Message) error {
	action, url := "", ""
	if reply.ActionResponse != nil {
		action, url = reply.ActionResponse.Type, reply.ActionResponse.Url
	}
	private := ""
	if reply.PrivateMessageViewer != nil {
		private = reply.PrivateMessageViewer.Name
	}
	shown := *reply
	shown.ActionResponse, shown.PrivateMessageViewer = nil, nil
	text, err := json.Marshal(&shown)
	if err != nil {
		return err
	}
	empty := reply.Text == "" && len(reply.CardsV2) == 0
	switch {
	case action == "REQUEST_CONFIG" && completion == "":
		return errors.New("requesting user authentication isn't allowed as a response to the event type")
	case action == "REQUEST_CONFIG" && url == "":
		return errors.New("REQUEST_CONFIG without url")
	case action == "REQUEST_CONFIG":
		p.prompt(who, space, completion, url)
		return nil
	case len(text) > maxMessage:
		return fmt.Errorf("the message has %d bytes; Chat takes %d", len(text), maxMessage)
	case empty:
		return nil
	case action == "UPDATE_MESSAGE" && kind != "CARD_CLICKED":
		return errors.New("UPDATE_MESSAGE is for clicks only")
	case action == "UPDATE_MESSAGE":
		p.Google.Change(space, e.message, func(m *google.Message) bool {
			m.JSON = text
			return true
		})
		return nil
	case action == "" || action == "NEW_MESSAGE":
		p.Google.Post(space, google.Message{JSON: text, Private: private})
		return nil
	default:
		return errors.New("the stand-in does not play " + action + " yet")
	}
}

// prompt is Chat's own "requires configuration".
func (p *Page) prompt(who google.Person, space, completion, url string) {
	id := p.Google.Post(space, google.Message{Prompt: url, Private: who.User()})
	token := completion[len(p.Address+"/complete?token="):]
	p.mu.Lock()
	defer p.mu.Unlock()
	wait := p.waiting[token]
	wait.prompt = id
	p.waiting[token] = wait
}
