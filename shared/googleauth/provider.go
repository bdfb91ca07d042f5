package googleauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/words"
)

// How long one call may take: a person waits behind each of them.
const (
	exchangeTime = 8 * time.Second
	refreshTime  = 6 * time.Second // with its repetitions
	revokeTime   = 6 * time.Second
)

// refreshTries repeat a refresh: Google gives a new access token each time and
// leaves the refresh token as it is.
var refreshTries = googlecall.Policy{Tries: 3, Each: 3 * time.Second}

// Why Google refuses a token, for errors.Is.
var (
	// ErrInvalidGrant: the code or refresh token is dead. NeedsConsent.
	ErrInvalidGrant = errors.New("invalid_grant")
	// ErrReauth: a session policy wants the person to sign in again; the
	// grant itself lives. NeedsConsent.
	ErrReauth = errors.New("invalid_rapt")
	// ErrClient: Google does not know or trust our client: the operator's to
	// mend, and no fault of any person's grant. Unavailable.
	ErrClient = errors.New("the OAuth client is refused")
)

// Tokens are what the token endpoint gave.
type Tokens struct {
	Access  config.Secret
	Refresh config.Secret // empty when Google sent none
	ID      config.Secret // empty without the scope openid
	Life    time.Duration // of Access, from now
	Scopes  []string      // as granted, normalised and sorted
	// RefreshLife is how long Refresh will work, when the person gave access
	// for a time only; else 0.
	RefreshLife time.Duration
}

// Provider is Google's authorization server for one client. It is safe for
// concurrent use.
type Provider struct {
	oauth      oauth2.Config
	desktop    bool // consents cannot be widened
	revocation string
	http       *http.Client
}

// NewProvider is Google at these endpoints for one client; redirectURL is the
// callback's address as registered. All calls go over base.
func NewProvider(at Endpoints, client Client, redirectURL string, base http.RoundTripper) *Provider {
	return &Provider{
		oauth: oauth2.Config{
			ClientID: client.ID, ClientSecret: client.Secret.Reveal(), RedirectURL: redirectURL,
			// Set, because detecting it sends every failed request twice.
			Endpoint: oauth2.Endpoint{AuthURL: at.Authorization, TokenURL: at.Token, AuthStyle: oauth2.AuthStyleInParams},
		},
		desktop: client.Desktop, revocation: at.Revocation, http: withoutRedirects(base),
	}
}

// withoutRedirects is a client for what carries a secret, which must not follow
// a redirect.
func withoutRedirects(base http.RoundTripper) *http.Client {
	return &http.Client{Transport: base, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// Authorization is what one person is asked.
type Authorization struct {
	State, Verifier config.Secret
	Nonce           string
	Scopes          []string
	LoginHint       string // e-mail or sub
	Consent         bool   // ask again even for what was given, so that a refresh token comes
}

// AuthorizationURL is where to send the person's browser: offline access, the
// scopes given earlier included, PKCE S256 (RFC 7636).
func (p *Provider) AuthorizationURL(a Authorization) string {
	cfg := p.oauth
	cfg.Scopes = a.Scopes
	opts := []oauth2.AuthCodeOption{
		oauth2.AccessTypeOffline,
		oauth2.SetAuthURLParam("nonce", a.Nonce),
		oauth2.S256ChallengeOption(a.Verifier.Reveal()),
	}
	if !p.desktop { // Google's page for native apps: not with theirs
		opts = append(opts, oauth2.SetAuthURLParam("include_granted_scopes", "true"))
	}
	if a.LoginHint != "" {
		opts = append(opts, oauth2.SetAuthURLParam("login_hint", a.LoginHint))
	}
	if a.Consent {
		opts = append(opts, oauth2.SetAuthURLParam("prompt", "consent"))
	}
	return cfg.AuthCodeURL(a.State.Reveal(), opts...)
}

// Exchange trades an authorization code for tokens. A code must never be sent
// twice: there is no retry.
func (p *Provider) Exchange(ctx context.Context, code, verifier config.Secret) (Tokens, error) {
	ctx, cancel := context.WithTimeout(p.with(ctx), exchangeTime)
	defer cancel()
	token, err := p.oauth.Exchange(ctx, code.Reveal(), oauth2.VerifierOption(verifier.Reveal()))
	if err != nil {
		return Tokens{}, translate("googleauth.Exchange", err)
	}
	return tokens(token), nil
}

// ExchangeAppCode trades the server auth code that an app of the same project
// got; redirect is "" or "postmessage", as the app's platform has it. There is
// no verifier: the app's own flow has no PKCE with ours.
func (p *Provider) ExchangeAppCode(ctx context.Context, code config.Secret, redirect string) (Tokens, error) {
	ctx, cancel := context.WithTimeout(p.with(ctx), exchangeTime)
	defer cancel()
	client := p.oauth
	client.RedirectURL = redirect
	token, err := client.Exchange(ctx, code.Reveal())
	if refusal, ok := errors.AsType[*oauth2.RetrieveError](err); ok && slices.Contains([]string{"redirect_uri_mismatch", "invalid_request"}, refusal.ErrorCode) {
		return Tokens{}, &fault.Error{Op: "googleauth.ExchangeAppCode", Kind: fault.Invalid, Err: ErrInvalidGrant} // of another kind of client
	}
	if err != nil {
		return Tokens{}, translate("googleauth.ExchangeAppCode", err)
	}
	return tokens(token), nil
}

// Refresh gets a new access token. The answer's Refresh is the old token
// unless Google sent a new one. What may pass (429, 5xx, silence) is tried
// again while there is time.
func (p *Provider) Refresh(ctx context.Context, refresh config.Secret) (Tokens, error) {
	ctx, cancel := context.WithTimeout(p.with(ctx), refreshTime)
	defer cancel()
	var token *oauth2.Token
	err := refreshTries.Do(ctx, later, func(ctx context.Context) (err error) {
		token, err = p.oauth.TokenSource(ctx, &oauth2.Token{RefreshToken: refresh.Reveal()}).Token()
		return err
	})
	if err != nil {
		return Tokens{}, translate("googleauth.Refresh", err)
	}
	return tokens(token), nil
}

// later tells whether an error of the token endpoint may pass.
func later(err error) (wait time.Duration, again bool) {
	refusal, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		return 0, true // no answer, or none that can be read
	}
	seconds, _ := strconv.Atoi(refusal.Response.Header.Get("Retry-After")) // absent, or a date: 0
	return time.Duration(seconds) * time.Second, passing(refusal.Response.StatusCode)
}

func passing(status int) bool {
	return status == http.StatusTooManyRequests || status >= http.StatusInternalServerError
}

func (p *Provider) with(ctx context.Context) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, p.http)
}

