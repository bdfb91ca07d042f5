package chatpage

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"example.com/deputy/emulator/google"
)

// deliver sends an event to the app and does what its reply says. A person
// sees it when the app fails, as in Chat. It goes on when the browser has gone.
func (p *Page) deliver(ctx context.Context, e event) *exchange {
	e.at = p.Now()
	token := ""
	if e.kind != clicked && e.kind != homeOpened && e.kind != removed { // these have no completion address: chat-protocol.md 1.2, 2.1
		token = p.wait(&e)
	}
	return p.exchange(ctx, e, token)
}

// exchange is deliver for an event that may have been delivered before.
func (p *Page) exchange(ctx context.Context, e event, token string) *exchange {
	x := p.begin(e, token)
	ctx = context.WithoutCancel(ctx)
	if p.Google.On("redeliver") {
		_, _ = p.ask(ctx, e, x)
	}
	r, err := p.ask(ctx, e, x)
	if p.over(x) {
		return x
	}
	if err == nil {
		err = p.apply(e, token, r)
	}
	if err != nil {
		p.Google.Post(e.in.ID, google.Message{
			Line: true, Trouble: true, Private: e.who.User(), Text: p.App + " is not responding (" + err.Error() + ")",
		})
	}
	p.end(x, err)
	return x
}

// ask posts an event and reads the reply.
func (p *Page) ask(ctx context.Context, e event, x *exchange) (reply, error) {
	body, token, agent := p.classic(e), p.Google.ChatToken, "Google-Dynamite"
	if p.format() == AddOn {
		body, token, agent = p.addOn(e), func() string { return p.Google.AddOnToken(p.Endpoint) }, "Google-gsuiteaddons"
	}
	text, err := json.Marshal(body)
	if err != nil {
		return reply{}, err
	}
	if p.format() == Classic && !e.home {
		if err := p.Google.Check("DeprecatedEvent", text); err != nil {
			return reply{}, fmt.Errorf("the stand-in's own event is wrong: %w", err)
		}
	}
	p.sent(x, text)
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
	p.answered(x, res.StatusCode, answer)
	switch {
	case err != nil:
		return reply{}, errors.New("the answer broke off")
	case res.StatusCode != http.StatusOK:
		return reply{}, fmt.Errorf("status %d", res.StatusCode)
	case e.kind == removed: // nobody is there to see it
		return reply{}, nil
	default:
		return p.read(answer)
	}
}

// Check says which of Chat's rules an app's answer breaks, whatever the event.
func (p *Page) Check(format Format, answer []byte) error {
	_, err := (&Page{Config: p.Config, mode: format}).read(answer)
	return err
}

func (p *Page) read(answer []byte) (reply, error) {
	if p.format() == AddOn {
		return p.readAddOn(answer)
	}
	return p.readClassic(answer)
}

// refuses says why Chat does not take a reply to an event.
func (p *Page) refuses(e event, r reply) error {
	switch {
	case e.home && (r.message != nil || r.prompt != ""):
		return errors.New("the Home tab and its dialogs show cards by navigation only")
	case e.home && p.format() == Classic && r.dialog != nil && r.renders == (e.kind == homeOpened):
		return errors.New("renderActions is for clicks on the Home tab: 1.5")
	case r.dialog != nil && p.isDialog(e) && opensDialog(r.dialog):
		return errors.New("a button of a dialog opens a dialog: that is for cards in messages (chat/v1, Action.interaction)")
	case e.dialog == "REQUEST_DIALOG" && r.dialog == nil:
		return errors.New("could not load dialog: the answer is none")
	case e.dialog == "SUBMIT_DIALOG" && !e.home && r.dialog == nil && r.message == nil && !r.closes:
		return errors.New("a dialog that was sent is answered by a dialog, a message, or its end")
	case r.dialog != nil && !e.home && e.dialog == "":
		return errors.New("a dialog where none may open")
	case r.prompt != "" && (e.kind == clicked || e.kind == homeOpened):
		return errors.New("requesting user authentication isn't allowed as a response to the event type")
	case r.update && e.kind != clicked:
		return errors.New("an update is for clicks only")
	case r.update && e.message == "":
		return errors.New("there is no message to update")
	}
	return nil
}

// apply shows a reply.
func (p *Page) apply(e event, token string, r reply) error {
	if err := p.refuses(e, r); err != nil {
		return err
	}
	if e.dialog != "" && r.dialog == nil {
		p.shut(e.who)
	}
	p.toast(e.who, r.toast)
	switch {
	case r.prompt != "":
		p.ready(token, p.Google.Post(e.in.ID, google.Message{Prompt: r.prompt, Private: e.who.User()}))
	case r.dialog != nil:
		w := window{Card: r.dialog, home: e.home, message: e.message, in: e.in}
		if p.isDialog(e) {
			p.put(p.open, e.who, w)
		} else {
			p.put(p.homes, e.who, w)
		}
	case r.message != nil:
		return p.tell(e, r)
	}
	return nil
}

// isDialog tells that a card in answer to e is a dialog: everywhere but on the
// Home tab, and there for a click that opens one, or in one.
func (p *Page) isDialog(e event) bool {
	_, open := p.window(p.open, e.who)
	return !e.home || e.kind != homeOpened && (e.button.opens || open)
}

// tell shows a message.
func (p *Page) tell(e event, r reply) error {
	private := ""
	if r.message.PrivateMessageViewer != nil {
		private = r.message.PrivateMessageViewer.Name
	}
	text, err := json.Marshal(r.message)
	if err != nil {
		return err
	}
	if r.update {
		p.Google.Change(e.in.ID, e.message, func(m *google.Message) bool {
			m.JSON = text
			return true
		})
		return nil
	}
	p.Google.Post(e.in.ID, google.Message{JSON: text, Private: private})
	return nil
}
