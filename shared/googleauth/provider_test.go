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

// endpoint is a token and revocation endpoint that answers as told and keeps
// what it was sent.
type endpoint struct {
	mu     sync.Mutex
	status int
	body   string
	asked  []url.Values
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	text, _ := io.ReadAll(r.Body)
	form, _ := url.ParseQuery(string(text))
	form["query"] = []string{r.URL.RawQuery}
	e.asked = append(e.asked, form)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Location", "/elsewhere")
	w.WriteHeader(e.status)
	_, _ = io.WriteString(w, e.body)
}

func provider(t *testing.T, status int, body string) (*googleauth.Provider, *endpoint) {
	t.Helper()
	e := &endpoint{status: status, body: body}
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	at := googleauth.Endpoints{Authorization: "https://accounts.example/auth", Token: server.URL + "/token", Revocation: server.URL + "/revoke"}
	client := googleauth.Client{ID: "c", Secret: config.NewSecret("GOCSPX-marked")}
	return googleauth.NewProvider(at, client, "https://deputy.example.com/callback", http.DefaultTransport), e
}

func TestTheAuthorizationAddressAsksAsGoogleWantsIt(t *testing.T) {
	p, _ := provider(t, 200, "")
	u, err := url.Parse(p.AuthorizationURL(googleauth.Authorization{
		State: config.NewSecret("s"), Verifier: config.NewSecret("verifier-verifier-verifier-verifier-verifier"), Nonce: "n",
		Scopes: []string{"openid", "email", "x"}, LoginHint: "ada@example.com", Consent: true,
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{
		"client_id": {"c"}, "redirect_uri": {"https://deputy.example.com/callback"}, "response_type": {"code"}, "scope": {"openid email x"},
		"state": {"s"}, "nonce": {"n"}, "access_type": {"offline"}, "include_granted_scopes": {"true"}, "prompt": {"consent"},
		"login_hint": {"ada@example.com"}, "code_challenge_method": {"S256"},
		// base64url(SHA-256(verifier)), computed with openssl.
		"code_challenge": {"fD3GLJ_KzCDB0w6uDOSFNNdflrHwtv8Cizh6P5pJkfQ"},
	}
	if diff := cmp.Diff(want, u.Query()); diff != "" {
		t.Error(diff)
	}
	if strings.Contains(u.String(), "marked") {
		t.Error("the client's secret is in the address")
	}
}

func TestACodeIsExchangedInOneRequestWithSecretAndVerifier(t *testing.T) {
	p, e := provider(t, 200, `{"access_token":"a","refresh_token":"r","id_token":"i","expires_in":1234,"token_type":"Bearer",
		"scope":"https://www.googleapis.com/auth/userinfo.email openid https://www.googleapis.com/auth/chat.spaces.create openid"}`)
	got, err := p.Exchange(t.Context(), config.NewSecret("4/0A code"), config.NewSecret("v"))
	if err != nil {
		t.Fatal(err)
	}
	want := googleauth.Tokens{
		Access: config.NewSecret("a"), Refresh: config.NewSecret("r"), ID: config.NewSecret("i"), Life: 1234 * time.Second,
		Scopes: []string{"email", "https://www.googleapis.com/auth/chat.spaces.create", "openid"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {"4/0A code"}, "redirect_uri": {"https://deputy.example.com/callback"},
		"client_id": {"c"}, "client_secret": {"GOCSPX-marked"}, "code_verifier": {"v"}, "query": {""},
	}
	if diff := cmp.Diff([]url.Values{form}, e.asked); diff != "" {
		t.Error(diff)
	}
}

func TestEachRefusalOfTheTokenEndpointMeansWhatGoogleMeans(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		kind   fault.Kind
		is     error
	}{
		"dead":                  {400, `{"error":"invalid_grant","error_description":"marked"}`, fault.NeedsConsent, googleauth.ErrInvalidGrant},
		"dead, other words":     {400, `{"error":"invalid_grant","error_description":"Bad Request"}`, fault.NeedsConsent, googleauth.ErrInvalidGrant},
		"sign in again":         {400, `{"error":"invalid_grant","error_subtype":"invalid_rapt"}`, fault.NeedsConsent, googleauth.ErrReauth},
		"secret wrong":          {401, `{"error":"invalid_client"}`, fault.Unavailable, googleauth.ErrClient},
		"client deleted":        {400, `{"error":"deleted_client"}`, fault.Unavailable, googleauth.ErrClient},
		"blocked by the admin":  {400, `{"error":"admin_policy_enforced"}`, fault.Denied, nil},
		"outside of the org":    {403, `{"error":"org_internal"}`, fault.Denied, nil},
		"too many":              {429, `{"error":"rate_limit_exceeded"}`, fault.Unavailable, nil},
		"down":                  {503, `marked`, fault.Unavailable, nil},
		"a mistake of ours":     {400, `{"error":"invalid_request"}`, fault.Internal, nil},
		"a redirect":            {307, `marked`, fault.Internal, nil},
		"nonsense with 200":     {200, `marked`, fault.Unavailable, nil},
		"200 without the token": {200, `{"marked":1}`, fault.Unavailable, nil},
	} {
		p, e := provider(t, c.status, c.body)
		_, err := p.Refresh(t.Context(), config.NewSecret("1//marked-refresh"))
		if got := fault.KindOf(err); err == nil || got != c.kind || (c.is != nil && !errors.Is(err, c.is)) {
			t.Errorf("%s: got %v (%v), want %v", name, err, got, c.kind)
		}
		if err != nil && strings.Contains(err.Error(), "marked") {
			t.Errorf("%s: the answer is quoted: %v", name, err)
		}
		want := 1
		if c.kind == fault.Unavailable && c.is == nil {
			want = 3 // it may pass
		}
		if len(e.asked) != want {
			t.Errorf("%s: requests: got %d, want %d", name, len(e.asked), want)
		}
	}
}

func TestRevokingSendsTheTokenInTheBodyAndADeadOneIsFine(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		fine   bool
	}{
		"done":         {200, `{}`, true},
		"dead already": {400, `{"error":"invalid_token"}`, true},
		"refused":      {400, `{"error":"invalid_request"}`, false},
		"down":         {503, ``, false},
	} {
		p, e := provider(t, c.status, c.body)
		err := p.Revoke(t.Context(), config.NewSecret("1//r"))
		if (err == nil) != c.fine || (err != nil && fault.KindOf(err) != fault.Unavailable) {
			t.Errorf("%s: got %v", name, err)
		}
		if diff := cmp.Diff([]url.Values{{"token": {"1//r"}, "query": {""}}}, e.asked); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestNobodyAnsweringIsUnavailable(t *testing.T) {
	p := googleauth.NewProvider(googleauth.Endpoints{Token: "http://127.0.0.1:1/token", Revocation: "http://127.0.0.1:1/revoke"},
		googleauth.Client{ID: "c", Secret: config.NewSecret("s")}, "", http.DefaultTransport)
	_, err := p.Exchange(t.Context(), config.NewSecret("c"), config.NewSecret("v"))
	for _, err := range []error{err, p.Revoke(t.Context(), config.NewSecret("t"))} {
		if fault.KindOf(err) != fault.Unavailable {
			t.Errorf("got %v", err)
		}
	}
}
