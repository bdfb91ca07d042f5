package consenttest

import (
	"io"
	"net/http"
	"net/url"
	"strings"

	"example.com/deputy/emulator/google"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/consent"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/resource"
)

var (
	// Browser is the cookie of everyone's browser.
	Browser = config.NewSecret("a-browser")
	// Cookies are the cookies of everyone's browser.
	Cookies = []config.Secret{Browser}
	// Completion is the completion URL of an event of Chat.
	Completion = config.NewSecret("https://chat.google.com/api/bot_config_complete?token=t")
)

// SignIn completes a consent of a person, who allows everything but Unselected.
func (w *World) SignIn(p google.Person, c ...capability.Capability) consent.Outcome {
	w.t.Helper()
	out, err := w.Complete(w.InvitePerson(p, Completion, c...), p)
	Check(w.t, err)
	return out
}

// Complete completes a consent with an account, which allows everything but Unselected. If Google has to ask again,
// it is allowed again.
func (w *World) Complete(invitation config.Secret, account google.Person) (consent.Outcome, error) {
	w.t.Helper()
	out, err := w.Finish(w.t.Context(), w.GiveConsent(invitation, account))
	if err == nil && !out.ConsentURL.Empty() {
		out, err = w.Finish(w.t.Context(), w.AllowAll(out.ConsentURL, account))
	}
	if err == nil && !out.ConsentURL.Empty() {
		w.t.Fatal("Google has to ask a third time")
	}
	return out, err
}

// InvitePerson returns the invitation in a link for a person, for Start.
func (w *World) InvitePerson(p google.Person, returnTo config.Secret, c ...capability.Capability) config.Secret {
	w.t.Helper()
	link, err := w.Invite(w.t.Context(), resource.Named(p.User()), returnTo, c...)
	Check(w.t, err)
	return w.Invitation(link)
}

// Invitation returns the invitation in a link.
func (w *World) Invitation(link config.Secret) config.Secret {
	w.t.Helper()
	text, found := strings.CutPrefix(link.Reveal(), PublicURL+"/start?invitation=")
	if !found {
		w.t.Fatal("not a link of Deputy")
	}
	return config.NewSecret(text)
}

// GiveConsent opens an invitation in Browser and allows everything with an account.
func (w *World) GiveConsent(invitation config.Secret, account google.Person) consent.Callback {
	w.t.Helper()
	address, err := w.Start(w.t.Context(), invitation, Browser, false)
	Check(w.t, err)
	return w.AllowAll(address, account)
}

// AllowAll allows all scopes on Google's page, except Unselected, with an account.
func (w *World) AllowAll(address config.Secret, account google.Person) consent.Callback {
	w.t.Helper()
	u, err := url.Parse(address.Reveal())
	Check(w.t, err)
	page := w.fetch(http.NewRequestWithContext(w.t.Context(), http.MethodGet, u.String(), nil))
	if strings.HasPrefix(page, PublicURL) { // Google had nothing to ask
		return w.parseCallback(page)
	}
	_, rest, _ := strings.Cut(page, `name="request" value="`)
	request, _, _ := strings.Cut(rest, `"`)
	form := url.Values{"request": {request}, "account": {account.Sub}, "decision": {"allow"}}
	for scope := range strings.FieldsSeq(u.Query().Get("scope")) {
		if scope != w.Unselected {
			form.Add("scope", scope)
		}
	}
	body := strings.NewReader(form.Encode())
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.GoogleURL+"/o/oauth2/v2/consent", body)
	Check(w.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return w.parseCallback(w.fetch(r, nil))
}

// parseCallback returns the parameters of Google's redirect.
func (w *World) parseCallback(address string) consent.Callback {
	w.t.Helper()
	back, err := url.Parse(address)
	Check(w.t, err)
	redirect, err := googleauth.ParseRedirect(back.Query())
	Check(w.t, err)
	return consent.Callback{Redirect: redirect, Cookies: Cookies}
}

// fetch returns the body of a page or the location that it redirects to.
func (w *World) fetch(r *http.Request, err error) string {
	w.t.Helper()
	Check(w.t, err)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(r)
	Check(w.t, err)
	defer func() { _ = res.Body.Close() }()
	if to := res.Header.Get("Location"); to != "" {
		return to
	}
	body, err := io.ReadAll(res.Body)
	Check(w.t, err)
	return string(body)
}
