package chatpage

import (
	"bytes"
	"cmp"
	_ "embed" // for the page
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"example.com/deputy/emulator/google"
)

//go:embed page.html
var pageHTML string

//go:embed style.css
var style string

//go:embed script.js
var script string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"formatted": formatted,
	"initials":  initials,
	"odd":       odd,
	"pretty":    pretty,
	"name":      spaceName,
	"args":      func(m shown, c *Card) cardView { return cardView{Message: m, Card: c} },
	"press":     func(v cardView, b *Button) pressView { return pressView{v, b, v.Press(b)} },
	"window": func(v view, w *window, surface string) cardView {
		people := slices.DeleteFunc(v.People, func(p google.Person) bool { return p.Domain != v.Who.Domain || p == v.Who })
		return cardView{Message: shown{As: v.Who.Sub, In: v.In.ID}, Card: w.Card, Surface: surface, People: people}
	},
	"millis": func(d time.Duration) string { return fmt.Sprintf("%.1f ms", millis(d)) },
}).Parse(pageHTML))

// view is what the page shows.
type view struct {
	App       string
	People    []google.Person
	Who       google.Person
	Spaces    []google.Space
	In        google.Space
	Messages  []shown
	Commands  []Command // slash commands
	Quick     []Command
	Home      *window // the Home tab, when that is open
	Dialog    *window
	Toast     toast
	Inspector inspector
	SignIn    string
	Notice    string
}

// inspector is what the right side shows.
type inspector struct {
	Exchange *exchange // the last one; nil for none yet
	Event    string
	Reply    string
	Calls    []google.Call
	Lines    []string
	Switches []turned
	Format   Format
	Events   []string // security events
}

// turned is a switch as it stands.
type turned struct {
	google.Switch
	On bool
}

// shown is a message as the page shows it.
type shown struct {
	google.Message
	App  string
	Chat *Message // the app's message; nil for others
	Said template.HTML
	As   string // who clicks
	In   string
}

// cardView is a card with the message it is in, or outside of any.
type cardView struct {
	Message shown
	Card    *Card
	Surface string // dialog, home, or empty in a message
	People  []google.Person
}

// pressView is a button that comes back to the app.
type pressView struct {
	cardView
	Button *Button
	Number int
}

// Press is the number of a button.
func (v cardView) Press(b *Button) int {
	return slices.Index(buttonsOf(v.Card), b)
}

// Required tells whether a button of the card needs a field.
func (v cardView) Required(name string) bool {
	return slices.ContainsFunc(buttonsOf(v.Card), func(b *Button) bool {
		return b.OnClick.Action != nil && slices.Contains(b.OnClick.Action.RequiredWidgets, name)
	})
}

// Chosen tells whether a selection holds a value.
func (cardView) Chosen(s *SelectionInput, value string) bool {
	return slices.ContainsFunc(s.Items, func(i *SelectionItem) bool { return i.Value == value && i.Selected })
}

// show renders the page for ?as= and ?in=; without them, for the person it was
// shown to last and their direct message with the app.
func (p *Page) show(w http.ResponseWriter, r *http.Request) {
	people := p.Google.Accounts()
	who, ok := p.Google.Account(r.URL.Query().Get("as"))
	if last, err := r.Cookie("as"); !ok && err == nil {
		who, ok = p.Google.Account(last.Value)
	}
	if !ok && len(people) == 0 {
		http.Redirect(w, r, p.SignIn, http.StatusSeeOther)
		return
	}
	if !ok {
		who = people[0]
	}
	http.SetCookie(w, &http.Cookie{Name: "as", Value: who.Sub, Path: "/", SameSite: http.SameSiteLaxMode}) //nolint:gosec // no secret
	v, err := p.view(who, r.URL.Query().Get("in"), r.URL.Query().Get("tab"))
	var out bytes.Buffer
	if err == nil {
		err = pageTemplate.Execute(&out, v)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'; base-uri 'none'")
	_, _ = w.Write(out.Bytes()) // the browser has gone: nobody to tell
}

// view is what a person sees in a space.
func (p *Page) view(who google.Person, in, tab string) (view, error) {
	v := view{App: p.App, People: p.Google.Accounts(), Who: who, Spaces: p.Google.SpacesOf(who), SignIn: p.SignIn, Notice: p.Notice}
	for _, c := range p.Commands {
		if c.quick() {
			v.Quick = append(v.Quick, c)
		} else {
			v.Commands = append(v.Commands, c)
		}
	}
	v.In = v.Spaces[0]
	for _, space := range v.Spaces {
		if space.ID == strings.TrimPrefix(in, "spaces/") {
			v.In = space
		}
	}
	for _, m := range v.In.Messages {
		chat, err := parsed(m)
		if err != nil {
			return v, err
		}
		text := m.Text
		if chat != nil {
			text = chat.Text
		}
		v.Messages = append(v.Messages, shown{Message: m, App: p.App, Chat: chat, Said: written(text, m.Markup, v.People), As: who.Sub, In: v.In.ID})
	}
	if open, ok := p.window(p.surface("dialog"), who); ok {
		v.Dialog = &open
	}
	if open, ok := p.window(p.surface("home"), who); ok && v.In.Direct && tab == "home" {
		v.Home = &open
	}
	p.mu.Lock()
	v.Toast = p.toasts[who.Sub]
	p.mu.Unlock()
	v.Inspector = p.inspector()
	return v, nil
}

// inspector is the last exchange, and how everything is switched.
func (p *Page) inspector() inspector {
	out := inspector{Format: p.format(), Events: google.SecurityEvents()}
	for _, s := range google.Switches() {
		if p.SignIn != "" && s.Name != "redeliver" && s.Name != "locale" {
			continue // of the stand-in, which is not asked
		}
		out.Switches = append(out.Switches, turned{s, p.Google.On(s.Name)})
	}
	if x, ok := p.find(""); ok {
		out.Exchange, out.Calls, out.Lines = &x, x.calls(p), x.lines(p)
		out.Event, out.Reply = indented(x.Event), cmp.Or(indented(x.Reply), x.Text)
	}
	return out
}

// indented is a JSON text for people.
func indented(text []byte) string {
	var out bytes.Buffer
	if json.Indent(&out, text, "", "  ") != nil {
		return string(text)
	}
	return out.String()
}

// parsed is the app's message in m; nil for those of people.
func parsed(m google.Message) (*Message, error) {
	if m.JSON == nil {
		return nil, nil //nolint:nilnil // no message is no error
	}
	var chat Message
	return &chat, json.Unmarshal(m.JSON, &chat)
}

func spaceName(app string, s google.Space) string {
	switch {
	case s.Direct:
		return app
	case s.Group:
		names := make([]string, len(s.Members))
		for i, m := range s.Members {
			names[i] = m.Person.Name
		}
		return strings.Join(names, ", ")
	default:
		return s.DisplayName
	}
}

func initials(name string) string {
	out, start := "", true
	for _, r := range name {
		if start && len(out) < 2 {
			out += string(r)
		}
		start = r == ' '
	}
	return out
}

// odd tells that the page cannot show a widget.
func odd(w *Widget) bool {
	return w.TextParagraph == nil && w.DecoratedText == nil && w.ButtonList == nil && w.TextInput == nil && w.SelectionInput == nil && w.Divider == nil && w.Image == nil
}

func pretty(v any) (string, error) {
	text, err := json.MarshalIndent(v, "", "  ")
	return string(text), err
}
