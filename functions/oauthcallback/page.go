package oauthcallback

import (
	"cmp"
	"crypto/sha256"
	_ "embed" // for the page and its style
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
	policy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; style-src 'sha256-" + hashOf(pageCSS) + "'"
)

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// say speaks the language that the browser asks for.
func say(r *http.Request) i18n.Say { return i18n.In(r.Header.Get("Accept-Language")) }

// page is what a person reads in the browser.
type page struct {
	Language string // show fills it in
	App      string // what stands above the title; show fills it in
	Title    string
	Text     []string
	Good     bool
	Link     string // where the button leads; no button without
	Press    string // what is on it
	Sections []section
	Links    []link
	Public   bool // it may be found by search engines
	// Ask is where a question's answer goes; no question without.
	Ask, Token, Allow, Refuse string
}

func show(w http.ResponseWriter, r *http.Request, status int, p page) {
	p.Language, p.App = i18n.Language(r.Header.Get("Accept-Language")), cmp.Or(p.App, say(r)(words.PageApp))
	protect(w.Header())
	if p.Ask != "" {
		w.Header().Set("Content-Security-Policy", strings.Replace(policy, "form-action 'none'", "form-action 'self'", 1))
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if err := pageTemplate.Execute(w, p); err != nil {
		panic(err) // a mistake in the template: the endpoint makes it a 500
	}
}

// protect keeps the page from being framed, stored, or telling others where
// the browser came from.
func protect(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Strict-Transport-Security", "max-age=63072000")
}

// fail shows every error of the function.
func (f function) fail(w http.ResponseWriter, r *http.Request, err error) {
	if refusal, ok := consent.RefusalIn(err); ok {
		status, p := refused(say(r), refusal)
		show(w, r, status, p)
		return
	}
	status := map[fault.Kind]int{
		fault.Invalid: http.StatusBadRequest, fault.NotFound: http.StatusNotFound, fault.Denied: http.StatusForbidden,
		fault.Unauthenticated: http.StatusForbidden, fault.Unavailable: http.StatusServiceUnavailable, fault.RateLimited: http.StatusServiceUnavailable,
	}[fault.KindOf(err)]
	if status == 0 {
		status = http.StatusInternalServerError
	}
	if errors.Is(err, serve.ErrFull) {
		w.Header().Set("Retry-After", "2")
	}
	show(w, r, status, page{Title: say(r)(words.ErrorTitle), Text: []string{fault.Public(say(r), err, logging.Reference(r.Context())), say(r)(words.PageNothingStored)}})
}

func button(p page, link config.Secret, press string) page {
	if !link.Empty() {
		p.Link, p.Press = link.Reveal(), press
	}
	return p
}
