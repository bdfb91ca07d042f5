package google

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func (s *Server) mustSet(t *testing.T, name string, on bool) {
	t.Helper()
	if err := s.SetSwitch(name, on); err != nil {
		t.Fatal(err)
	}
}

func TestSwitch_StatusUntilOff(t *testing.T) {
	s, server := newServer(t)
	token := s.issueToken(People()[0], createScope, authPrefix+"chat.spaces.readonly")
	const team = "/v1/spaces/AAAAteam"
	for name, status := range map[string]int{
		"401": 401, "403": 403, "404": 404, "409": 409, "429": 429, "500": 500, "no-app": 404,
	} {
		s.mustSet(t, name, true)
		for range 2 {
			got, body := call(t, "POST", server.URL+"/v1/spaces:setup", token, "{}")
			if got != status || !strings.Contains(body, statuses[status]) {
				t.Errorf("%s: got %d %s", name, got, body)
			}
		}
		s.mustSet(t, name, false)
		if got, body := call(t, "GET", server.URL+team, token, ""); got != 200 {
			t.Errorf("%s, turned off: got %d %s", name, got, body)
		}
	}
	s.mustSet(t, "no-app", true)
	if got, body := call(t, "GET", server.URL+team, token, ""); got != 200 {
		t.Errorf("get without a configured app: %d %s", got, body)
	}
	if err := s.SetSwitch("unknown", true); err == nil {
		t.Error("Set accepts an unknown switch")
	}
}

func TestSwitch_Drop(t *testing.T) {
	s, server := newServer(t)
	token := s.issueToken(People()[0], createScope)
	s.mustSet(t, "drop", true)
	body := strings.NewReader(`{"space":{"spaceType":"SPACE","displayName":"Plan"},"requestId":"r"}`)
	r, err := http.NewRequest(http.MethodPost, server.URL+"/v1/spaces:setup", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	if res, err := client.Do(r); err == nil {
		_ = res.Body.Close()
		t.Errorf("got status %d, want no response", res.StatusCode)
	}
	if _, ok := s.SpaceByName("Plan"); !ok {
		t.Error("the space was not created")
	}
}

func TestSwitch_Slow(t *testing.T) {
	s, server := newServer(t)
	s.SlowDelay = time.Millisecond
	s.mustSet(t, "slow", true)
	token := s.issueToken(People()[0], authPrefix+"chat.spaces.readonly")
	if got, body := call(t, "GET", server.URL+"/v1/spaces/AAAAteam", token, ""); got != 200 {
		t.Errorf("got %d %s", got, body)
	}
}

func TestSwitch_ClockSkew(t *testing.T) {
	s, _ := newServer(t)
	before := s.Now()
	s.mustSet(t, "clock-skew", true)
	if ahead := s.Now().Sub(before); ahead < clockSkew || ahead > clockSkew+time.Minute {
		t.Errorf("clock is %v ahead, want %v", ahead, clockSkew)
	}
	s.Reset()
	if s.Now().Sub(before) > time.Minute || s.IsOn("clock-skew") {
		t.Error("Reset does not turn the switch off")
	}
}

// consentURL returns the URL of an authorization request for two scopes.
func consentURL(server, hint string) string {
	return server + "/o/oauth2/v2/auth?" + url.Values{
		"client_id": {"c"}, "redirect_uri": {"https://d.example/callback"}, "response_type": {"code"},
		"scope": {"openid email " + createScope + " " + authPrefix + "chat.memberships"}, "login_hint": {hint},
		"state": {"s"}, "nonce": {"n"}, "code_challenge": {"x"}, "code_challenge_method": {"S256"},
	}.Encode()
}

func TestConsentPage(t *testing.T) {
	s, server := newServer(t)
	ada, kim := People()[0].Email, People()[3].Email
	page := func(name, address string, status int, want ...string) string {
		t.Helper()
		got, body := call(t, "GET", address, "", "")
		if got != status {
			t.Errorf("%s: got %d %s", name, got, body)
		}
		for _, text := range want {
			if !strings.Contains(body, text) {
				t.Errorf("%s: no %q in %s", name, text, body)
			}
		}
		return body
	}
	page("no hint", consentURL(server.URL, ""), 200, "Choose an account", ada, kim)
	body := page("hint", consentURL(server.URL, ada), 200,
		"wants to access your account", "Create new conversations", "Use another account")
	if strings.Count(body, `type="checkbox"`) != 2 || strings.Count(body, " checked") != 2 {
		t.Errorf("want two checked boxes: %s", body)
	}
	s.granted[People()[0].Sub] = []string{createScope}
	body = page("one scope granted", consentURL(server.URL, ada), 200, "already has some access")
	if strings.Count(body, `type="checkbox"`) != 1 {
		t.Errorf("want one box: %s", body)
	}
	for name, c := range map[string]struct {
		hint, text string
		status     int
	}{
		"untick": {ada, "wants to access", 200}, "unverified": {ada, "hasn’t verified this app", 200},
		"admin-blocked": {ada, "admin_policy_enforced", 400}, "org-internal": {kim, "org_internal", 403},
	} {
		s.mustSet(t, name, true)
		body := page(name, consentURL(server.URL, c.hint), c.status, c.text)
		if strings.Contains(body, " checked") {
			t.Errorf("%s: a box is checked", name)
		}
		s.mustSet(t, name, false)
	}
}