func tokens(t *oauth2.Token) Tokens {
	id, _ := t.Extra("id_token").(string)
	scope, _ := t.Extra("scope").(string)
	refreshLife, _ := t.Extra("refresh_token_expires_in").(float64) // absent: 0
	return Tokens{
		Access: config.NewSecret(t.AccessToken), Refresh: config.NewSecret(t.RefreshToken), ID: config.NewSecret(id),
		Life: time.Duration(t.ExpiresIn) * time.Second, Scopes: Scopes(strings.Fields(scope)),
		RefreshLife: time.Duration(refreshLife) * time.Second,
	}
}

// Scopes normalises scopes as Google returns them (email comes back under its
// long name), sorts them and drops doubles.
func Scopes(scopes []string) []string {
	out := make([]string, len(scopes))
	for i, s := range scopes {
		switch s {
		case "https://www.googleapis.com/auth/userinfo.email":
			s = "email"
		case "https://www.googleapis.com/auth/userinfo.profile":
			s = "profile"
		}
		out[i] = s
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Revoke ends a refresh or access token and with it all that the person gave
// to any client of the project. A token that was dead already is success.
// https://developers.google.com/identity/protocols/oauth2/web-server#tokenrevoke
func (p *Provider) Revoke(ctx context.Context, token config.Secret) error {
	ctx, cancel := context.WithTimeout(ctx, revokeTime)
	defer cancel()
	// In the body, since addresses end up in logs.
	form := strings.NewReader(url.Values{"token": {token.Reveal()}}.Encode())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.revocation, form)
	if err != nil {
		return fault.Wrap("googleauth.Revoke", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := p.http.Do(req)
	if err != nil {
		return &fault.Error{Op: "googleauth.Revoke", Kind: fault.Unavailable, Err: err}
	}
	defer func() { _ = res.Body.Close() }()
	var body struct {
		Error string `json:"error"`
	}
	_ = json.NewDecoder(io.LimitReader(res.Body, 64<<10)).Decode(&body) // the status decides when there is none
	if res.StatusCode == http.StatusOK || (res.StatusCode == http.StatusBadRequest && body.Error == "invalid_token") {
		return nil
	}
	return &fault.Error{Op: "googleauth.Revoke", Kind: fault.Unavailable, Err: fmt.Errorf("status %d", res.StatusCode)}
}

// translate turns an error of the token endpoint into a fault. The code
// decides, never the description; the body stays out of it, since it may hold
// tokens.
func translate(op string, err error) error {
	refusal, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		return &fault.Error{Op: op, Kind: fault.Unavailable, Public: words.ErrorGoogleSilent, Err: withoutBody(err)}
	}
	var body struct {
		Subtype string `json:"error_subtype"`
	}
	_ = json.Unmarshal(refusal.Body, &body) // no JSON: no subtype
	f := &fault.Error{Op: op, Err: fmt.Errorf("status %d", refusal.Response.StatusCode)}
	switch code := refusal.ErrorCode; {
	case code == "invalid_grant" && (body.Subtype == "invalid_rapt" || body.Subtype == "rapt_required"):
		f.Kind, f.Err = fault.NeedsConsent, ErrReauth
	case code == "invalid_grant":
		f.Kind, f.Err = fault.NeedsConsent, ErrInvalidGrant
	case code == "invalid_client", code == "deleted_client", code == "disabled_client", code == "unauthorized_client":
		f.Kind, f.Public, f.Err = fault.Unavailable, words.ErrorSetUpBroken, fmt.Errorf("%w: %s", ErrClient, code)
	case code == "admin_policy_enforced":
		f.Kind, f.Public = fault.Denied, words.ErrorAdminPolicy
	case code == "org_internal":
		f.Kind, f.Public = fault.Denied, words.ErrorMembersOnly
	case passing(refusal.Response.StatusCode):
		f.Kind, f.Public = fault.Unavailable, words.ErrorGoogleSilent
	}
	return f
}

// withoutBody keeps what x/oauth2 says of an answer it cannot read, which may
// quote it, out of the error.
func withoutBody(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return err
	}
	return errors.New("an answer that cannot be read")
}
