// Package chatpage plays Google Chat itself, on the machine's own loopback: a
// page on which one picks a person, types, presses what cards and prompts
// offer, and the delivery of what happens to the app, as classic or add-on
// events, with the rules Chat has for the replies (chat-protocol.md 1 and 2).
//
// What people and spaces there are is kept by emulator/google. Start
// at page.go for what a person sees, at deliver.go for what the app gets;
// classic.go and addon.go write the events and read the replies.
package chatpage

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"example.com/deputy/emulator/google"
)

// Command is a command as configured in Chat's console: a slash command, or
// without a slash a quick command.
type Command struct {
	ID          int    `json:"id"`
	Name        string `json:"name"`
	Args        string `json:"args"` // for people to read
	Description string `json:"description"`
	Dialog      bool   `json:"dialog"` // "Open a dialog" is ticked
}

func (c Command) quick() bool { return !strings.HasPrefix(c.Name, "/") }

// Config is what Chat's console knows of the app.
type Config struct {
	App      string // its name
	Endpoint string // where events go
	Address  string // of the page itself
	Commands []Command
	Format   Format // of the events, at first
	Google   *google.Server
	Now      func() time.Time
	Locale   string            // of everybody, at first; empty is en
	Way      http.RoundTripper // to the app; nil is the network
	Plain    bool              // the app's cards hold no markup: what looks like it is refused
	Log      *Lines            // what the app logged
	Events   string            // where the app takes Google's security events; empty for nowhere
	Reset    func() error      // makes the app forget; may be nil
	SignIn   string            // where people come from, if not from the stand-in
	Notice   string            // what the banner says besides
}

// Page is Chat. It is safe for concurrent use.
type Page struct {
	Config
	client *http.Client

	mu      sync.Mutex
	waiting map[string]waiting // by the token of the completion address
	open    map[string]window  // each person's dialog, by sub
	homes   map[string]window  // each person's Home tab, by sub
	toasts  map[string]toast   // by sub
	opened  int                // windows and toasts so far
	run     int                // how often everything was forgotten
	mode    Format
	reads   string      // everybody's locale
	past    []*exchange // the last ones with the app
}

// New is a Page without any conversation yet.
func New(c Config) *Page {
	// Chat waits for 30 seconds (chat-protocol.md 1.4).
	p := &Page{Config: c, client: &http.Client{Timeout: 30 * time.Second, Transport: c.Way}, mode: c.Format, reads: c.Locale}
	p.forget()
	return p
}

// forget empties everything that a run fills.
func (p *Page) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting, p.open, p.homes, p.toasts = map[string]waiting{}, map[string]window{}, map[string]window{}, map[string]toast{}
	p.past = nil
	p.run++
}

// Handler serves the page and what it needs.
func (p *Page) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.show)
	mux.HandleFunc("GET /style.css", asset("text/css", style))
	mux.HandleFunc("GET /script.js", asset("text/javascript", script))
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /changes", p.changes)
	mux.HandleFunc("GET /complete", p.complete)
	mux.HandleFunc("POST /add", p.from(func(r *http.Request, who google.Person, in google.Space) { p.add(r.Context(), who, in) }))
	mux.HandleFunc("POST /remove", p.from(func(r *http.Request, who google.Person, in google.Space) { p.remove(r.Context(), who, in) }))
	mux.HandleFunc("POST /send", p.from(func(r *http.Request, who google.Person, in google.Space) {
		p.send(r.Context(), who, in, strings.TrimSpace(r.PostFormValue("text")))
	}))
	mux.HandleFunc("POST /click", p.from(func(r *http.Request, who google.Person, in google.Space) {
		p.click(r.Context(), who, in, r.PostFormValue("message"), r.PostForm)
	}))
	mux.HandleFunc("POST /quick", p.from(func(r *http.Request, who google.Person, in google.Space) {
		p.quick(r.Context(), who, in, r.PostFormValue("command"))
	}))
	mux.HandleFunc("POST /home", p.from(func(r *http.Request, who google.Person, in google.Space) { p.home(r.Context(), who, in) }))
	mux.HandleFunc("POST /press", p.from(func(r *http.Request, who google.Person, _ google.Space) { p.press(r.Context(), who, r.PostForm) }))
	mux.HandleFunc("POST /close", p.from(func(r *http.Request, who google.Person, in google.Space) { p.cancel(r.Context(), who, in) }))
	mux.HandleFunc("POST /again", p.from(func(r *http.Request, _ google.Person, _ google.Space) {
		p.again(r.Context(), r.PostFormValue("number"))
	}))
	mux.HandleFunc("POST /switch", p.from(func(r *http.Request, _ google.Person, _ google.Space) { p.turn(r.PostForm) }))
	mux.HandleFunc("POST /security-event", p.from(func(r *http.Request, who google.Person, _ google.Space) {
		_, _ = p.happen(r.Context(), who, r.PostFormValue("type")) // it says itself what came of it
	}))
	mux.HandleFunc("POST /reset", p.startAgain)
	p.scripting(mux)
	return mux
}

// from finds who does a thing where, does it, and shows the page again.
func (p *Page) from(do func(*http.Request, google.Person, google.Space)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		who, in, err := p.place(r.PostFormValue("as"), r.PostFormValue("in"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		do(r, who, in)
		at := p.at(who, in.ID)
		if r.PostFormValue("tab") == "home" || r.URL.Path == "/home" {
			at += "&tab=home"
		}
		http.Redirect(w, r, at, http.StatusSeeOther) //nolint:gosec // our own address, and ids that were found
	}
}

func (p *Page) at(who google.Person, space string) string {
	return p.Address + "/?as=" + who.Sub + "&in=" + space
}

// place finds a person and a space that person is in.
func (p *Page) place(as, in string) (google.Person, google.Space, error) {
	who, ok := p.Google.Account(as)
	if !ok {
		return who, google.Space{}, errors.New("there is no such person here")
	}
	for _, space := range p.Google.SpacesOf(who) {
		if space.ID == strings.TrimPrefix(in, "spaces/") {
			return who, space, nil
		}
	}
	return who, google.Space{}, errors.New("this person is not in that space")
}

// changes tells the browser whenever there is something new.
func (p *Page) changes(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	for {
		changed := p.Google.Changed()
		if out.Flush() != nil {
			return
		}
		select {
		case <-changed:
			if _, err := w.Write([]byte("data: changed\n\n")); err != nil {
				return
			}
		case <-r.Context().Done():
			return
		}
	}
}

func asset(kind, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind+"; charset=utf-8")
		_, _ = w.Write([]byte(text))
	}
}
