package chatpage

import (
	"cmp"
	"context"
	"net/http"
	"net/url"

	"example.com/deputy/emulator/google"
)

// foreign is the language of everybody while locale is switched on.
const foreign = "zh-CN"

// format is that of the events now.
func (p *Page) format() Format {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mode
}

// locale is how the people read.
func (p *Page) locale() string {
	p.mu.Lock()
	reads := p.reads
	p.mu.Unlock()
	if reads == "" && p.Google.On("locale") {
		return foreign
	}
	return cmp.Or(reads, "en")
}

// settle takes another format, or another language for everybody.
func (p *Page) settle(format Format, locale string) {
	p.mu.Lock()
	p.mode, p.reads = cmp.Or(format, p.mode), locale
	p.mu.Unlock()
	p.Google.Touch()
}

// turn is a press in the inspector: a switch, or a format.
func (p *Page) turn(form url.Values) {
	if name := form.Get("switch"); name != "" {
		_ = p.Google.Set(name, !p.Google.On(name)) // the page has no other names
		return
	}
	var format Format
	if format.UnmarshalText([]byte(form.Get("format"))) == nil {
		p.mu.Lock()
		locale := p.reads
		p.mu.Unlock()
		p.settle(format, locale)
	}
}

// happen sends a security event about a person, and says what came of it.
func (p *Page) happen(ctx context.Context, who google.Person, kind string) (int, error) {
	status, err := p.Google.Send(ctx, p.Events, kind, who)
	text := "The app takes no security events."
	switch {
	case err != nil && p.Events != "":
		text = "The event could not be sent: " + err.Error()
	case p.Events != "":
		text = kind + " was sent: the app answers " + http.StatusText(status) + "."
	}
	p.toast(who, text)
	p.Google.Touch()
	return status, err
}

// startAgain forgets everything, here and in the app.
func (p *Page) startAgain(w http.ResponseWriter, r *http.Request) {
	if err := p.clear(); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	http.Redirect(w, r, p.Address+"/", http.StatusSeeOther)
}

func (p *Page) clear() error {
	if p.Reset != nil {
		if err := p.Reset(); err != nil {
			return err
		}
	}
	p.forget()
	p.mu.Lock()
	p.mode, p.reads = p.Format, p.Locale
	p.mu.Unlock()
	p.Google.Reset()
	return nil
}

// toast is what the client says for a moment.
type toast struct {
	Version int
	Text    string
}

// toast shows a text for a moment, or takes the last one away.
func (p *Page) toast(who google.Person, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.opened++
	p.toasts[who.Sub] = toast{p.opened, text}
}
