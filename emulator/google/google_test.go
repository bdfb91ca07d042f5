package google

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

const createScope = "https://www.googleapis.com/auth/chat.spaces.create"

func begin(t *testing.T) (*Server, *httptest.Server) {
	t.Helper()
	s := New(Config{
		ClientID: "c", ClientSecret: "s", RedirectURIs: []string{"https://d.example/callback"},
		ProjectNumber: "1", AppName: "Deputy", ChatAddress: "https://chat.example/", Now: time.Now,
	})
	at := httptest.NewServer(s.Handler())
	t.Cleanup(at.Close)
	return s, at
}

// hand gives a person's access token without the way through the consent.
func (s *Server) hand(p Person, scopes ...string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.give(p, scopes)["access_token"].(string)
}

func ask(t *testing.T, method, address, token, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if strings.HasPrefix(body, "grant_type=") || strings.HasPrefix(body, "token=") {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

func TestTheSameRequestIDGivesTheSameSpaceOnlyPartlyFilled(t *testing.T) {
	s, at := begin(t)
	token := s.hand(People()[0], createScope)
	const plan = `{"space":{"spaceType":"SPACE","displayName":"Plan"},"requestId":"r1"}`
	_, first := ask(t, "POST", at.URL+"/v1/spaces:setup", token, plan)
	_, second := ask(t, "POST", at.URL+"/v1/spaces:setup", token, plan)
	if !strings.Contains(first, "spaceUri") || strings.Contains(second, "spaceUri") || !strings.Contains(second, `"name":"spaces/AAAA`) {
		t.Errorf("first %s, second %s", first, second)
	}
}

func TestWrongRequestsForConsentShowAnErrorAndNeverReachTheApp(t *testing.T) {
	_, at := begin(t)
	good := url.Values{
		"client_id": {"c"}, "redirect_uri": {"https://d.example/callback"}, "response_type": {"code"}, "scope": {"openid email " + createScope},
		"state": {"s"}, "nonce": {"n"}, "code_challenge": {"x"}, "code_challenge_method": {"S256"},
	}
	if status, _ := ask(t, "GET", at.URL+"/o/oauth2/v2/auth?"+good.Encode(), "", ""); status != 200 {
		t.Fatalf("a right request: %d", status)
	}
	for name, change := range map[string]func(url.Values){
		"invalid_client":        func(q url.Values) { q.Set("client_id", "x") },
		"redirect_uri_mismatch": func(q url.Values) { q.Set("redirect_uri", "https://d.example/callback/") },
		"response_type":         func(q url.Values) { q.Set("response_type", "token") },
		"invalid_scope":         func(q url.Values) { q.Set("scope", "openid everything") },
		"nonce":                 func(q url.Values) { q.Del("nonce") },
		"PKCE":                  func(q url.Values) { q.Set("code_challenge_method", "plain") },
		"stands twice":          func(q url.Values) { q.Add("state", "t") },
	} {
		q := url.Values{}
		for k, v := range good {
			q[k] = append([]string(nil), v...)
		}
		change(q)
		if status, body := ask(t, "GET", at.URL+"/o/oauth2/v2/auth?"+q.Encode(), "", ""); status != 400 || !strings.Contains(body, name) {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
}

func TestTheTokenEndpointRefusesAsGoogleDoes(t *testing.T) {
	_, at := begin(t)
	for name, c := range map[string]struct {
		query, body, want string
		status            int
	}{
		"no secret":          {"", "grant_type=refresh_token&client_id=c", "client_secret is missing.", 400},
		"wrong secret":       {"", "grant_type=refresh_token&client_id=c&client_secret=x", "invalid_client", 401},
		"unknown token":      {"", "grant_type=refresh_token&client_id=c&client_secret=s&refresh_token=x", "invalid_grant", 400},
		"unknown code":       {"", "grant_type=authorization_code&client_id=c&client_secret=s&code=x", "invalid_grant", 400},
		"unknown grant type": {"", "grant_type=password&client_id=c&client_secret=s", "unsupported_grant_type", 400},
		"in the address":     {"?client_secret=s", "grant_type=refresh_token&client_id=c&client_secret=s", "invalid_request", 400},
	} {
		if status, body := ask(t, "POST", at.URL+"/token"+c.query, "", c.body); status != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s: got %d %s", name, status, body)
		}
	}
	if status, body := ask(t, "POST", at.URL+"/revoke", "", "token=x"); status != 400 || !strings.Contains(body, "invalid_token") {
		t.Errorf("revoke: got %d %s", status, body)
	}
}

func TestAnAdministratorReadsWhatTheyAreNotIn(t *testing.T) {
	s, at := begin(t)
	const auth = "https://www.googleapis.com/auth/"
	admin := s.hand(People()[2], auth+"chat.admin.spaces", auth+"chat.admin.memberships")
	space := at.URL + "/v1/spaces/" + s.Found("Plan", People()[0]).ID
	for _, address := range []string{
		space + "?useAdminAccess=true",
		space + "/members?useAdminAccess=true&filter=" + url.QueryEscape(`member.type != "BOT"`),
		at.URL + "/v1/spaces:search?useAdminAccess=true&query=" + url.QueryEscape(`customer = "customers/my_customer" AND space_type = "SPACE"`),
	} {
		if status, body := ask(t, "GET", address, admin, ""); status != 200 {
			t.Errorf("%s: got %d %s", address, status, body)
		}
	}
}

func TestAWrongAssertionIsRefusedAsGoogleDoes(t *testing.T) {
	s, at := begin(t)
	const account = "deputy@p.iam.gserviceaccount.com"
	s.Delegate(account, createScope)
	now := time.Now().Unix()
	for name, c := range map[string]struct {
		change map[string]any
		want   string
	}{
		"right":                    {nil, "access_token"},
		"another audience":         {map[string]any{"aud": "https://evil.example/token"}, "audience"},
		"longer than an hour":      {map[string]any{"exp": now + 3700}, "short-lived"},
		"over":                     {map[string]any{"iat": now - 7200, "exp": now - 3600}, "short-lived"},
		"of the future":            {map[string]any{"iat": now + 600, "exp": now + 1200}, "short-lived"},
		"another account":          {map[string]any{"iss": "x@y.iam.gserviceaccount.com"}, "Invalid JWT"},
		"nobody":                   {map[string]any{"sub": "nobody@example.com"}, "Invalid email"},
		"by id":                    {map[string]any{"sub": People()[0].Sub}, "Invalid email"},
		"another scope":            {map[string]any{"scope": createScope + " https://www.googleapis.com/auth/chat.delete"}, "unauthorized_client"},
		"for a whole organization": {map[string]any{"sub": ""}, "Invalid email"},
		"no scope":                 {map[string]any{"scope": ""}, "invalid_scope"},
	} {
		claims := map[string]any{"iss": account, "sub": "ada@example.com", "scope": createScope, "aud": "https://oauth2.googleapis.com/token", "iat": now, "exp": now + 3600}
		for k, v := range c.change {
			claims[k] = v
		}
		form := "grant_type=" + url.QueryEscape(jwtBearer) + "&assertion=" + sign(s.keys.Load().account, "account", claims)
		if _, body := ask(t, "POST", at.URL+"/token", "", form); !strings.Contains(body, c.want) {
			t.Errorf("%s: got %s", name, body)
		}
	}
	forged := "grant_type=" + url.QueryEscape(jwtBearer) + "&assertion=" + sign(s.keys.Load().id, "account", map[string]any{"iss": account, "sub": "ada@example.com", "scope": createScope, "aud": "https://oauth2.googleapis.com/token", "iat": now, "exp": now + 3600})
	if status, body := ask(t, "POST", at.URL+"/token", "", forged); status != 400 || !strings.Contains(body, "Signature") {
		t.Errorf("another key: %d %s", status, body)
	}
}

func TestQuotasAreCountedPerSpaceAndProject(t *testing.T) {
	s, at := begin(t)
	s.Quotas()
	token := s.hand(People()[0], "https://www.googleapis.com/auth/chat.messages.create", "https://www.googleapis.com/auth/chat.memberships")
	one, other := at.URL+"/v1/spaces/"+s.Found("One", People()[0]).ID, at.URL+"/v1/spaces/"+s.Found("Other", People()[0]).ID
	for _, c := range []struct {
		space  string
		status int
	}{{one, 200}, {other, 200}, {one, 429}} {
		if status, body := ask(t, "POST", c.space+"/messages", token, `{"text":"x"}`); status != c.status {
			t.Errorf("%s: got %d %s", c.space, status, body)
		}
	}
	refused := 0
	for n := range 301 {
		if status, _ := ask(t, "POST", one+"/members", token, `{"member":{"name":"users/member-`+strings.Repeat("1", 1+n%3)+`@example.com","type":"HUMAN"}}`); status == 429 {
			refused++
		}
	}
	if refused != 1 {
		t.Errorf("%d of 301 were refused", refused)
	}
}
