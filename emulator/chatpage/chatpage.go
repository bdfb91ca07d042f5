// Package chatpage emulates Google Chat: a page on which you choose a person, type, and use cards and prompts. It
// delivers events to the app in the classic or the add-on format and applies Chat's rules to the replies
// (workspace/chat/receive-respond-interactions, workspace/add-ons/concepts/event-objects).
//
// Package google stores the people and the spaces. Start at page.go for the page and at deliver.go for the events.
package chatpage

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"example.com/deputy/emulator/google"
)

// Command is a command as configured in the Chat API console: a slash command, or a quick command if Name has no slash.
type Command struct {
	ID          int    `json:"id"`
	Name        string `json:"name"`
	Args        string `json:"args"` // shown in the menu only
	Description string `json:"description"`
	Dialog      bool   `json:"dialog"` // "Open a dialog" is selected
}

func (c Command) quick() bool { return !strings.HasPrefix(c.Name, "/") }

// Config is the app's configuration.
type Config struct {
	App                   string // the app's name
	Endpoint              string // receives the events
	Address               string // of the page itself
	Commands              []Command
	Format                Format // initial format of events
	Google                *google.Server
	Now                   func() time.Time
	Locale                string            // initial locale of every person; empty means en
	Transport             http.RoundTripper // to the app; nil means http.DefaultTransport
	RejectMarkup          bool              // reject cards whose texts contain < or >, because the app escapes them
	Log                   *LogLines         // the app's log
	SecurityEventsAddress string            // the app's endpoint for security events; empty if it has none
	Reset                 func() error      // resets the app; may be nil
	SignInAddress         string            // page where people sign in, if Google itself has the accounts
	Notice                string            // added to the banner
	MoreAddress, More     string            // a page beside this one and the text of the link to it; may be empty
}

// Page is the emulated Chat. It is safe for concurrent use.
type Page struct {
	Config
	client *http.Client

	mu         sync.Mutex
	pending    map[string]pendingEvent // by the token of the completion address
	dialogs    map[string]window       // each person's dialog, by sub
	homes      map[string]window       // each person's Home tab, by sub
	toasts     map[string]toast        // by sub
	versions   int                     // number of windows and toasts so far
	generation int                     // number of resets
	mode       Format
	language   string      // every person's locale
	exchanges  []*exchange // the last exchanges with the app
}

// New returns a Page.
func New(c Config) *Page {
	// Chat waits for 30 seconds (workspace/chat/receive-respond-interactions).
	client := &http.Client{Timeout: 30 * time.Second, Transport: c.Transport}
	p := &Page{Config: c, client: client, mode: c.Format, language: c.Locale}
	p.resetPage()
	return p
}

// resetPage discards the state of the current run.
func (p *Page) resetPage() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pending, p.toasts, p.exchanges = map[string]pendingEvent{}, map[string]toast{}, nil
	p.dialogs, p.homes = map[string]window{}, map[string]window{}
	p.generation++
}

// Handler serves the page, its assets and the endpoints for scripts.
func (p *Page) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.show)
	mux.HandleFunc("GET /style.css", asset("text/css", style))
	mux.HandleFunc("GET /script.js", asset("text/javascript", script))
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /changes", p.changes)
	mux.HandleFunc("GET /complete", p.complete)
	form := func(path string, do formAction) { mux.HandleFunc("POST "+path, p.handleForm(do)) }
	button := func(path string, do func(context.Context, google.Person, google.Space) *exchange) {
		form(path, func(r *http.Request, person google.Person, space google.Space) { do(r.Context(), person, space) })
	}
	button("/add", p.add)
	button("/remove", p.remove)
	button("/home", p.home)
	button("/close", p.cancel)
	form("/send", func(r *http.Request, person google.Person, space google.Space) {
		p.send(r.Context(), person, space, strings.TrimSpace(r.PostFormValue("text")))
	})
	form("/click", func(r *http.Request, person google.Person, space google.Space) {
		p.click(r.Context(), person, space, r.PostFormValue("message"), r.PostForm)
	})
	form("/quick", func(r *http.Request, person google.Person, space google.Space) {
		p.quick(r.Context(), person, space, r.PostFormValue("command"))
	})
	form("/press", func(r *http.Request, person google.Person, _ google.Space) {
		p.press(r.Context(), person, r.PostForm)
	})
	form("/again", func(r *http.Request, _ google.Person, _ google.Space) {
		p.resend(r.Context(), r.PostFormValue("number"))
	})
	form("/switch", func(r *http.Request, _ google.Person, _ google.Space) { p.changeSetting(r.PostForm) })
	form("/security-event", func(r *http.Request, person google.Person, _ google.Space) {
		_, _ = p.sendSecurityEvent(r.Context(), person, r.PostFormValue("type")) // it shows its result as a toast
	})
	mux.HandleFunc("POST /reset", p.handleReset)
	p.registerScripting(mux)
	return mux
}

type formAction func(*http.Request, google.Person, google.Space)

// handleForm runs do with the form's person and space, then redirects to the page.
func (p *Page) handleForm(do formAction) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		person, space, err := p.findSpace(r.PostFormValue("as"), r.PostFormValue("in"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		do(r, person, space)
		location := p.pageURL(person, space.ID)
		if r.PostFormValue("tab") == "home" || r.URL.Path == "/home" {
			location += "&tab=home"
		}
		http.Redirect(w, r, location, http.StatusSeeOther) //nolint:gosec // the page's own address with validated ids
	}
}

func (p *Page) pageURL(person google.Person, spaceID string) string {
	return p.Address + "/?as=" + person.Sub + "&in=" + spaceID
}

// findSpace returns a person and one of this person's spaces.
func (p *Page) findSpace(account, id string) (google.Person, google.Space, error) {
	person, ok := p.Google.Account(account)
	if !ok {
		return person, google.Space{}, errUnknownPerson
	}
	for _, space := range p.Google.SpacesOf(person) {
		if space.ID == strings.TrimPrefix(id, "spaces/") {
			return person, space, nil
		}
	}
	return person, google.Space{}, errors.New("this person is not a member of this space")
}

var errUnknownPerson = errors.New("unknown person: as must be a sub or an email address")

// changes sends a server-sent event at every change.
func (p *Page) changes(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	controller := http.NewResponseController(w)
	for {
		changed := p.Google.Changed()
		if controller.Flush() != nil {
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

func asset(contentType, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType+"; charset=utf-8")
		_, _ = w.Write([]byte(text))
	}
}
