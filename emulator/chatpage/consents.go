package chatpage

import (
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"

	"example.com/deputy/emulator/google"
)

// consents goes through a consent as a person does in a browser: from an
// address that leads there, to where the app says how it went.
func (p *Page) consents(r *http.Request, in struct {
	Address string   `json:"address"`
	As      string   `json:"as"`
	Deny    bool     `json:"deny"`
	Untick  []string `json:"untick"` // scopes, by their end
},
) (any, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	who, ok := p.Google.Account(in.As)
	if !ok {
		return nil, errors.New("there is no such person here: as is a sub or an e-mail address")
	}
	browser := &http.Client{Jar: jar, Timeout: p.client.Timeout}
	first, err := http.NewRequestWithContext(r.Context(), http.MethodGet, in.Address, nil)
	if err != nil {
		return nil, err
	}
	res, err := browser.Do(first)
	if err != nil {
		return nil, err
	}
	_ = res.Body.Close()
	request := res.Header.Get(google.RequestHeader)
	if request == "" {
		return nil, errors.New("the address leads to no consent page, but to " + res.Request.URL.Path + " with " + res.Status)
	}
	form := url.Values{"request": {request}, "account": {who.Sub}, "decision": {"allow"}}
	if in.Deny {
		form.Set("decision", "deny")
	}
	for _, scope := range p.Google.Asked(request) {
		if !slices.ContainsFunc(in.Untick, func(end string) bool { return strings.HasSuffix(scope, end) }) {
			form.Add("scope", scope)
		}
	}
	next, err := http.NewRequestWithContext(r.Context(), http.MethodPost, res.Request.URL.JoinPath("../consent").String(), strings.NewReader(form.Encode()))
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
