// Package oauthcallback is the function for people's browsers. /start redirects from Chat to Google's consent
// page, and /callback receives the browser from there. /export downloads what Deputy stores about a person. The
// home page, /privacy and /terms describe the app. shared/consent implements the consent; this is only its HTTP.
package oauthcallback

import (
	"cmp"
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
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/serve"
	"example.com/deputy/shared/words"
)

const (
	maxForm  = 64 << 10 // bytes
	deadline = 20 * time.Second
)

// Deps are the dependencies of the function.
type Deps struct {
	Grants  *grants.Grants
	Consent *consent.Flow
	Callers *callers.File // the systems that people can approve
	Address string        // public address of this function (OAUTH_CALLBACK_URL)
	Log     *slog.Logger
	About   About // may be empty
}

type function struct{ Deps }

// New returns the function's handler. Its paths are relative to Address.
func New(d Deps) http.Handler {
	d.About.Name = cmp.Or(d.About.Name, "Deputy")
	f := function{d}
	endpoint := serve.Endpoint{
		Name: "oauthcallback", Log: d.Log, Deadline: deadline, WriteError: f.showError,
		Limiter: serve.NewLimiter(serve.MaxInFlight), MaxBody: func(*http.Request) int64 { return maxForm },
	}
	mux := http.NewServeMux()
	mux.Handle("GET /start", endpoint.Handler(f.start))
	mux.Handle("GET /callback", endpoint.Handler(f.callback))
	mux.Handle("GET /outcome", endpoint.Handler(f.outcome))
	mux.Handle("GET /connected", endpoint.Handler(f.connected))
	mux.Handle("GET /other-browser", endpoint.Handler(f.otherBrowser))
	mux.Handle("GET /export", endpoint.Handler(f.offerExport))
	mux.Handle("POST /export", endpoint.Handler(f.export))
	mux.Handle("POST /approve", endpoint.Handler(f.approve))
	mux.Handle("GET /{$}", endpoint.Handler(f.home))
	mux.Handle("GET /privacy", endpoint.Handler(f.privacy))
	mux.Handle("GET /terms", endpoint.Handler(f.terms))
	mux.Handle("/", endpoint.Handler(func(http.ResponseWriter, *http.Request) error {
		return fault.New(fault.NotFound, words.PageNotFound)
	}))
	return mux
}

