package oauthcallback

import (
	"cmp"
	"crypto/sha256"
	_ "embed" // for the page and its style sheet
	"encoding/base64"
	"errors"
	"html/template"
	"net/http"
	"strings"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/consent"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/logging"
	"example.com/deputy/shared/serve"
	"example.com/deputy/shared/words"
)

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

var (
	pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
		"css": func() template.CSS { return template.CSS(pageCSS) }, //nolint:gosec // our own file
	}).Parse(pageHTML))
	policy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
		"style-src 'sha256-" + hash(pageCSS) + "'"
)

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// say returns the translator for the language that the browser prefers.
func say(r *http.Request) i18n.Say { return i18n.In(r.Header.Get("Accept-Language")) }

// page is the content of page.html.
type page struct {
	Language    string // set by writePage
	App         string // name above the title; set by writePage if empty
	Title       string
	Text        []string
	Success     bool
	Asks        bool   // the page asks something; set by writePage if it has a form
	ButtonURL   string // empty if the page has no button
	ButtonLabel string
	Sections    []section
	Links       []link
	Indexable   bool // by search engines
	// FormAction is the URL that the pressed button is sent to; empty if the page has no form. Refuse may be empty.
	FormAction, Token, Allow, Refuse string
	Choices                          []choice // boxes of the form, all ticked
}

// section is a part of a page under a title.
type section struct {
	Title                  string
	Text, Items            []string
	ButtonURL, ButtonLabel string // empty if the section has no button
}

// choice is a box of a form.
type choice struct{ Value, Text string }

func writePage(w http.ResponseWriter, r *http.Request, status int, p page) {
	p.Language = i18n.Language(r.Header.Get("Accept-Language"))
	p.App = cmp.Or(p.App, say(r)(words.PageApp))
	setSecurityHeaders(w.Header())
	if p.FormAction != "" {
		p.Asks = true
		form := strings.Replace(policy, "form-action 'none'", "form-action 'self'", 1)
		w.Header().Set("Content-Security-Policy", form)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if err := pageTemplate.Execute(w, p); err != nil {
		panic(err) // an error in the template; the endpoint answers 500
	}
}

func setSecurityHeaders(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Strict-Transport-Security", "max-age=63072000")
}

func (f function) showError(w http.ResponseWriter, r *http.Request, err error) {
	if refusal, ok := consent.AsRefusal(err); ok {
		if r.URL.Path == "/callback" {
			switch {
			case refusal.Reason == consent.OtherBrowser:
				// The person may be tricked into sending the address on, so it must not contain the code.
				redirect(w, config.NewSecret(f.Address+"/other-browser"))
				return
			case refusal.Stored:
				redirect(w, f.Consent.OutcomeAddress(config.NewSecret(r.URL.Query().Get("state"))))
				return
			}
		}
		if refusal.Reason == consent.Running {
			w.Header().Set("Refresh", "2")
		}
		status, p := refusalPage(say(r), refusal)
		writePage(w, r, status, p)
		return
	}
	status := map[fault.Kind]int{
		fault.Invalid: http.StatusBadRequest, fault.NotFound: http.StatusNotFound,
		fault.Denied: http.StatusForbidden, fault.Unauthenticated: http.StatusForbidden,
		fault.Unavailable: http.StatusServiceUnavailable, fault.RateLimited: http.StatusServiceUnavailable,
	}[fault.KindOf(err)]
	if status == 0 {
		status = http.StatusInternalServerError
	}
	if errors.Is(err, serve.ErrFull) {
		w.Header().Set("Retry-After", "2")
	}
	text := fault.Public(say(r), err, logging.Reference(r.Context()))
	writePage(w, r, status,
		page{Title: say(r)(words.ErrorTitle), Text: []string{text, say(r)(words.PageNothingStored)}})
}

func withButton(p page, link config.Secret, label string) page {
	p.ButtonURL, p.ButtonLabel = link.Reveal(), label // the page shows no button without a URL
	return p
}
