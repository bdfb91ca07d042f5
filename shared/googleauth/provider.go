package googleauth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/strictjson"
)

// Timeouts of calls. They are short because a person waits for each call.
const (
	exchangeTimeout = 8 * time.Second
	refreshTimeout  = 6 * time.Second // with retries
	revokeTimeout   = 6 * time.Second
)

// refreshRetry retries refreshes. That is safe, because a refresh does not change the refresh token.
var refreshRetry = googlecall.Policy{Attempts: 3, AttemptTimeout: 3 * time.Second}

// Tokens is a response of the token endpoint.
type Tokens struct {
	Access    config.Secret
	Refresh   config.Secret // empty if Google sent none
	ID        config.Secret // empty without the scope openid
	ExpiresIn time.Duration // remaining lifetime of Access
	Scopes    []string      // as granted, normalized and sorted
	// RefreshExpiresIn is the remaining lifetime of Refresh, or 0 unless the person granted time-limited access.
	RefreshExpiresIn time.Duration
}

// Provider is a client for Google's authorization server. It is safe for concurrent use.
type Provider struct {
	oauth      oauth2.Config
	desktop    bool // incremental authorization is not available
	revocation string
	http       *http.Client
}

// NewProvider returns a Provider for client. redirectURL is a registered redirect URI. All calls go over base.
func NewProvider(endpoints Endpoints, client Client, redirectURL string, base http.RoundTripper) *Provider {
	endpoint := oauth2.Endpoint{AuthURL: endpoints.Authorization, TokenURL: endpoints.Token}
	endpoint.AuthStyle = oauth2.AuthStyleInParams // detecting the style would send failed requests twice
	return &Provider{
		oauth: oauth2.Config{
			ClientID: client.ID, ClientSecret: client.Secret.Reveal(), RedirectURL: redirectURL, Endpoint: endpoint,
		},
		desktop: client.Desktop, revocation: endpoints.Revocation, http: withoutRedirects(base),
	}
}

// withoutRedirects returns a client that does not follow redirects, which could leak the secrets in requests.
func withoutRedirects(base http.RoundTripper) *http.Client {
	noRedirect := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &http.Client{Transport: base, CheckRedirect: noRedirect}
}

// Authorization holds the parameters of an authorization request.
type Authorization struct {
	State, Verifier config.Secret
	Nonce           string
	Scopes          []string
	LoginHint       string // email address or sub
	PromptConsent   bool   // prompt even for granted scopes, to get a refresh token
}

// AuthorizationURL returns the URL for the person's browser. It requests offline access
// and includes granted scopes, with PKCE S256 (RFC 7636).
func (p *Provider) AuthorizationURL(a Authorization) string {
	cfg := p.oauth
	cfg.Scopes = a.Scopes
	opts := []oauth2.AuthCodeOption{
		oauth2.AccessTypeOffline,
		oauth2.SetAuthURLParam("nonce", a.Nonce),
		oauth2.S256ChallengeOption(a.Verifier.Reveal()),
	}
	if !p.desktop { // not supported for native apps, according to Google's documentation
		opts = append(opts, oauth2.SetAuthURLParam("include_granted_scopes", "true"))
	}
	if a.LoginHint != "" {
		opts = append(opts, oauth2.SetAuthURLParam("login_hint", a.LoginHint))
	}
	if a.PromptConsent {
		opts = append(opts, oauth2.SetAuthURLParam("prompt", "consent"))
	}
	return cfg.AuthCodeURL(a.State.Reveal(), opts...)
}

// Exchange exchanges an authorization code for tokens. It does not retry, because a code must never be sent twice.
func (p *Provider) Exchange(ctx context.Context, code, verifier config.Secret) (Tokens, error) {
	ctx, cancel := context.WithTimeout(p.withClient(ctx), exchangeTimeout)
	defer cancel()
	token, err := p.oauth.Exchange(ctx, code.Reveal(), oauth2.VerifierOption(verifier.Reveal()))
	return newTokens("googleauth.Exchange", token, err)
}

