package chatpage

import (
	_ "embed" // for the page
	"encoding/json"
	"html"
	"html/template"
	"net/http"
	"regexp"
	"slices"
	"strings"

	chatapi "google.golang.org/api/chat/v1"

	"example.com/deputy/internal/standin/google"
)

//go:embed page.html
var pageHTML string

//go:embed style.css
var style string

//go:embed script.js
var script string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"plain":     html.UnescapeString, // a card's HTML text as what it says; the template escapes it again
	"initials":  initials,
	"odd":       odd,
	"pretty":    pretty,
	"name":      spaceName,
	"mentioned": mentioned,
	"args":      func(m shown, c *chatapi.GoogleAppsCardV1Card) cardView { return cardView{Message: m, Card: c} },
	"press":     func(v cardView, b *chatapi.GoogleAppsCardV1Button) pressView { return pressView{v, b, v.Press(b)} },
	"window": func(v view, w *window, surface string) cardView {
		people := slices.DeleteFunc(google.People(), func(p google.Person) bool { return p.Domain != v.Who.Domain || p == v.Who })
		return cardView{Message: shown{As: v.Who.Sub, In: v.In.ID}, Card: w.Card, Surface: surface, People: people}
	},
}).Parse(pageHTML))

// view is what the page shows.
type view struct {
	App      string
	People   []google.Person
	Who      google.Person
	Spaces   []google.Space
	In       google.Space
	Messages []shown
	Commands []Command // slash commands
	Quick    []Command
	Home     *window // the Home tab, when that is open
	Dialog   *window
}

// shown is a message as the page shows it.
type shown struct {
	google.Message
	App  string
	Chat *chatapi.Message // the app's message; nil for others
	As   string           // who clicks
	In   string
}

// cardView is a card with the message it is in, or outside of any.
type cardView struct {
	Message shown
	Card    *chatapi.GoogleAppsCardV1Card
	Surface string // dialog, home, or empty in a message
	People  []google.Person
}

// pressView is a button that comes back to the app.
type pressView struct {
	cardView
	Button *chatapi.GoogleAppsCardV1Button
	Number int
}

// Press is the number of a button.
func (v cardView) Press(b *chatapi.GoogleAppsCardV1Button) int {
	return slices.Index(buttonsOf(v.Card), b)
}

// Required tells whether a button of the card needs a field.
func (v cardView) Required(name string) bool {
	return slices.ContainsFunc(buttonsOf(v.Card), func(b *chatapi.GoogleAppsCardV1Button) bool {
		return b.OnClick.Action != nil && slices.Contains(b.OnClick.Action.RequiredWidgets, name)
	})
}

// Chosen tells whether a selection holds a value.
func (cardView) Chosen(s *chatapi.GoogleAppsCardV1SelectionInput, value string) bool {
	return slices.ContainsFunc(s.Items, func(i *chatapi.GoogleAppsCardV1SelectionItem) bool { return i.Value == value && i.Selected })
}

// show renders the page for ?as= and ?in=; without them, for the person it was
// shown to last and their direct message with the app.
func (p *Page) show(w http.ResponseWriter, r *http.Request) {
	who, ok := google.Find(r.URL.Query().Get("as"))
	if last, err := r.Cookie("as"); !ok && err == nil {
		who, ok = google.Find(last.Value)
	}
	if !ok {
		who = google.People()[0]
	}
	http.SetCookie(w, &http.Cookie{Name: "as", Value: who.Sub, Path: "/", SameSite: http.SameSiteLaxMode}) //nolint:gosec // no secret
	v := view{App: p.App, People: google.People(), Who: who, Spaces: p.Google.SpacesOf(who)}
	for _, c := range p.Commands {
		if c.quick() {
			v.Quick = append(v.Quick, c)
		} else {
			v.Commands = append(v.Commands, c)
		}
	}
	v.In = v.Spaces[0]
	for _, space := range v.Spaces {
		if space.ID == r.URL.Query().Get("in") {
			v.In = space
		}
	}
	for _, m := range v.In.Messages {
		s := shown{Message: m, App: p.App, As: who.Sub, In: v.In.ID}
		if m.JSON != nil {
			s.Chat = &chatapi.Message{}
			if err := json.Unmarshal(m.JSON, s.Chat); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
		}
		v.Messages = append(v.Messages, s)
	}
	if open, ok := p.window(p.open, who); ok {
		v.Dialog = &open
	}
	if open, ok := p.window(p.homes, who); ok && v.In.Direct && r.URL.Query().Get("tab") == "home" {
		v.Home = &open
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'; base-uri 'none'")
	if err := pageTemplate.Execute(w, v); err != nil {
		panic(err) // a mistake in the template; net/http logs it
	}
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

var mention = regexp.MustCompile(`<(users/[^>]+)>`)

// mentioned writes the mentions of an API message as people read them.
func mentioned(text string) string {
	return mention.ReplaceAllStringFunc(text, func(m string) string {
		if p, ok := google.Find(mention.FindStringSubmatch(m)[1]); ok {
			return "@" + p.Name
		}
		return m
	})
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
func odd(w *chatapi.GoogleAppsCardV1Widget) bool {
	return w.TextParagraph == nil && w.DecoratedText == nil && w.ButtonList == nil && w.TextInput == nil && w.SelectionInput == nil
}

func pretty(v any) (string, error) {
	text, err := json.MarshalIndent(v, "", "  ")
	return string(text), err
}
