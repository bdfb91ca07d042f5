package google

import (
	"encoding/json"
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

func TestWrongCallsOfTheChatAPIAreRefusedAsGoogleDoes(t *testing.T) {
	s, at := begin(t)
	ada, grace := People()[0], People()[1]
	good := s.hand(ada, createScope)
	const setup, plan = "/v1/spaces:setup", `{"space":{"spaceType":"SPACE","displayName":"Plan"},"requestId":"r1"}`
	if status, body := ask(t, "POST", at.URL+setup+"?alt=json&prettyPrint=false", good, plan); status != 200 {
		t.Fatalf("a right call: %d %s", status, body)
	}
	many := strings.TrimSuffix(strings.Repeat(`{"member":{"name":"users/1","type":"HUMAN"}},`, 50), ",")
	for name, c := range map[string]struct {
		method, path, token, body string
		status                    int
		code                      string
	}{
		"no token":               {"POST", setup, "", plan, 401, "UNAUTHENTICATED"},
		"unknown token":          {"POST", setup, "ya29.x", plan, 401, "UNAUTHENTICATED"},
		"scope missing":          {"POST", setup, s.hand(ada, "openid"), plan, 403, "PERMISSION_DENIED"},
		"a reader's scope":       {"POST", setup, s.hand(ada, "https://www.googleapis.com/auth/chat.memberships.readonly"), plan, 403, "PERMISSION_DENIED"},
		"unknown path":           {"POST", "/v1/spaces:make", good, plan, 404, "NOT_FOUND"},
		"wrong method":           {"GET", setup, good, "", 404, "NOT_FOUND"},
		"unknown parameter":      {"POST", setup + "?requestID=1", good, plan, 400, "INVALID_ARGUMENT"},
		"no body":                {"POST", setup, good, "", 400, "INVALID_ARGUMENT"},
		"unknown field":          {"POST", setup, good, `{"space":{"spaceType":"SPACE","displayName":"X","dryRun":true}}`, 400, "INVALID_ARGUMENT"},
		"wrong type":             {"POST", setup, good, `{"space":{"spaceType":"SPACE","displayName":7}}`, 400, "INVALID_ARGUMENT"},
		"unknown enum":           {"POST", setup, good, `{"space":{"spaceType":"ROOM","displayName":"X"}}`, 400, "INVALID_ARGUMENT"},
		"no type":                {"POST", setup, good, `{"space":{"displayName":"X"}}`, 400, "INVALID_ARGUMENT"},
		"no name":                {"POST", setup, good, `{"space":{"spaceType":"SPACE"}}`, 400, "INVALID_ARGUMENT"},
		"a long name":            {"POST", setup, good, `{"space":{"spaceType":"SPACE","displayName":"` + strings.Repeat("ä", 129) + `"}}`, 400, "INVALID_ARGUMENT"},
		"customer by a user":     {"POST", setup, good, `{"space":{"spaceType":"SPACE","displayName":"X","customer":"customers/1"}}`, 400, "INVALID_ARGUMENT"},
		"50 members":             {"POST", setup, good, `{"space":{"spaceType":"SPACE","displayName":"X"},"memberships":[` + many + `]}`, 400, "INVALID_ARGUMENT"},
		"an app as member":       {"POST", setup, good, `{"space":{"spaceType":"SPACE","displayName":"X"},"memberships":[{"member":{"name":"users/app","type":"BOT"}}]}`, 400, "INVALID_ARGUMENT"},
		"a bare e-mail":          {"POST", setup, good, `{"space":{"spaceType":"SPACE","displayName":"X"},"memberships":[{"member":{"name":"a@b.c","type":"HUMAN"}}]}`, 400, "INVALID_ARGUMENT"},
		"a taken name":           {"POST", setup, good, `{"space":{"spaceType":"SPACE","displayName":"plan"},"requestId":"r2"}`, 409, "ALREADY_EXISTS"},
		"another's requestId":    {"POST", setup, s.hand(grace, createScope), plan, 409, "ALREADY_EXISTS"},
		"members of no space":    {"GET", "/v1/spaces/none/members", s.hand(ada, "https://www.googleapis.com/auth/chat.memberships"), "", 404, "NOT_FOUND"},
		"a parameter's type":     {"GET", "/v1/spaces/AAAAteam/members?showInvited=yes", s.hand(ada, "https://www.googleapis.com/auth/chat.memberships"), "", 400, "INVALID_ARGUMENT"},
		"a body where none goes": {"GET", "/v1/spaces/AAAAteam/members", s.hand(ada, "https://www.googleapis.com/auth/chat.memberships"), "{}", 400, "INVALID_ARGUMENT"},
	} {
		status, body := ask(t, c.method, at.URL+c.path, c.token, c.body)
		var got struct {
			Error struct {
				Code    int    `json:"code"`
				Status  string `json:"status"`
				Message string `json:"message"`
			} `json:"error"`
		}
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Fatalf("%s: %v: %s", name, err, body)
		}
		if status != c.status || got.Error.Code != c.status || got.Error.Status != c.code || got.Error.Message == "" {
			t.Errorf("%s: got %d %s, want %d %s", name, status, body, c.status, c.code)
		}
	}
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

func TestWhatAnAdministratorMayNotIsRefusedAsGoogleDoes(t *testing.T) {
	s, at := begin(t)
	alan, ada := People()[2], People()[0]
	const auth = "https://www.googleapis.com/auth/"
	admin := s.hand(alan, auth+"chat.admin.spaces", auth+"chat.admin.memberships", auth+"chat.admin.delete")
	space := at.URL + "/v1/spaces/" + s.Found("Plan", ada).ID
	group := at.URL + "/v1/spaces/" + s.Gather(ada).ID
	search := at.URL + "/v1/spaces:search?useAdminAccess=true&query="
	for name, c := range map[string]struct {
		method, address, token, body string
		status                       int
	}{
		"reading":                       {"GET", space + "?useAdminAccess=true", admin, "", 200},
		"without the parameter":         {"GET", space, admin, "", 403},
		"with a person's scope":         {"GET", space + "?useAdminAccess=true", s.hand(alan, auth+"chat.spaces"), "", 403},
		"no administrator":              {"GET", space + "?useAdminAccess=true", s.hand(ada, auth+"chat.admin.spaces"), "", 403},
		"a conversation without a name": {"GET", group + "?useAdminAccess=true", admin, "", 404},
		"history":                       {"PATCH", space + "?useAdminAccess=true&updateMask=spaceHistoryState", admin, `{"spaceHistoryState":"HISTORY_OFF"}`, 400},
		"access":                        {"PATCH", space + "?useAdminAccess=true&updateMask=accessSettings.audience", admin, `{"accessSettings":{"audience":""}}`, 400},
		"members with apps":             {"GET", space + "/members?useAdminAccess=true", admin, "", 400},
		"members":                       {"GET", space + "/members?useAdminAccess=true&filter=" + url.QueryEscape(`member.type != "BOT"`), admin, "", 200},
		"adding the app":                {"POST", space + "/members?useAdminAccess=true", admin, `{"member":{"name":"users/app","type":"BOT"}}`, 400},
		"somebody from outside":         {"POST", space + "/members?useAdminAccess=true", admin, `{"member":{"name":"users/kim@partner.example","type":"HUMAN"}}`, 403},
		"a search without the customer": {"GET", search + url.QueryEscape(`space_type = "SPACE"`), admin, "", 400},
		"a search":                      {"GET", search + url.QueryEscape(`customer = "customers/my_customer" AND space_type = "SPACE"`), admin, "", 200},
		"making a space":                {"POST", at.URL + "/v1/spaces:setup", admin, `{"space":{"spaceType":"SPACE","displayName":"X"},"requestId":"r"}`, 403},
	} {
		if status, body := ask(t, c.method, c.address, c.token, c.body); status != c.status {
			t.Errorf("%s: got %d %s", name, status, body)
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
		form := "grant_type=" + url.QueryEscape(jwtBearer) + "&assertion=" + sign(s.keys.account, "account", claims)
		if _, body := ask(t, "POST", at.URL+"/token", "", form); !strings.Contains(body, c.want) {
			t.Errorf("%s: got %s", name, body)
		}
	}
	forged := "grant_type=" + url.QueryEscape(jwtBearer) + "&assertion=" + sign(s.keys.id, "account", map[string]any{"iss": account, "sub": "ada@example.com", "scope": createScope, "aud": "https://oauth2.googleapis.com/token", "iat": now, "exp": now + 3600})
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
