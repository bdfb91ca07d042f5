package chatpage

import (
	"fmt"
	"io"
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
	res, err := browser.Do(first)
	if err != nil {
		return nil, err
	}
	_ = res.Body.Close()
	request := res.Header.Get(google.ConsentRequestHeader)
	if request == "" {
		return nil, fmt.Errorf("no consent page at %s: %s", res.Request.URL.Path, res.Status)
	}
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
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	return map[string]any{"status": res.StatusCode, "address": res.Request.URL.String(), "page": string(text)}, err
}
