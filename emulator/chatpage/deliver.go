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

// deliver sends an event to the app and applies the reply, even if the browser disconnects meanwhile.
func (p *Page) deliver(ctx context.Context, e event) *exchange {
	e.at = p.Now()
	token := ""
	// These three kinds have no completion address (workspace/chat/receive-respond-interactions,
	// workspace/add-ons/concepts/event-objects).
	if e.kind != cardClicked && e.kind != homeOpened && e.kind != appRemoved {
		token = p.addPending(&e)
	}
	return p.exchange(ctx, e, token)
}

// exchange is deliver for an event that has its time and completion address.
func (p *Page) exchange(ctx context.Context, e event, token string) *exchange {
	x := p.begin(e, token)
	ctx = context.WithoutCancel(ctx)
	if p.Google.IsOn("redeliver") {
		_, _ = p.post(ctx, e, x)
	}
	r, err := p.post(ctx, e, x)
	if p.isStale(x) {
		return x
	}
	if err == nil {
		err = p.apply(e, token, r)
	}
	if err != nil {
		p.Google.Post(e.space.ID, google.Message{
			Line: true, Trouble: true, Private: e.person.User(),
			Text: p.App + " is not responding (" + err.Error() + ")",
		})
	}
	p.finish(x, err)
	return x
}

// post sends an event and parses the reply.
func (p *Page) post(ctx context.Context, e event, x *exchange) (reply, error) {
	body, token, agent := p.classicEvent(e), p.Google.ChatToken, "Google-Dynamite"
	if p.format() == AddOn {
		body, agent = p.addOnEvent(e), "Google-gsuiteaddons"
		token = func() string { return p.Google.AddOnToken(p.Endpoint) }
	}
	text, err := json.Marshal(body)
	if err != nil {
		return reply{}, err
	}
	if p.format() == Classic && !e.home {
		if err := p.Google.Check("DeprecatedEvent", text); err != nil {
			return reply{}, fmt.Errorf("the emulator's event is invalid: %w", err)
		}
	}
	p.recordEvent(x, text)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.Endpoint, bytes.NewReader(text))
	if err != nil {
		return reply{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", agent)
	req.Header.Set("Authorization", "Bearer "+token())
	res, err := p.client.Do(req)
	if err != nil {
		return reply{}, errors.New("no response within 30 seconds, or no connection")
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	p.recordReply(x, res.StatusCode, answer)
	switch {
	case err != nil:
		return reply{}, errors.New("the response is incomplete")
	case res.StatusCode != http.StatusOK:
		return reply{}, fmt.Errorf("status %d", res.StatusCode)
	case e.kind == appRemoved: // Chat shows no reply
		return reply{}, nil
	default:
		return p.parseReply(answer)
	}
}

// Check returns an error if an app's reply breaks one of Chat's rules that hold for every event.
func (p *Page) Check(format Format, answer []byte) error {
	_, err := (&Page{Config: p.Config, mode: format}).parseReply(answer)
	return err
}

func (p *Page) parseReply(answer []byte) (reply, error) {
	if p.format() == AddOn {
		return p.parseAddOnReply(answer)
	}
	return p.parseClassicReply(answer)
}

// checkReply returns an error if Chat does not accept this reply to an event.
func (p *Page) checkReply(e event, r reply) error {
	switch {
	case e.home && (r.message != nil || r.prompt != ""):
		return errors.New("the Home tab and its dialogs accept cards only through navigation")
	case e.home && p.format() == Classic && r.card != nil && r.inRenderActions == (e.kind == homeOpened):
		return errors.New("renderActions is for clicks on the Home tab (workspace/chat/send-app-home-card-message)")
	case r.card != nil && p.isDialog(e) && opensDialog(r.card):
		return errors.New("only buttons in messages can open a dialog (chat/v1, Action.interaction)")
	case e.dialog == "REQUEST_DIALOG" && r.card == nil:
		return errors.New("could not load dialog: the response has no dialog")
	case e.dialog == "SUBMIT_DIALOG" && !e.home && r.card == nil && r.message == nil && !r.closesDialog:
		return errors.New("the response to a submitted dialog must be a dialog, a message, or close the dialog")
	case r.card != nil && !e.home && e.dialog == "":
		return errors.New("a dialog is not allowed in response to this event")
	case r.prompt != "" && (e.kind == cardClicked || e.kind == homeOpened):
		return errors.New("requesting user authentication isn't allowed as a response to the event type")
	case r.update && e.kind != cardClicked:
		return errors.New("a message update is allowed only in response to a click")
	case r.update && e.message == "":
		return errors.New("there is no message to update")
	}
	return nil
}

func (p *Page) apply(e event, token string, r reply) error {
	if err := p.checkReply(e, r); err != nil {
		return err
	}
	if e.dialog != "" && r.card == nil {
		p.closeDialog(e.person)
	}
	p.toast(e.person, r.toast)
	switch {
	case r.prompt != "":
		p.setPrompt(token, p.Google.Post(e.space.ID, google.Message{Prompt: r.prompt, Private: e.person.User()}))
	case r.card != nil:
		w := window{Card: r.card, home: e.home, message: e.message, space: e.space}
		if p.isDialog(e) {
			p.showWindow(p.dialogs, e.person, w)
		} else {
			p.showWindow(p.homes, e.person, w)
		}
	case r.message != nil:
		return p.showMessage(e, r)
	}
	return nil
}

// isDialog reports whether a card in response to e is a dialog rather than the Home tab.
func (p *Page) isDialog(e event) bool {
	_, open := p.window(p.dialogs, e.person)
	return !e.home || e.kind != homeOpened && (e.button.opens || open)
}

func (p *Page) showMessage(e event, r reply) error {
	private := ""
	if r.message.PrivateMessageViewer != nil {
		private = r.message.PrivateMessageViewer.Name
	}
	text, err := json.Marshal(r.message)
	if err != nil {
		return err
	}
	if r.update {
		p.Google.EditMessage(e.space.ID, e.message, func(m *google.Message) bool {
			m.JSON = text
			return true
		})
		return nil
	}
	p.Google.Post(e.space.ID, google.Message{JSON: text, Private: private})
	return nil
}