// ExchangeAppCode exchanges the server auth code of an app of the same project. redirect is "" or "postmessage",
// depending on the app's platform. There is no verifier, because the app's flow does not use Deputy's PKCE challenge.
func (p *Provider) ExchangeAppCode(ctx context.Context, code config.Secret, redirect string) (Tokens, error) {
	ctx, cancel := context.WithTimeout(p.withClient(ctx), exchangeTimeout)
	defer cancel()
	client := p.oauth
	client.RedirectURL = redirect
	token, err := client.Exchange(ctx, code.Reveal())
	wrongClient := []string{"redirect_uri_mismatch", "invalid_request"} // the code is of another type of client
	if e, ok := errors.AsType[*oauth2.RetrieveError](err); ok && slices.Contains(wrongClient, e.ErrorCode) {
		return Tokens{}, &fault.Error{Op: "googleauth.ExchangeAppCode", Kind: fault.Invalid, Err: ErrInvalidGrant}
	}
	return newTokens("googleauth.ExchangeAppCode", token, err)
}

// Refresh requests a new access token, and retries transient errors. Refresh in the
// result is the old token unless Google sent a new one.
func (p *Provider) Refresh(ctx context.Context, refresh config.Secret) (Tokens, error) {
	ctx, cancel := context.WithTimeout(p.withClient(ctx), refreshTimeout)
	defer cancel()
	var token *oauth2.Token
	err := refreshRetry.Do(ctx, retryToken, func(ctx context.Context) (err error) {
		token, err = p.oauth.TokenSource(ctx, &oauth2.Token{RefreshToken: refresh.Reveal()}).Token()
		return err
	})
	return newTokens("googleauth.Refresh", token, err)
}

func (p *Provider) withClient(ctx context.Context) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, p.http)
}

// newTokens returns the result of a call of the token endpoint.
func newTokens(op string, t *oauth2.Token, err error) (Tokens, error) {
	if err != nil {
		return Tokens{}, tokenFault(op, err)
	}
	id, _ := t.Extra("id_token").(string)
	scope, _ := t.Extra("scope").(string)
	refreshLife, _ := t.Extra("refresh_token_expires_in").(float64) // absent: 0
	return Tokens{
		Access: config.NewSecret(t.AccessToken), Refresh: config.NewSecret(t.RefreshToken), ID: config.NewSecret(id),
		ExpiresIn: time.Duration(t.ExpiresIn) * time.Second, Scopes: NormalizeScopes(strings.Fields(scope)),
		RefreshExpiresIn: time.Duration(refreshLife) * time.Second,
	}, nil
}

var shortScopes = map[string]string{
	"https://www.googleapis.com/auth/userinfo.email":   "email",
	"https://www.googleapis.com/auth/userinfo.profile": "profile",
}

// NormalizeScopes replaces the long names that Google returns for email and profile, and sorts and deduplicates scopes.
func NormalizeScopes(scopes []string) []string {
	out := make([]string, len(scopes))
	for i, s := range scopes {
		out[i] = cmp.Or(shortScopes[s], s)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Revoke revokes a refresh or access token. Google then revokes all grants of the person to clients of the project.
// Revoking an invalid token succeeds. https://developers.google.com/identity/protocols/oauth2/web-server#tokenrevoke
func (p *Provider) Revoke(ctx context.Context, token config.Secret) error {
	ctx, cancel := context.WithTimeout(ctx, revokeTimeout)
	defer cancel()
	var body struct {
		Error string `json:"error"`
	}
	status, err := postForm(ctx, p.http, p.revocation, url.Values{"token": {token.Reveal()}}, &body)
	switch {
	case status == http.StatusOK, status == http.StatusBadRequest && body.Error == "invalid_token":
		return nil // without a body, the status decides
	case status != 0:
		err = fmt.Errorf("status %d", status)
	}
	return &fault.Error{Op: "googleauth.Revoke", Kind: fault.Unavailable, Err: err}
}

// postForm sends a form and decodes the JSON response into out. Without a response, status is 0. Secrets are in the
// form, because URLs are logged.
func postForm(ctx context.Context, client *http.Client, to string, form url.Values, out any) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		return res.StatusCode, err
	}
	return res.StatusCode, strictjson.Decode(text, out)
}
