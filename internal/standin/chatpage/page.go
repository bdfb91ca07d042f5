package chatpage

import (
	_ "embed" // for the page
	"encoding/json"
	"html"
	"html/template"
	"net/http"
	"regexp"
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
	"args":      func(m shown, c *chatapi.GoogleAppsCardV1Card) cardView { return cardView{m, c} },
}).Parse(pageHTML))

// view is what the page shows.
type view struct {
	App      string
	People   []google.Person
	Who      google.Person
	Spaces   []google.Space
	In       google.Space
	Messages []shown
	Commands []Command
}

// shown is a message as the page shows it.
type shown struct {
	google.Message
	App  string
	Chat *chatapi.Message // the app's message; nil for others
	As   string           // who clicks
	In   string
}

// cardView is a card with the message it is in.
type cardView struct {
	Message shown
	Card    *chatapi.GoogleAppsCardV1Card
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
	v := view{App: p.App, People: google.People(), Who: who, Spaces: p.Google.SpacesOf(who), Commands: p.Commands}
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
	return w.TextParagraph == nil && w.DecoratedText == nil && w.ButtonList == nil
}

func pretty(v any) (string, error) {
	text, err := json.MarshalIndent(v, "", "  ")
	return string(text), err
}
