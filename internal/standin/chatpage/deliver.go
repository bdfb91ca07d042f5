package chatpage

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"example.com/deputy/internal/standin/google"
)

// deliver sends an event to the app and does what its reply says. A person
// sees it when the app fails, as in Chat. It goes on when the browser has gone.
func (p *Page) deliver(ctx context.Context, e event) {
	token := ""
	if e.kind != clicked { // clicks have no completion address: chat-protocol.md 1.2, 2.1
		token = p.wait(&e)
	}
	r, err := p.ask(context.WithoutCancel(ctx), e)
	if err == nil {
		err = p.apply(e, token, r)
	}
	if err != nil {
		p.Google.Post(e.in.ID, google.Message{
			Line: true, Trouble: true, Private: e.who.User(), Text: p.App + " is not responding (" + err.Error() + ")",
		})
	}
}

// ask posts an event and reads the reply.
func (p *Page) ask(ctx context.Context, e event) (reply, error) {
	body, token, agent := p.classic(e), p.Google.ChatToken, "Google-Dynamite"
	if p.Format == AddOn {
		body, token, agent = p.addOn(e), func() string { return p.Google.AddOnToken(p.Endpoint) }, "Google-gsuiteaddons"
	}
	text, err := json.Marshal(body)
	if err != nil {
		return reply{}, err
	}
	if p.Format == Classic {
		if err := p.Google.Check("DeprecatedEvent", text); err != nil {
			return reply{}, fmt.Errorf("the stand-in's own event is wrong: %w", err)
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.Endpoint, bytes.NewReader(text))
	if err != nil {
		return reply{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", agent)
	req.Header.Set("Authorization", "Bearer "+token())
	res, err := p.client.Do(req)
	if err != nil {
		return reply{}, errors.New("no answer within 30 seconds, or no connection")
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	switch {
	case err != nil:
		return reply{}, errors.New("the answer broke off")
	case res.StatusCode != http.StatusOK:
		return reply{}, fmt.Errorf("status %d", res.StatusCode)
	case p.Format == AddOn:
		return p.readAddOn(e, answer)
	default:
		return p.readClassic(e, answer)
	}
}

// maxMessage is the most of a message that Chat takes (chat-protocol.md 5).
const maxMessage = 32_000

// apply shows a reply.
func (p *Page) apply(e event, token string, r reply) error {
	switch {
	case r.prompt != "" && token == "":
		return errors.New("requesting user authentication isn't allowed as a response to the event type")
	case r.prompt != "":
		p.ready(token, p.Google.Post(e.in.ID, google.Message{Prompt: r.prompt, Private: e.who.User()}))
		return nil
	case r.message == nil:
		return nil
	}
	private := ""
	if r.message.PrivateMessageViewer != nil {
		private = r.message.PrivateMessageViewer.Name
	}
	text, err := json.Marshal(r.message)
	switch {
	case err != nil:
		return err
	case len(text) > maxMessage:
		return fmt.Errorf("the message has %d bytes; Chat takes %d", len(text), maxMessage)
	case checkCards(r.message.CardsV2) != nil:
		return checkCards(r.message.CardsV2)
	case r.update:
		p.Google.Change(e.in.ID, e.message, func(m *google.Message) bool {
			m.JSON = text
			return true
		})
	default:
		p.Google.Post(e.in.ID, google.Message{JSON: text, Private: private})
	}
	return nil
}