// callback receives the browser from Google. Only a navigation counts.
func (f function) callback(w http.ResponseWriter, r *http.Request) error {
	if !googleauth.IsNavigation(r) {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	redirected, err := googleauth.ParseRedirect(r.URL.Query())
	if err != nil {
		return err
	}
	done, err := f.Consent.Finish(r.Context(), consent.Callback{Redirect: redirected, Cookies: f.cookieValues(r)})
	asks := len(done.Missing) > 0 || done.Question != nil || done.Answer != ""
	switch {
	case err != nil:
		return err
	case asks && done.Stored:
		redirect(w, f.Consent.OutcomeAddress(redirected.State)) // where the page survives a reload
		return nil
	default:
		return f.showOutcome(w, r, done)
	}
}

// outcome shows the outcome of a consent or of a question. A browser may open it as often as it likes.
func (f function) outcome(w http.ResponseWriter, r *http.Request) error {
	id, err := queryParam(r, "id")
	if err != nil {
		return err
	}
	done, err := f.Consent.Outcome(r.Context(), id.Reveal(), f.cookieValues(r))
	if refusal, ok := consent.AsRefusal(err); ok && refusal.Stored { // and logged when it was
		status, p := refusalPage(say(r), refusal)
		writePage(w, r, status, p)
		return nil
	}
	if err != nil {
		return err
	}
	return f.showOutcome(w, r, done)
}

func (f function) showOutcome(w http.ResponseWriter, r *http.Request, done consent.Outcome) error {
	var q *question
	if done.Question != nil {
		var err error
		if q, err = f.loadQuestion(r.Context(), done); err != nil {
			return err
		}
	}
	switch {
	case len(done.Missing) > 0:
		writePage(w, r, http.StatusOK, missingPage(say(r), done))
	case q != nil:
		writePage(w, r, http.StatusOK, questionPage(say(r), done, *q, f.Address))
	case done.Answer != "":
		return f.showAnswer(w, r, done)
	case !done.ConsentURL.Empty():
		redirect(w, done.ConsentURL)
	case !done.ReturnTo.Empty():
		redirect(w, done.ReturnTo)
	default:
		redirect(w, config.NewSecret(f.Address+"/connected")) // a URL without the code
	}
	return nil
}

func (f function) connected(w http.ResponseWriter, r *http.Request) error {
	writePage(w, r, http.StatusOK, connectedPage(say(r)))
	return nil
}

func (f function) otherBrowser(w http.ResponseWriter, r *http.Request) error {
	status, p := refusalPage(say(r), &consent.Refusal{Reason: consent.OtherBrowser})
	writePage(w, r, status, p)
	return nil
}

// approve receives a person's answer to a question. The form's token is valid once and in this browser only. It
// redirects to the answer, so that a reload does not send the form again.
func (f function) approve(w http.ResponseWriter, r *http.Request) error {
	form, err := readForm(r, words.ApprovalFormChanged)
	if err != nil {
		return err
	}
	token, answer := config.NewSecret(form.Get("token")), consent.Answer(form.Get("answer"))
	if answer != consent.Allow && answer != consent.Refuse {
		return fault.New(fault.Invalid, words.ApprovalFormChanged)
	}
	err = f.Consent.Answer(r.Context(), token, f.cookieValues(r), answer, form["action"]...)
	refusal, _ := consent.AsRefusal(err)
	running := refusal != nil && refusal.Reason == consent.Running // the page of the outcome can wait for it
	if err != nil && !running {
		return err
	}
	redirect(w, f.Consent.OutcomeAddress(token))
	return nil
}

// readForm returns a page's form, with one token and one button that was pressed. changed is the text of the error for
// any other form.
func readForm(r *http.Request, changed i18n.Text) (url.Values, error) {
	if media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); media != "application/x-www-form-urlencoded" {
		return nil, fault.New(fault.Invalid, changed)
	}
	body, err := serve.ReadBody(r)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil || len(form["token"]) != 1 || len(form["answer"]) != 1 {
		return nil, fault.New(fault.Invalid, changed)
	}
	return form, nil
}

// offerExport shows a button that downloads. Programs that preview links open an address, but press nothing.
func (f function) offerExport(w http.ResponseWriter, r *http.Request) error {
	link, err := queryParam(r, "link")
	if err == nil {
		err = f.Grants.CheckExportLink(link)
	}
	if err != nil {
		return err
	}
	writePage(w, r, http.StatusOK, page{
		Title: say(r)(words.PageExportTitle), Text: []string{say(r)(words.PageExportText)},
		FormAction: f.Address + "/export", Token: link.Reveal(), Allow: say(r)(words.ButtonDownload),
	})
	return nil
}

func (f function) export(w http.ResponseWriter, r *http.Request) error {
	form, err := readForm(r, words.PageExportExpired)
	if err != nil {
		return err
	}
	data, err := f.Grants.Export(r.Context(), config.NewSecret(form.Get("token")))
	if err != nil {
		return err
	}
	body, err := json.MarshalIndent(data, "", "  ")
	if err != nil {
		return fault.Wrap("oauthcallback.export", err)
	}
	f.Log.InfoContext(r.Context(), "audit", slog.String("action", "export"), slog.String("person", string(data.Person)))
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="deputy.json"`)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	_, err = w.Write(append(body, '\n'))
	return fault.Wrap("oauthcallback.export", err)
}

// queryParam returns the value of a parameter, which may be given only once.
func queryParam(r *http.Request, name string) (config.Secret, error) {
	values := r.URL.Query()[name]
	if len(values) > 1 {
		return config.Secret{}, fault.New(fault.Invalid, words.PageAddressChanged, name)
	}
	return config.NewSecret(strings.Join(values, "")), nil
}

func redirect(w http.ResponseWriter, to config.Secret) {
	setSecurityHeaders(w.Header())
	w.Header().Set("Location", to.Reveal())
	w.WriteHeader(http.StatusSeeOther)
}
