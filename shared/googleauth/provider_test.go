package googleauth_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/words"
)

// endpoint is a token and revocation endpoint with a fixed response. It records the requests.
type endpoint struct {
	mu         sync.Mutex
	status     int
	body       string
	retryAfter string
	requests   []url.Values
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	text, _ := io.ReadAll(r.Body)
	form, _ := url.ParseQuery(string(text))
	form["query"] = []string{r.URL.RawQuery}
	e.requests = append(e.requests, form)
	if r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		e.status = http.StatusUnsupportedMediaType
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Location", "/elsewhere")
	w.Header().Set("Retry-After", e.retryAfter)
	w.WriteHeader(e.status)
	_, _ = io.WriteString(w, e.body)
}

func newProvider(t *testing.T, status int, body string) (*googleauth.Provider, *endpoint) {
	t.Helper()
	e := &endpoint{status: status, body: body}
	endpoints := googleauth.Endpoints{
		Authorization: "https://accounts.example/auth",
		Token:         "http://google/token", Revocation: "http://google/revoke",
	}
	client := googleauth.Client{ID: "c", Secret: config.NewSecret("GOCSPX-marked")}
	return googleauth.NewProvider(endpoints, client, "https://deputy.example.com/callback", handlerTransport{e}), e
}

func TestProvider_AuthorizationURL(t *testing.T) {
	p, _ := newProvider(t, 200, "")
	u, err := url.Parse(p.AuthorizationURL(googleauth.Authorization{
		State: config.NewSecret("s"), Nonce: "n",
		Verifier: config.NewSecret("verifier-verifier-verifier-verifier-verifier"),
		Scopes:   []string{"openid", "email", "x"}, LoginHint: "ada@example.com", PromptConsent: true,
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{
		"client_id": {"c"}, "redirect_uri": {"https://deputy.example.com/callback"}, "response_type": {"code"},
		"scope": {"openid email x"}, "state": {"s"}, "nonce": {"n"}, "access_type": {"offline"},
		"include_granted_scopes": {"true"}, "prompt": {"consent"},
		"login_hint": {"ada@example.com"}, "code_challenge_method": {"S256"},
		// base64url(SHA-256(verifier)), computed with openssl.
		"code_challenge": {"fD3GLJ_KzCDB0w6uDOSFNNdflrHwtv8Cizh6P5pJkfQ"},
	}
	if diff := cmp.Diff(want, u.Query()); diff != "" {
		t.Error(diff)
	}
	if strings.Contains(u.String(), "marked") {
		t.Error("the client secret is in the URL")
	}
}

func TestProvider_Exchange(t *testing.T) {
	p, e := newProvider(t, 200, `{"access_token":"a","refresh_token":"r","id_token":"i","expires_in":1234,
		"token_type":"Bearer","scope":"https://www.googleapis.com/auth/userinfo.email openid `+
		`https://www.googleapis.com/auth/chat.spaces.create openid"}`)
	got, err := p.Exchange(t.Context(), config.NewSecret("4/0A code"), config.NewSecret("v"))
	if err != nil {
		t.Fatal(err)
	}
	want := googleauth.Tokens{
		Access: config.NewSecret("a"), Refresh: config.NewSecret("r"), ID: config.NewSecret("i"),
		ExpiresIn: 1234 * time.Second,
		Scopes:    []string{"email", "https://www.googleapis.com/auth/chat.spaces.create", "openid"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {"4/0A code"},
		"redirect_uri": {"https://deputy.example.com/callback"}, "client_id": {"c"},
		"client_secret": {"GOCSPX-marked"}, "code_verifier": {"v"}, "query": {""},
	}
	if diff := cmp.Diff([]url.Values{form}, e.requests); diff != "" {
		t.Error(diff)
	}
}

func TestProvider_RefreshErrors(t *testing.T) {
	const consent, unavailable, denied, internal = fault.NeedsConsent, fault.Unavailable, fault.Denied, fault.Internal
	for name, c := range map[string]struct {
		status int
		body   string
		kind   fault.Kind
		is     error
	}{
		"invalid grant": {
			400, `{"error":"invalid_grant","error_description":"marked"}`, consent, googleauth.ErrInvalidGrant,
		},
		"other description": {
			400, `{"error":"invalid_grant","error_description":"Bad Request"}`, consent, googleauth.ErrInvalidGrant,
		},
		"reauthentication": {
			400, `{"error":"invalid_grant","error_subtype":"invalid_rapt"}`, consent, googleauth.ErrReauth,
		},
		"reauthentication required": {
			400, `{"error":"invalid_grant","error_subtype":"rapt_required"}`, consent, googleauth.ErrReauth,
		},
		"disabled client":     {400, `{"error":"disabled_client"}`, unavailable, googleauth.ErrClient},
		"unauthorized client": {400, `{"error":"unauthorized_client"}`, unavailable, googleauth.ErrClient},
		"wrong secret":        {401, `{"error":"invalid_client"}`, unavailable, googleauth.ErrClient},
		"deleted client":      {400, `{"error":"deleted_client"}`, unavailable, googleauth.ErrClient},
		"admin policy":        {400, `{"error":"admin_policy_enforced"}`, denied, nil},
		"other organization":  {403, `{"error":"org_internal"}`, denied, nil},
		"rate limit":          {429, `{"error":"rate_limit_exceeded"}`, unavailable, nil},
		"server error":        {503, `marked`, unavailable, nil},
		"invalid request":     {400, `{"error":"invalid_request"}`, internal, nil},
		"other error, subtype": {
			400, `{"error":"invalid_request","error_subtype":"invalid_rapt"}`, internal, nil,
		},
		"redirect":            {307, `marked`, unavailable, nil},
		"error of an API":     {403, `{"error":{"code":403,"message":"marked"}}`, unavailable, nil},
		"page of a proxy":     {404, `<h1>marked</h1>`, unavailable, nil},
		"200 without JSON":    {200, `marked`, unavailable, nil},
		"200 without a token": {200, `{"marked":1}`, unavailable, nil},
	} {
		var err error
		p, e := newProvider(t, c.status, c.body)
		synctest.Test(t, func(t *testing.T) {
			_, err = p.Refresh(t.Context(), config.NewSecret("1//marked-refresh"))
		})
		if got := fault.KindOf(err); err == nil || got != c.kind || (c.is != nil && !errors.Is(err, c.is)) {
			t.Errorf("%s: got %v (%v), want %v", name, err, got, c.kind)
		}
		if err != nil && strings.Contains(err.Error(), "marked") {
			t.Errorf("%s: the error quotes the response: %v", name, err)
		}
		want := 1
		if c.kind == fault.Unavailable && c.is == nil {
			want = 3 // transient
		}
		if len(e.requests) != want {
			t.Errorf("%s: requests: got %d, want %d", name, len(e.requests), want)
		}
	}
}

func TestProvider_Refresh(t *testing.T) {
	for rotated, want := range map[string]string{"": "old", `"refresh_token":"new",`: "new"} {
		p, e := newProvider(t, 200, `{"access_token":"a",`+rotated+`"token_type":"Bearer","expires_in":60,`+
			`"scope":"https://www.googleapis.com/auth/userinfo.profile openid"}`)
		got, err := p.Refresh(t.Context(), config.NewSecret("old"))
		tokens := googleauth.Tokens{
			Access: config.NewSecret("a"), Refresh: config.NewSecret(want), ExpiresIn: time.Minute,
			Scopes: []string{"openid", "profile"},
		}
		if diff := cmp.Diff(tokens, got); err != nil || diff != "" {
			t.Error(err, diff)
		}
		form := url.Values{
			"grant_type": {"refresh_token"}, "refresh_token": {"old"}, "client_id": {"c"},
			"client_secret": {"GOCSPX-marked"}, "query": {""},
		}
		if diff := cmp.Diff([]url.Values{form}, e.requests); diff != "" {
			t.Error(diff)
		}
	}
}

// The person reads why a token can't be refreshed.
func TestProvider_RefreshTexts(t *testing.T) {
	for body, text := range map[string]i18n.Text{
		`{"error":"invalid_client"}`:        words.ErrorSetUpBroken,
		`{"error":"admin_policy_enforced"}`: words.ErrorAdminPolicy,
		`{"error":"org_internal"}`:          words.ErrorMembersOnly,
	} {
		p, _ := newProvider(t, 400, body)
		_, err := p.Refresh(t.Context(), config.NewSecret("r"))
		if got, want := fault.Public(i18n.In("en"), err, ""), i18n.In("en")(text); got != want {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
	for name, status := range map[string]int{"server error": 500, "unreadable": 200} {
		synctest.Test(t, func(t *testing.T) {
			p, _ := newProvider(t, status, "marked")
			_, err := p.Refresh(t.Context(), config.NewSecret("r"))
			if got, want := fault.Public(i18n.In("en"), err, ""), i18n.In("en")(words.ErrorGoogleSilent); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		})
	}
}

func TestProvider_RefreshWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, e := newProvider(t, 503, "")
		e.retryAfter = "2"
		start := time.Now()
		_, err := p.Refresh(t.Context(), config.NewSecret("r"))
		if took := time.Since(start); err == nil || len(e.requests) != 3 || took != 4*time.Second {
			t.Errorf("%d requests in %v, %v", len(e.requests), took, err)
		}
		e.retryAfter = "3600" // longer than a person waits
		if _, err := p.Refresh(t.Context(), config.NewSecret("r")); err == nil || len(e.requests) != 4 {
			t.Errorf("%d requests, %v", len(e.requests), err)
		}
	})
}

// silent never answers a request to one path, and passes others on.
type silent struct {
	path string
	next http.RoundTripper
	n    int
}

// RoundTrip implements http.RoundTripper.
func (s *silent) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.URL.Path, s.path) {
		return s.next.RoundTrip(r)
	}
	s.n++
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestProvider_Timeouts(t *testing.T) {
	const s = time.Second
	for name, c := range map[string]struct {
		call     func(context.Context, *googleauth.Provider) error
		requests int
		timeout  time.Duration
	}{
		"exchange": {func(ctx context.Context, p *googleauth.Provider) error {
			_, err := p.Exchange(ctx, config.NewSecret("c"), config.NewSecret("v"))
			return err
		}, 1, 8 * s},
		"app code": {func(ctx context.Context, p *googleauth.Provider) error {
			_, err := p.ExchangeAppCode(ctx, config.NewSecret("c"), "")
			return err
		}, 1, 8 * s},
		"refresh": {func(ctx context.Context, p *googleauth.Provider) error {
			_, err := p.Refresh(ctx, config.NewSecret("r"))
			return err
		}, 2, 6 * s},
		"revoke": {func(ctx context.Context, p *googleauth.Provider) error {
			return p.Revoke(ctx, config.NewSecret("r"))
		}, 1, 6 * s},
	} {
		synctest.Test(t, func(t *testing.T) {
			base := &silent{}
			at := googleauth.Endpoints{Token: "http://google/token", Revocation: "http://google/revoke"}
			start, p := time.Now(), googleauth.NewProvider(at, googleauth.Client{ID: "c"}, "", base)
			err := c.call(t.Context(), p)
			if took := time.Since(start); fault.KindOf(err) != fault.Unavailable || took != c.timeout ||
				base.n != c.requests {
				t.Errorf("%s: %d requests in %v, %v", name, base.n, took, err)
			}
		})
	}
}

func TestProvider_ExchangeAppCode(t *testing.T) {
	p, e := newProvider(t, 200, `{"access_token":"a","token_type":"Bearer","refresh_token_expires_in":3600}`)
	got, err := p.ExchangeAppCode(t.Context(), config.NewSecret("4/code"), "postmessage")
	want := googleauth.Tokens{Access: config.NewSecret("a"), RefreshExpiresIn: time.Hour, Scopes: []string{}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {"4/code"}, "redirect_uri": {"postmessage"}, "client_id": {"c"},
		"client_secret": {"GOCSPX-marked"}, "query": {""},
	}
	if diff := cmp.Diff([]url.Values{form}, e.requests); diff != "" {
		t.Error(diff)
	}
	for code, kind := range map[string]fault.Kind{
		"redirect_uri_mismatch": fault.Invalid, "invalid_request": fault.Invalid,
		"invalid_grant": fault.NeedsConsent, "invalid_client": fault.Unavailable,
	} {
		p, e := newProvider(t, 400, `{"error":"`+code+`"}`)
		_, err := p.ExchangeAppCode(t.Context(), config.NewSecret("c"), "")
		if fault.KindOf(err) != kind || len(e.requests) != 1 {
			t.Errorf("%s: %v after %d requests", code, err, len(e.requests))
		}
		if isGrant := errors.Is(err, googleauth.ErrInvalidGrant); isGrant != (code != "invalid_client") {
			t.Errorf("%s: the code is at fault: %v", code, isGrant)
		}
	}
}

func TestProvider_DesktopClient(t *testing.T) {
	client := googleauth.Client{ID: "c", Desktop: true}
	p := googleauth.NewProvider(googleauth.Google, client, "http://127.0.0.1:1/", nil)
	u, err := url.Parse(p.AuthorizationURL(googleauth.Authorization{Nonce: "n", Scopes: []string{"openid"}}))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"include_granted_scopes", "login_hint", "prompt"} {
		if u.Query().Has(name) {
			t.Errorf("%s=%s", name, u.Query().Get(name))
		}
	}
}

func TestProvider_Revoke(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		ok     bool
	}{
		"revoked":         {200, `{}`, true},
		"invalid token":   {400, `{"error":"invalid_token"}`, true},
		"error in a 503":  {503, `{"error":"invalid_token"}`, false},
		"invalid request": {400, `{"error":"invalid_request"}`, false},
		"unavailable":     {503, ``, false},
	} {
		p, e := newProvider(t, c.status, c.body)
		err := p.Revoke(t.Context(), config.NewSecret("1//r"))
		if (err == nil) != c.ok || (err != nil && fault.KindOf(err) != fault.Unavailable) {
			t.Errorf("%s: got %v", name, err)
		}
		if diff := cmp.Diff([]url.Values{{"token": {"1//r"}, "query": {""}}}, e.requests); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestProvider_NoConnection(t *testing.T) {
	endpoints := googleauth.Endpoints{Token: "http://127.0.0.1:1/token", Revocation: "http://127.0.0.1:1/revoke"}
	client := googleauth.Client{ID: "c", Secret: config.NewSecret("s")}
	p := googleauth.NewProvider(endpoints, client, "", http.DefaultTransport)
	_, err := p.Exchange(t.Context(), config.NewSecret("c"), config.NewSecret("v"))
	for _, err := range []error{err, p.Revoke(t.Context(), config.NewSecret("t"))} {
		if fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "127.0.0.1:1") {
			t.Errorf("got %v", err)
		}
	}
	endpoints.Revocation = "http://["
	p = googleauth.NewProvider(endpoints, client, "", http.DefaultTransport)
	if err := p.Revoke(t.Context(), config.NewSecret("t")); err == nil {
		t.Error("revoked at an invalid URL")
	}
}
