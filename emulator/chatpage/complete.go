package chatpage

import (
	"crypto/rand"
	"net/http"

	"example.com/deputy/emulator/google"
)

// pendingEvent is an event that Chat sends again when the person completes the app's configuration.
type pendingEvent struct {
	event  event
	prompt string // name of the message "requires configuration"; empty if none was shown
}

// addPending sets an event's completion address and stores the event by the address's token.
func (p *Page) addPending(e *event) (token string) {
	token = rand.Text() + p.Google.LeakMarker
	e.complete = p.Address + "/complete?token=" + token
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pending[token] = pendingEvent{event: *e}
	return token
}

// setPrompt sets the prompt of a pending event.
func (p *Page) setPrompt(token, prompt string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pending[token] = pendingEvent{event: p.pending[token].event, prompt: prompt}
}

// complete serves the completion address, to which the app redirects after the consent. It deletes the prompt, makes
// the person's message public, and sends the event again (workspace/add-ons/guides/connect-third-party-service).
func (p *Page) complete(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	pending, ok := p.pending[r.URL.Query().Get("token")]
	delete(p.pending, r.URL.Query().Get("token"))
	p.mu.Unlock()
	if !ok {
		http.Error(w, "This link is unknown or was already used.", http.StatusGone)
		return
	}
	e := pending.event
	if pending.prompt != "" {
		p.Google.EditMessage(e.space.ID, pending.prompt, func(*google.Message) bool { return false })
	}
	p.Google.EditMessage(e.space.ID, e.message, func(m *google.Message) bool {
		m.Private = ""
		return true
	})
	p.deliver(r.Context(), e)
	http.Redirect(w, r, p.pageURL(e.person, e.space.ID), http.StatusSeeOther)
}
