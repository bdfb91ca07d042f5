package chatpage

import (
	"cmp"
	"context"
	"net/http"
	"net/url"

	"example.com/deputy/emulator/google"
)

// foreignLocale is the locale of every person while the switch "locale" is on.
const foreignLocale = "zh-CN"

// format returns the current format of events.
func (p *Page) format() Format {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mode
}

// locale returns the current locale of every person.
func (p *Page) locale() string {
	p.mu.Lock()
	language := p.language
	p.mu.Unlock()
	if language == "" && p.Google.IsOn("locale") {
		return foreignLocale
	}
	return cmp.Or(language, "en")
}

// configure sets the locale of every person and, unless it is empty, the format.
func (p *Page) configure(format Format, locale string) {
	p.mu.Lock()
	p.mode, p.language = cmp.Or(format, p.mode), locale
	p.mu.Unlock()
	p.Google.Notify()
}

// changeSetting toggles a switch, or sets the format, from a form of the inspector.
func (p *Page) changeSetting(form url.Values) {
	if name := form.Get("switch"); name != "" {
		_ = p.Google.SetSwitch(name, !p.Google.IsOn(name)) // the page offers known switches only
		return
	}
	var format Format
	if format.UnmarshalText([]byte(form.Get("format"))) == nil {
		p.mu.Lock()
		locale := p.language
		p.mu.Unlock()
		p.configure(format, locale)
	}
}

// sendSecurityEvent sends a security event about a person and shows the result as a toast.
func (p *Page) sendSecurityEvent(ctx context.Context, person google.Person, eventType string) (int, error) {
	status, err := p.Google.SendSecurityEvent(ctx, p.SecurityEventsAddress, eventType, person)
	text := "The app doesn't receive security events."
	switch {
	case err != nil && p.SecurityEventsAddress != "":
		text = "Couldn't send the event: " + err.Error()
	case p.SecurityEventsAddress != "":
		text = eventType + " was sent. The app responded with " + http.StatusText(status) + "."
	}
	p.toast(person, text)
	p.Google.Notify()
	return status, err
}

// handleReset resets the page, the emulated Google and the app.
func (p *Page) handleReset(w http.ResponseWriter, r *http.Request) {
	if err := p.reset(); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	http.Redirect(w, r, p.Address+"/", http.StatusSeeOther)
}

func (p *Page) reset() error {
	p.Google.Reset() // before the program sets up Google again
	if p.Reset != nil {
		if err := p.Reset(); err != nil {
			return err
		}
	}
	p.resetPage()
	p.mu.Lock()
	p.mode, p.language = p.Format, p.Locale
	p.mu.Unlock()
	return nil
}

// toast is a text that the page shows briefly.
type toast struct {
	Version int
	Text    string
}

// toast shows a text briefly. An empty text hides the last one.
func (p *Page) toast(person google.Person, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.versions++
	p.toasts[person.Sub] = toast{p.versions, text}
}
