package google

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

const createScope = authPrefix + "chat.spaces.create"

func newServer(t *testing.T) (*Server, *httptest.Server) {
	t.Helper()
	s := New(Config{
		ClientID: "c", ClientSecret: "s", RedirectURIs: []string{"https://d.example/callback"},
		ProjectNumber: "1", AppName: "Deputy", ChatAddress: "https://chat.example/", Now: time.Now,
	})
	server := httptest.NewServer(s.Handler())
	t.Cleanup(server.Close)
	return s, server
}

// issueToken returns a person's access token without a consent.
func (s *Server) issueToken(p Person, scopes ...string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.issueAccessToken(p, scopes)["access_token"].(string)
}

// call sends a request and returns the status and the body. A body of /token or /revoke is sent as a form.
func call(t *testing.T, method, address, token, body string) (int, string) {
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

func TestSetup_SameRequestID(t *testing.T) {
	s, server := newServer(t)
	token := s.issueToken(People()[0], createScope)
	const plan = `{"space":{"spaceType":"SPACE","displayName":"Plan"},"requestId":"r1"}`
	_, first := call(t, "POST", server.URL+"/v1/spaces:setup", token, plan)
	_, second := call(t, "POST", server.URL+"/v1/spaces:setup", token, plan)
	partial := !strings.Contains(second, "spaceUri") && strings.Contains(second, `"name":"spaces/AAAA`)
	if !strings.Contains(first, "spaceUri") || !partial {
		t.Errorf("first %s, second %s", first, second)
	}
}

func TestAuthorize_InvalidRequests(t *testing.T) {
	_, server := newServer(t)
	valid := url.Values{
		"client_id": {"c"}, "redirect_uri": {"https://d.example/callback"}, "response_type": {"code"},
		"scope": {"openid email " + createScope}, "state": {"s"}, "nonce": {"n"},
		"code_challenge": {"x"}, "code_challenge_method": {"S256"},
	}
	if status, _ := call(t, "GET", server.URL+"/o/oauth2/v2/auth?"+valid.Encode(), "", ""); status != 200 {
		t.Fatalf("valid request: %d", status)
	}
	for name, change := range map[string]func(url.Values){
		"invalid_client":        func(q url.Values) { q.Set("client_id", "x") },
		"redirect_uri_mismatch": func(q url.Values) { q.Set("redirect_uri", "https://d.example/callback/") },
		"response_type":         func(q url.Values) { q.Set("response_type", "token") },
		"invalid_scope":         func(q url.Values) { q.Set("scope", "openid everything") },
		"nonce":                 func(q url.Values) { q.Del("nonce") },
		"PKCE":                  func(q url.Values) { q.Set("code_challenge_method", "plain") },
		"given more than once":  func(q url.Values) { q.Add("state", "t") },
	} {
		q := url.Values{}
		for k, v := range valid {
			q[k] = append([]string(nil), v...)
		}
		change(q)
		status, body := call(t, "GET", server.URL+"/o/oauth2/v2/auth?"+q.Encode(), "", "")
		if status != 400 || !strings.Contains(body, name) {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
}

func TestToken_InvalidRequests(t *testing.T) {
	_, server := newServer(t)
	const client = "client_id=c&client_secret=s"
	for name, c := range map[string]struct {
		query, body, want string
		status            int
	}{
		"no secret":          {"", "grant_type=refresh_token&client_id=c", "client_secret is missing.", 400},
		"wrong secret":       {"", "grant_type=refresh_token&client_id=c&client_secret=x", "invalid_client", 401},
		"unknown token":      {"", "grant_type=refresh_token&" + client + "&refresh_token=x", "invalid_grant", 400},
		"unknown code":       {"", "grant_type=authorization_code&" + client + "&code=x", "invalid_grant", 400},
		"unknown grant type": {"", "grant_type=password&" + client, "unsupported_grant_type", 400},
		"secret in the URL":  {"?client_secret=s", "grant_type=refresh_token&" + client, "invalid_request", 400},
	} {
		status, body := call(t, "POST", server.URL+"/token"+c.query, "", c.body)
		if status != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s: got %d %s", name, status, body)
		}
	}
	status, body := call(t, "POST", server.URL+"/revoke", "", "token=x")
	if status != 400 || !strings.Contains(body, "invalid_token") {
		t.Errorf("revoke: got %d %s", status, body)
	}
}

func TestAdminAccess_NotAMember(t *testing.T) {
	s, server := newServer(t)
	admin := s.issueToken(People()[2], authPrefix+"chat.admin.spaces", authPrefix+"chat.admin.memberships")
	query := url.QueryEscape(`customer = "customers/my_customer" AND space_type = "SPACE"`)
	space := server.URL + "/v1/spaces/" + s.CreateSpace("Plan", People()[0]).ID
	for _, address := range []string{
		space + "?useAdminAccess=true",
		space + "/members?useAdminAccess=true&filter=" + url.QueryEscape(`member.type != "BOT"`),
		server.URL + "/v1/spaces:search?useAdminAccess=true&query=" + query,
	} {
		if status, body := call(t, "GET", address, admin, ""); status != 200 {
			t.Errorf("%s: got %d %s", address, status, body)
		}
	}
}

// A space whose last member left still answers an administrator and a search for its name.
func TestSpace_WithoutMembers(t *testing.T) {
	s, server := newServer(t)
	space := s.CreateSpace("Empty")
	admin := s.issueToken(People()[2], authPrefix+"chat.admin.spaces", authPrefix+"chat.spaces.create")
	address := server.URL + "/v1/spaces/" + space.ID + "?useAdminAccess=true"
	if status, body := call(t, "GET", address, admin, ""); status != 403 && status != 404 {
		t.Errorf("get: got %d %s", status, body)
	}
	create := `{"space":{"spaceType":"SPACE","displayName":"Empty"}}`
	if status, body := call(t, "POST", server.URL+"/v1/spaces:setup", admin, create); status != 200 {
		t.Errorf("create: got %d %s", status, body)
	}
}

func TestAssertion_Invalid(t *testing.T) {
	s, server := newServer(t)
	const account = "deputy@p.iam.gserviceaccount.com"
	s.SetDelegation(account, createScope)
	now := time.Now().Unix()
	valid := map[string]any{
		"iss": account, "sub": "ada@example.com", "scope": createScope,
		"aud": "https://oauth2.googleapis.com/token", "iat": now, "exp": now + 3600,
	}
	form := "grant_type=" + url.QueryEscape(jwtBearer) + "&assertion="
	twoScopes := createScope + " " + authPrefix + "chat.delete"
	for name, c := range map[string]struct {
		change map[string]any
		want   string
	}{
		"valid":                {nil, "access_token"},
		"another audience":     {map[string]any{"aud": "https://evil.example/token"}, "audience"},
		"longer than an hour":  {map[string]any{"exp": now + 3700}, "short-lived"},
		"expired":              {map[string]any{"iat": now - 7200, "exp": now - 3600}, "short-lived"},
		"issued in the future": {map[string]any{"iat": now + 600, "exp": now + 1200}, "short-lived"},
		"another account":      {map[string]any{"iss": "x@y.iam.gserviceaccount.com"}, "Invalid JWT"},
		"unknown person":       {map[string]any{"sub": "nobody@example.com"}, "Invalid email"},
		"person by ID":         {map[string]any{"sub": People()[0].Sub}, "Invalid email"},
		"another scope":        {map[string]any{"scope": twoScopes}, "unauthorized_client"},
		"no person":            {map[string]any{"sub": ""}, "Invalid email"},
		"no scope":             {map[string]any{"scope": ""}, "invalid_scope"},
	} {
		claims := maps.Clone(valid)
		maps.Copy(claims, c.change)
		assertion := sign(s.keys.Load().account, "account", claims)
		if _, body := call(t, "POST", server.URL+"/token", "", form+assertion); !strings.Contains(body, c.want) {
			t.Errorf("%s: got %s", name, body)
		}
	}
	forged := sign(s.keys.Load().id, "account", valid)
	status, body := call(t, "POST", server.URL+"/token", "", form+forged)
	if status != 400 || !strings.Contains(body, "Signature") {
		t.Errorf("another key: %d %s", status, body)
	}
}

func TestQuotas_PerSpaceAndProject(t *testing.T) {
	s, server := newServer(t)
	s.EnforceQuotas()
	token := s.issueToken(People()[0], authPrefix+"chat.messages.create", authPrefix+"chat.memberships")
	one := server.URL + "/v1/spaces/" + s.CreateSpace("One", People()[0]).ID
	other := server.URL + "/v1/spaces/" + s.CreateSpace("Other", People()[0]).ID
	for _, c := range []struct {
		space  string
		status int
	}{{one, 200}, {other, 200}, {one, 429}} {
		if status, body := call(t, "POST", c.space+"/messages", token, `{"text":"x"}`); status != c.status {
			t.Errorf("%s: got %d %s", c.space, status, body)
		}
	}
	refused := 0
	for n := range 301 {
		email := "member-" + strings.Repeat("1", 1+n%3) + "@example.com"
		body := `{"member":{"name":"users/` + email + `","type":"HUMAN"}}`
		if status, _ := call(t, "POST", one+"/members", token, body); status == 429 {
			refused++
		}
	}
	if refused != 1 {
		t.Errorf("got %d of 301 calls refused, want 1", refused)
	}
}
