package chatpage

import (
	"crypto/rand"
	"net/http"

	"example.com/deputy/emulator/google"
)

// waiting is an event that Chat sends again when the app's configuration is
// complete.
type waiting struct {
	event  event
	prompt string // the message that asks for it; empty when none was shown
}

// wait gives an event its completion address, and remembers it by the token,
// which is the address's only secret.
func (p *Page) wait(e *event) (token string) {
	token = rand.Text() + p.Google.Mark
	e.complete = p.Address + "/complete?token=" + token
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting[token] = waiting{event: *e}
	return token
}

// ready notes the prompt that waits.
func (p *Page) ready(token, prompt string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting[token] = waiting{event: p.waiting[token].event, prompt: prompt}
}

// complete is where an app sends the browser after the consent: Chat takes the
// prompt away, makes the person's message public, and sends the event again
// (chat-protocol.md 2.3).
func (p *Page) complete(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	wait, ok := p.waiting[r.URL.Query().Get("token")]
	delete(p.waiting, r.URL.Query().Get("token"))
	p.mu.Unlock()
	if !ok {
		http.Error(w, "This completion address is unknown, or was used before.", http.StatusGone)
		return
	}
	e := wait.event
	if wait.prompt != "" {
		p.Google.Change(e.in.ID, wait.prompt, func(*google.Message) bool { return false })
	}
	p.Google.Change(e.in.ID, e.message, func(m *google.Message) bool {
		m.Private = ""
		return true
	})
	p.deliver(r.Context(), e)
	http.Redirect(w, r, p.at(e.who, e.in.ID), http.StatusSeeOther)
}
