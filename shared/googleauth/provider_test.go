package googleauth_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
)

// endpoint is a token and revocation endpoint with a fixed response. It records the requests.
type endpoint struct {
	mu       sync.Mutex
	status   int
	body     string
	requests []url.Values
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	text, _ := io.ReadAll(r.Body)
	form, _ := url.ParseQuery(string(text))
	form["query"] = []string{r.URL.RawQuery}
	e.requests = append(e.requests, form)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Location", "/elsewhere")
	w.WriteHeader(e.status)
	_, _ = io.WriteString(w, e.body)
}

func newProvider(t *testing.T, status int, body string) (*googleauth.Provider, *endpoint) {
	t.Helper()
	e := &endpoint{status: status, body: body}
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	endpoints := googleauth.Endpoints{
		Authorization: "https://accounts.example/auth",
		Token:         server.URL + "/token", Revocation: server.URL + "/revoke",
	}
	client := googleauth.Client{ID: "c", Secret: config.NewSecret("GOCSPX-marked")}
	return googleauth.NewProvider(endpoints, client, "https://deputy.example.com/callback", http.DefaultTransport), e
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
		"wrong secret":        {401, `{"error":"invalid_client"}`, unavailable, googleauth.ErrClient},
		"deleted client":      {400, `{"error":"deleted_client"}`, unavailable, googleauth.ErrClient},
		"admin policy":        {400, `{"error":"admin_policy_enforced"}`, denied, nil},
		"other organization":  {403, `{"error":"org_internal"}`, denied, nil},
		"rate limit":          {429, `{"error":"rate_limit_exceeded"}`, unavailable, nil},
		"server error":        {503, `marked`, unavailable, nil},
		"invalid request":     {400, `{"error":"invalid_request"}`, internal, nil},
		"redirect":            {307, `marked`, internal, nil},
		"200 without JSON":    {200, `marked`, unavailable, nil},
		"200 without a token": {200, `{"marked":1}`, unavailable, nil},
	} {
		p, e := newProvider(t, c.status, c.body)
		_, err := p.Refresh(t.Context(), config.NewSecret("1//marked-refresh"))
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

func TestProvider_Revoke(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		ok     bool
	}{
		"revoked":         {200, `{}`, true},
		"invalid token":   {400, `{"error":"invalid_token"}`, true},
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
		if fault.KindOf(err) != fault.Unavailable {
			t.Errorf("got %v", err)
		}
	}
}
