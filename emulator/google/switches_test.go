package google

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func (s *Server) put(t *testing.T, name string, on bool) {
	t.Helper()
	if err := s.Set(name, on); err != nil {
		t.Fatal(err)
	}
}

func TestASwitchFailsEveryCallUntilItIsOff(t *testing.T) {
	s, at := begin(t)
	token := s.hand(People()[0], createScope, "https://www.googleapis.com/auth/chat.spaces.readonly")
	const team = "/v1/spaces/AAAAteam"
	for name, status := range map[string]int{"401": 401, "403": 403, "404": 404, "409": 409, "429": 429, "500": 500, "no-app": 404} {
		s.put(t, name, true)
		for range 2 {
			if got, body := ask(t, "POST", at.URL+"/v1/spaces:setup", token, "{}"); got != status || !strings.Contains(body, statuses[status]) {
				t.Errorf("%s: got %d %s", name, got, body)
			}
		}
		s.put(t, name, false)
		if got, body := ask(t, "GET", at.URL+team, token, ""); got != 200 {
			t.Errorf("%s, off again: got %d %s", name, got, body)
		}
	}
	s.put(t, "no-app", true)
	if got, body := ask(t, "GET", at.URL+team, token, ""); got != 200 {
		t.Errorf("reading without a configured app: %d %s", got, body)
	}
	if err := s.Set("everything", true); err == nil {
		t.Error("there is a switch for everything")
	}
}

func TestADroppedAnswerWasDoneAllTheSame(t *testing.T) {
	s, at := begin(t)
	token := s.hand(People()[0], createScope)
	s.put(t, "drop", true)
	r, err := http.NewRequest(http.MethodPost, at.URL+"/v1/spaces:setup", strings.NewReader(`{"space":{"spaceType":"SPACE","displayName":"Plan"},"requestId":"r"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	if res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r); err == nil {
		_ = res.Body.Close()
		t.Errorf("there was an answer: %d", res.StatusCode)
	}
	if _, there := s.SpaceNamed("Plan"); !there {
		t.Error("nothing was done")
	}
}

func TestSlowAnswersComeInTheEnd(t *testing.T) {
	s, at := begin(t)
	s.Slow = time.Millisecond
	s.put(t, "slow", true)
	if got, body := ask(t, "GET", at.URL+"/v1/spaces/AAAAteam", s.hand(People()[0], "https://www.googleapis.com/auth/chat.spaces.readonly"), ""); got != 200 {
		t.Errorf("got %d %s", got, body)
	}
}

func TestASkewedClockStandsInEveryToken(t *testing.T) {
	s, _ := begin(t)
	before := s.Now()
	s.put(t, "clock-skew", true)
	if ahead := s.Now().Sub(before); ahead < skewed || ahead > skewed+time.Minute {
		t.Errorf("%v ahead", ahead)
	}
	s.Reset()
	if s.Now().Sub(before) > time.Minute || s.On("clock-skew") {
		t.Error("the reset left it on")
	}
}

// consenting is an authorization request for two scopes, with a hint.
func consenting(at, hint string) string {
	return at + "/o/oauth2/v2/auth?" + url.Values{
		"client_id": {"c"}, "redirect_uri": {"https://d.example/callback"}, "response_type": {"code"}, "scope": {"openid email " + createScope + " https://www.googleapis.com/auth/chat.memberships"},
		"state": {"s"}, "nonce": {"n"}, "code_challenge": {"x"}, "code_challenge_method": {"S256"}, "login_hint": {hint},
	}.Encode()
}

func TestTheConsentPageShowsWhatGoogleWould(t *testing.T) {
	s, at := begin(t)
	ada, kim := People()[0].Email, People()[3].Email
	page := func(name, address string, status int, has ...string) string {
		t.Helper()
		got, body := ask(t, "GET", address, "", "")
		if got != status {
			t.Errorf("%s: got %d %s", name, got, body)
		}
		for _, text := range has {
			if !strings.Contains(body, text) {
				t.Errorf("%s: %q is not in %s", name, text, body)
			}
		}
		return body
	}
	page("no hint", consenting(at.URL, ""), 200, "Choose an account", ada, kim)
	body := page("a hint", consenting(at.URL, ada), 200, "wants to access your account", "Create new conversations", "Use another account")
	if strings.Count(body, `type="checkbox"`) != 2 || strings.Count(body, " checked") != 2 {
		t.Errorf("not two ticked boxes: %s", body)
	}
	s.granted[People()[0].Sub] = []string{createScope}
	body = page("one granted before", consenting(at.URL, ada), 200, "already has some access")
	if strings.Count(body, `type="checkbox"`) != 1 {
		t.Errorf("what was granted is asked for again: %s", body)
	}
	for name, c := range map[string]struct {
		hint, text string
		status     int
	}{
		"untick": {ada, "wants to access", 200}, "unverified": {ada, "hasn’t verified this app", 200},
		"admin-blocked": {ada, "admin_policy_enforced", 400}, "org-internal": {kim, "org_internal", 403},
	} {
		s.put(t, name, true)
		body := page(name, consenting(at.URL, c.hint), c.status, c.text)
		if strings.Contains(body, " checked") {
			t.Errorf("%s: a box is ticked", name)
		}
		s.put(t, name, false)
	}
}
