package oauthcallback

import (
	"crypto/rand"
	"net/http"
	"slices"
	"strings"
	"time"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/googleauth"
)

const (
	cookieLife = time.Hour
	maxCookies = 50 // of one browser that are looked at
)

// start redirects the browser to Google. HEAD and prefetch requests start no consent.
func (f function) start(w http.ResponseWriter, r *http.Request) error {
	if !googleauth.IsNavigation(r) {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	invitation, err := queryParam(r, "invitation")
	if err != nil {
		return err
	}
	ask, err := queryParam(r, "ask")
	if err != nil {
		return err
	}
	if ask.Empty() {
		choice, err := f.Consent.Choice(invitation)
		if err != nil {
			return err
		}
		if choice != nil {
			link := f.Address + "/start?invitation=" + invitation.Reveal()
			writePage(w, r, http.StatusOK, choicePage(say(r), *choice, link))
			return nil
		}
	}
	cookie := http.Cookie{ //nolint:gosec // Secure, except on loopback addresses
		Name: f.cookiePrefix() + rand.Text()[:8], Value: rand.Text(), Path: "/", MaxAge: int(cookieLife.Seconds()),
		Secure: f.isSecure(), HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	if own := f.ownCookies(r); len(own) > 0 { // the newest comes last (RFC 6265, section 5.4)
		cookie.Name, cookie.Value = own[len(own)-1].Name, own[len(own)-1].Value
	}
	everything := ask.Reveal() == "everything"
	consentURL, err := f.Consent.Start(r.Context(), invitation, config.NewSecret(cookie.Value), everything)
	if err != nil {
		return err
	}
	http.SetCookie(w, &cookie)
	redirect(w, consentURL)
	return nil
}

// cookiePrefix begins the names of the cookies that bind consents to the browser that started them. Each has a name of
// its own, so that two tabs which start at once both keep theirs. With __Host-, browsers accept it only from this host
// over TLS. On loopback, where there is no TLS, some would never accept it.
func (f function) cookiePrefix() string {
	if f.isSecure() {
		return "__Host-deputy-"
	}
	return "deputy-"
}

func (f function) isSecure() bool { return strings.HasPrefix(f.Address, "https://") }

// ownCookies returns the browser's cookies from start.
func (f function) ownCookies(r *http.Request) []*http.Cookie {
	own := slices.DeleteFunc(
		r.Cookies(),
		func(c *http.Cookie) bool { return !strings.HasPrefix(c.Name, f.cookiePrefix()) },
	)
	return own[max(0, len(own)-maxCookies):]
}

func (f function) cookieValues(r *http.Request) []config.Secret {
	var values []config.Secret
	for _, c := range f.ownCookies(r) {
		values = append(values, config.NewSecret(c.Value))
	}
	return values
}
