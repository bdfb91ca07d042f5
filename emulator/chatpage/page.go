package chatpage

import (
	"bytes"
	"cmp"
	_ "embed" // for the page, its style and its script
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
	"formatted":   formatted,
	"initials":    initials,
	"unsupported": unsupported,
	"pretty":      pretty,
	"name":        spaceName,
	"cardView":    func(m shownMessage, c *Card) cardView { return cardView{Message: m, Card: c} },
	"buttonView":  func(v cardView, b *Button) buttonView { return buttonView{v, b, v.Index(b)} },
	"window": func(v view, w *window, surface string) cardView {
		others := slices.DeleteFunc(v.People, func(p google.Person) bool {
			return p.Domain != v.Person.Domain || p == v.Person
		})
		m := shownMessage{As: v.Person.Sub, In: v.Space.ID}
		return cardView{Message: m, Card: w.Card, Surface: surface, People: others}
	},
	"millis": func(d time.Duration) string { return fmt.Sprintf("%.1f ms", millis(d)) },
}).Parse(pageHTML))

// view is the data of page.html.
type view struct {
	App       string
	People    []google.Person
	Person    google.Person
	Spaces    []google.Space
	Space     google.Space
	Messages  []shownMessage
	Commands  []Command // slash commands
	Quick     []Command
	Home      *window // the Home tab, if it is selected
	Dialog    *window
	Toast     toast
	Inspector inspector
	SignIn    string
	Notice    string

	MoreAddress, More string
}

// inspector is the data of the inspector, on the right.
type inspector struct {
	Exchange *exchange // the last one; nil if there is none
	Event    string
	Reply    string
	Calls    []google.Call
	Lines    []string
	Switches []switchState
	Format   Format
	Events   []string // types of security events
}

type switchState struct {
	google.Switch
	On bool
}

// shownMessage is a message with what the template needs to show it.
type shownMessage struct {
	google.Message
	App  string
	Chat *Message // the app's message; nil for others
	HTML template.HTML
	As   string // sub of the person who clicks
	In   string
}

// cardView is a card. Message is empty for a card outside of messages, except for As and In.
type cardView struct {
	Message shownMessage
	Card    *Card
	Surface string // dialog, home, or empty in a message
	People  []google.Person
}

// buttonView is a button that sends an event to the app.
type buttonView struct {
	cardView
	Button *Button
	Number int
}

// Index returns the index of a button in buttonsOf.
func (v cardView) Index(b *Button) int {
	return slices.Index(buttonsOf(v.Card), b)
}

// IsRequired reports whether a button of the card requires a field.
func (v cardView) IsRequired(name string) bool {
	return slices.ContainsFunc(buttonsOf(v.Card), func(b *Button) bool {
		return b.OnClick.Action != nil && slices.Contains(b.OnClick.Action.RequiredWidgets, name)
	})
}

// IsSelected reports whether a value of a selection is selected.
func (cardView) IsSelected(s *SelectionInput, value string) bool {
	return slices.ContainsFunc(s.Items, func(i *SelectionItem) bool { return i.Value == value && i.Selected })
}

// show renders the page for ?as= and ?in=. They default to the person shown last and their direct message with the app.
func (p *Page) show(w http.ResponseWriter, r *http.Request) {
	people := p.Google.Accounts()
	person, ok := p.Google.Account(r.URL.Query().Get("as"))
	if last, err := r.Cookie("as"); !ok && err == nil {
		person, ok = p.Google.Account(last.Value)
	}
	if !ok && len(people) == 0 {
		http.Redirect(w, r, p.SignInAddress, http.StatusSeeOther)
		return
	}
	if !ok {
		person = people[0]
	}
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // no secret
		Name: "as", Value: person.Sub, Path: "/", SameSite: http.SameSiteLaxMode,
	})
	v, err := p.view(person, r.URL.Query().Get("in"), r.URL.Query().Get("tab"))
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
	_, _ = w.Write(out.Bytes()) // the browser may have disconnected
}

// view returns what a person sees in a space.
func (p *Page) view(person google.Person, spaceID, tab string) (view, error) {
	v := view{
		App: p.App, People: p.Google.Accounts(), Person: person, Spaces: p.Google.SpacesOf(person),
		SignIn: p.SignInAddress, Notice: p.Notice, MoreAddress: p.MoreAddress, More: p.More,
	}
	for _, c := range p.Commands {
		if c.quick() {
			v.Quick = append(v.Quick, c)
		} else {
			v.Commands = append(v.Commands, c)
		}
	}
	v.Space = v.Spaces[0]
	for _, space := range v.Spaces {
		if space.ID == strings.TrimPrefix(spaceID, "spaces/") {
			v.Space = space
		}
	}
	for _, m := range v.Space.Messages {
		chat, err := parseMessageJSON(m)
		if err != nil {
			return v, err
		}
		text := m.Text
		if chat != nil {
			text = chat.Text
		}
		html := renderText(text, m.Markup, v.People)
		v.Messages = append(v.Messages, shownMessage{m, p.App, chat, html, person.Sub, v.Space.ID})
	}
	if open, ok := p.window(p.windows("dialog"), person); ok {
		v.Dialog = &open
	}
	if open, ok := p.window(p.windows("home"), person); ok && v.Space.Direct && tab == "home" {
		v.Home = &open
	}
	p.mu.Lock()
	v.Toast = p.toasts[person.Sub]
	p.mu.Unlock()
	v.Inspector = p.inspector()
	return v, nil
}

func (p *Page) inspector() inspector {
	out := inspector{Format: p.format(), Events: google.SecurityEventTypes()}
	for _, s := range google.Switches() {
		if p.SignInAddress != "" && s.Name != "redeliver" && s.Name != "locale" {
			continue // it concerns the emulated Google, which is not in use
		}
		out.Switches = append(out.Switches, switchState{s, p.Google.IsOn(s.Name)})
	}
	if x, ok := p.find(""); ok {
		out.Exchange, out.Calls, out.Lines = &x, x.calls(p), x.lines(p)
		out.Event, out.Reply = indentJSON(x.Event), cmp.Or(indentJSON(x.Reply), x.Text)
	}
	return out
}

// indentJSON returns text indented, or unchanged if it is not JSON.
func indentJSON(text []byte) string {
	var out bytes.Buffer
	if json.Indent(&out, text, "", "  ") != nil {
		return string(text)
	}
	return out.String()
}

// parseMessageJSON returns the app's message in m, or nil for another message.
func parseMessageJSON(m google.Message) (*Message, error) {
	if m.JSON == nil {
		return nil, nil //nolint:nilnil // not a message of the app
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

// unsupported reports whether the page cannot show a widget.
func unsupported(w *Widget) bool {
	return w.TextParagraph == nil && w.DecoratedText == nil && w.ButtonList == nil && w.TextInput == nil &&
		w.SelectionInput == nil && w.Divider == nil && w.Image == nil
}

func pretty(v any) (string, error) {
	text, err := json.MarshalIndent(v, "", "  ")
	return string(text), err
}
