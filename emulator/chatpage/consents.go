package chatpage

import (
	"context"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"

	"example.com/deputy/emulator/google"
)

// runConsent completes a consent as a browser does, from an address that redirects to the consent page.
func (p *Page) runConsent(r *http.Request, in struct {
	Address string   `json:"address"`
	As      string   `json:"as"`
	Deny    bool     `json:"deny"`
	Untick  []string `json:"untick"` // scopes by suffix
	Open    string   `json:"open"`   // text of a link, if the app first shows a page of its own; empty for its first
	Press   string   `json:"press"`  // text of a button on the app's page that follows; may be empty
},
) (any, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	person, ok := p.Google.Account(in.As)
	if !ok {
		return nil, errUnknownPerson
	}
	browser := &http.Client{Jar: jar, Timeout: p.client.Timeout, Transport: p.client.Transport}
	first, err := http.NewRequestWithContext(r.Context(), http.MethodGet, in.Address, nil)
	if err != nil {
		return nil, err
	}
	res, err := browser.Do(first) //nolint:bodyclose // openLink and readPage close it
	if err != nil {
		return nil, err
	}
	if res.Header.Get(google.ConsentRequestHeader) == "" {
		if res, err = openLink(r.Context(), browser, res, in.Open); err != nil { //nolint:bodyclose // as above
			return nil, err
		}
	}
	for asked := 0; ; asked++ {
		request := res.Header.Get(google.ConsentRequestHeader)
		switch {
		case request == "" && asked == 0:
			_ = res.Body.Close()
			return nil, fmt.Errorf("no consent page at %s: %s", res.Request.URL.Path, res.Status)
		case request == "" || asked == maxConsents:
			return afterConsent(r.Context(), browser, res, in.Press)
		}
		_ = res.Body.Close()
		form := url.Values{"request": {request}, "account": {person.Sub}, "decision": {"allow"}}
		if in.Deny {
			form.Set("decision", "deny")
		}
		for _, scope := range p.Google.RequestedScopes(request) {
			if !slices.ContainsFunc(in.Untick, func(suffix string) bool { return strings.HasSuffix(scope, suffix) }) {
				form.Add("scope", scope)
			}
		}
		address, body := res.Request.URL.JoinPath("../consent").String(), strings.NewReader(form.Encode())
		next, err := http.NewRequestWithContext(r.Context(), http.MethodPost, address, body)
		if err != nil {
			return nil, err
		}
		next.URL.RawQuery = ""
		next.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if res, err = browser.Do(next); err != nil {
			return nil, err
		}
	}
}

// openLink opens a link on the app's page, which comes before Google's.
func openLink(ctx context.Context, browser *http.Client, res *http.Response, text string) (*http.Response, error) {
	page, err := readPage(res)
	if err != nil {
		return nil, err
	}
	link, err := findLink(res.Request.URL, page, text)
	if link == nil {
		return res, err // the caller reports what the page is
	}
	next, err := http.NewRequestWithContext(ctx, http.MethodGet, link.String(), nil)
	if err != nil {
		return nil, err
	}
	return browser.Do(next)
}

// maxConsents is how often an app may ask: again for a refresh token, which Google gives only at a full consent.
const maxConsents = 2

// afterConsent reads the app's page after a consent, and presses a button there.
func afterConsent(ctx context.Context, browser *http.Client, res *http.Response, press string) (any, error) {
	text, err := readPage(res)
	if err == nil && press != "" {
		var pressed *http.Request
		if pressed, err = pressButton(ctx, res.Request.URL, text, press); err != nil {
			return nil, err
		}
		if res, err = browser.Do(pressed); err != nil { //nolint:bodyclose // readPage closes it
			return nil, err
		}
		text, err = readPage(res)
	}
	if err != nil {
		return nil, err
	}
	return map[string]any{"status": res.StatusCode, "address": res.Request.URL.String(), "page": text}, nil
}
