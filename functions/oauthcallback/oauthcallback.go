// Package oauthcallback is the function that people's browsers come to: /start
// leads from Chat to Google's consent page, /callback back from there; /export
// gives a person what Deputy holds about them; the homepage, /privacy and
// /terms are about the app itself.
//
// What a consent means is in shared/consent; here is only its HTTP.
package oauthcallback

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/consent"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/serve"
	"example.com/deputy/shared/words"
)

const (
	maxForm    = 64 << 10 // bytes
	deadline   = 20 * time.Second
	cookieLife = time.Hour
)

// Deps are what the function works with.
type Deps struct {
	Grants  *grants.Grants
	Consent *consent.Flow
	Callers *callers.File // the systems that people are asked about
	Address string        // public address of this function (OAUTH_CALLBACK_URL)
	Log     *slog.Logger
	About   About // what the pages about the app say of it; may be empty
}

type function struct{ Deps }

// New is the function's handler. Paths are those below Address.
func New(d Deps) http.Handler {
	d.About.Name = cmp.Or(d.About.Name, "Deputy")
	f := function{d}
	door := serve.Endpoint{Name: "oauthcallback", Log: d.Log, Deadline: deadline, Fail: f.fail, Limiter: serve.NewLimiter(serve.MaxInFlight), MaxBody: maxForm}
	mux := http.NewServeMux()
	mux.Handle("GET /start", door.Handler(f.start))
	mux.Handle("GET /callback", door.Handler(f.callback))
	mux.Handle("GET /connected", door.Handler(f.connected))
	mux.Handle("GET /export", door.Handler(f.export))
	mux.Handle("POST /approve", door.Handler(f.approve))
	mux.Handle("GET /{$}", door.Handler(f.home))
	mux.Handle("GET /privacy", door.Handler(f.privacy))
	mux.Handle("GET /terms", door.Handler(f.terms))
	mux.Handle("/", door.Handler(func(http.ResponseWriter, *http.Request) error {
		return fault.New(fault.NotFound, words.PageNotFound)
	}))
	return mux
}

// start sends the browser to Google. What only looks ahead (HEAD, prefetch)
// begins nothing.
func (f function) start(w http.ResponseWriter, r *http.Request) error {
	if r.Method == http.MethodHead || ahead(r.Header) {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	invitation, err := one(r, "invitation")
	if err != nil {
		return err
	}
	browser := f.browser(r)
	if browser.Empty() {
		browser = config.NewSecret(rand.Text())
	}
	google, err := f.Consent.Start(r.Context(), invitation, browser)
	if err != nil {
		return err
	}
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure, but for loopback addresses
		Name: f.cookie(), Value: browser.Reveal(), Path: "/", MaxAge: int(cookieLife.Seconds()),
		Secure: f.secure(), HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	redirect(w, google)
	return nil
}

// callback receives the browser from Google. Parameters that Google adds and
// we do not use are let be.
func (f function) callback(w http.ResponseWriter, r *http.Request) error {
	if r.Method == http.MethodHead || ahead(r.Header) {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	c := consent.Callback{Browser: f.browser(r)}
	for name, into := range map[string]func(config.Secret){
		"state": func(s config.Secret) { c.State = s },
		"code":  func(s config.Secret) { c.Code = s },
		"error": func(s config.Secret) { c.Error = s.Reveal() },
		"iss":   func(s config.Secret) { c.Issuer = s.Reveal() },
	} {
		value, err := one(r, name)
		if err != nil {
			return err
		}
		into(value)
	}
	done, err := f.Consent.Finish(r.Context(), c)
	var asked *question
	if err == nil && done.Approval != nil {
		asked, err = f.question(r.Context(), done)
	}
	switch {
	case err != nil:
		return err
	case !done.Consent.Empty():
		redirect(w, done.Consent)
	case len(done.Missing) > 0:
		show(w, r, http.StatusOK, unticked(say(r), done))
	case asked != nil:
		show(w, r, http.StatusOK, questionPage(say(r), done, *asked, f.Address))
	case !done.ReturnTo.Empty():
		redirect(w, done.ReturnTo)
	default:
		// To an address without the code in it.
		redirect(w, config.NewSecret(f.Address+"/connected"))
	}
	return nil
}

func (f function) connected(w http.ResponseWriter, r *http.Request) error {
	show(w, r, http.StatusOK, connectedPage(say(r)))
	return nil
}

// approve takes a person's answer to the question whether another system may
// act as them. The token in the form counts once, and in this browser only.
func (f function) approve(w http.ResponseWriter, r *http.Request) error {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/x-www-form-urlencoded" {
		return fault.New(fault.Invalid, words.ApprovalFormChanged)
	}
	body, err := serve.Body(r)
	if err != nil {
		return err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil || len(form["token"]) != 1 || len(form["answer"]) != 1 {
		return fault.New(fault.Invalid, words.ApprovalFormChanged)
	}
	yes := form.Get("answer") == "allow"
	answered, err := f.Consent.Answer(r.Context(), config.NewSecret(form.Get("token")), f.browser(r), yes)
	if err != nil {
		return err
	}
	f.Log.InfoContext(r.Context(), "audit", slog.String("act", "approve"), slog.Bool("allowed", yes), slog.String("person", answered.Person),
		slog.String("caller_id", answered.Caller), slog.Any("actions", answered.Actions), slog.String("authority", string(answered.Authority)))
	show(w, r, http.StatusOK, answeredPage(say(r), yes))
	return nil
}

// export gives a person what Deputy holds about them, as a file.
func (f function) export(w http.ResponseWriter, r *http.Request) error {
	link, err := one(r, "link")
	if err != nil {
		return err
	}
	held, err := f.Grants.Export(r.Context(), link)
	if err != nil {
		return err
	}
	body, err := json.MarshalIndent(held, "", "  ")
	if err != nil {
		return fault.Wrap("oauthcallback.export", err)
	}
	f.Log.InfoContext(r.Context(), "audit", slog.String("act", "export"), slog.String("person", string(held.Person)))
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="deputy.json"`)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	_, err = w.Write(append(body, '\n'))
	return fault.Wrap("oauthcallback.export", err)
}

// one is the value of a parameter that may stand once.
func one(r *http.Request, name string) (config.Secret, error) {
	values := r.URL.Query()[name]
	if len(values) > 1 {
		return config.Secret{}, fault.New(fault.Invalid, words.PageAddressChanged, name)
	}
	return config.NewSecret(strings.Join(values, "")), nil
}

// ahead tells a browser that only prefetches.
func ahead(h http.Header) bool {
	return strings.Contains(h.Get("Sec-Purpose")+h.Get("Purpose")+h.Get("X-Moz"), "prefetch")
}

// The cookie binds a consent to the browser that began it. Its prefix makes
// browsers refuse it from other hosts and without TLS; on loopback, where
// there is no TLS, some browsers would refuse it altogether.
func (f function) cookie() string {
	if f.secure() {
		return "__Host-deputy"
	}
	return "deputy"
}

func (f function) secure() bool { return strings.HasPrefix(f.Address, "https://") }

// browser is the cookie's value, or empty when there is not exactly one.
func (f function) browser(r *http.Request) config.Secret {
	found := r.CookiesNamed(f.cookie())
	if len(found) != 1 {
		return config.Secret{}
	}
	return config.NewSecret(found[0].Value)
}

func redirect(w http.ResponseWriter, to config.Secret) {
	protect(w.Header())
	w.Header().Set("Location", to.Reveal())
	w.WriteHeader(http.StatusSeeOther)
}
