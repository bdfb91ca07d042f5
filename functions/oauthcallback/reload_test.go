package oauthcallback_test

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/vault"
)

// startWithoutCookies starts a consent as a tab that does not know the cookies of the others yet.
func (s *site) startWithoutCookies(link string) (at *url.URL) {
	s.t.Helper()
	others := s.cookies
	s.cookies = nil
	at, err := url.Parse(s.start(link))
	s.check(err)
	s.cookies = append(others, s.cookies...)
	return at
}

// Two tabs start before either has a cookie. Both consents can be finished, in any order.
func TestStart_TwoTabs(t *testing.T) {
	s := newSite(t, siteAddress)
	first := s.startWithoutCookies(s.invite("", create))
	second := s.startWithoutCookies(s.invite("", create))
	if len(s.cookies) != 2 || s.cookies[0].Name == s.cookies[1].Name {
		t.Fatalf("cookies %v", s.cookies)
	}
	for _, at := range []*url.URL{first, second} {
		w := s.open("/callback?state=" + at.Query().Get("state") + "&error=access_denied")
		wantPage(t, "declined", s.showOutcome(w), 403, "You're not connected", "Try again")
	}
	if s.start(s.invite("", create)); len(s.cookies) != 2 {
		t.Errorf("a third tab: %d cookies", len(s.cookies))
	}
	for i := range 100 { // more than are looked at: the newest count
		old := &http.Cookie{Name: "__Host-deputy-old" + strconv.Itoa(i), Value: "old"}
		s.cookies = append([]*http.Cookie{old}, s.cookies...)
	}
	at, err := url.Parse(s.start(s.invite("", create)))
	s.check(err)
	w := s.open("/callback?state=" + at.Query().Get("state") + "&error=access_denied")
	wantPage(t, "with many cookies", s.showOutcome(w), 403, "You're not connected")
}

// A page with a button stays what it is when the browser reloads it, and another browser never sees it.
func TestOutcome_Reload(t *testing.T) {
	for name, c := range map[string]struct {
		outcome func(*site) string // its address
		status  int
		want    string
	}{
		"question": {
			func(s *site) string { return s.allow(s.inviteToApprove("user", "spaces.create"), ada) },
			200, "Allow CI to act as you?",
		},
		"missing": {
			func(s *site) string {
				const unselected = "https://www.googleapis.com/auth/chat.memberships.readonly"
				return s.allow(s.invite("", create, capability.ReadMembers), ada, unselected)
			},
			200, "More access is needed",
		},
		"wrong account": {
			func(s *site) string { return s.allow(s.invite("", create), grace) }, 403, "Choose another account",
		},
	} {
		s := newSite(t, siteAddress)
		s.callers = callersFile
		back := c.outcome(s)
		to := strings.TrimPrefix(s.open(back).Header().Get("Location"), siteAddress)
		state, err := url.Parse(back)
		s.check(err)
		if strings.Contains(to, state.Query().Get("state")) || strings.Contains(to, state.Query().Get("code")) {
			t.Errorf("%s: the address is %s", name, to)
		}
		for range 3 {
			wantPage(t, name, s.open(to), c.status, c.want)
		}
		cookies := s.cookies
		s.cookies = nil
		wantPage(t, name, s.open(to), 403, "Use the same browser")
		s.cookies = cookies
		wantPage(t, name, s.open("/outcome?id=x"), 410, "This link has expired")
		s.ahead.Add(int64(vault.PendingTTL))
		wantPage(t, name+" after ten minutes", s.open(to), 409, "This link was already used")
	}
}

// The address of the question shows the answer once it is given, and the form can be sent again.
func TestApprove_Reload(t *testing.T) {
	s := newSite(t, siteAddress)
	s.callers = callersFile
	w := s.open(s.allow(s.inviteToApprove("user", "spaces.create"), ada))
	question := strings.TrimPrefix(w.Header().Get("Location"), siteAddress)
	_, rest, _ := strings.Cut(s.open(question).Body.String(), `name="token" value="`)
	token, _, _ := strings.Cut(rest, `"`)
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	for range 2 { // the browser sends it twice
		answer := s.send(http.MethodPost, "/approve", "action=spaces.create&token="+token+"&answer=allow", form)
		wantPage(t, "answered", s.showOutcome(answer), 200, "can now act as you")
	}
	wantPage(t, "back", s.open(question), 200, "can now act as you")
	if n := strings.Count(s.log.String(), "action=approve"); n != 1 {
		t.Errorf("%d audit lines", n)
	}
}

// The answer is given, but its outcome is lost. The question must not look open again.
func TestApprove_OutcomeLost(t *testing.T) {
	s := newSite(t, siteAddress)
	s.callers = callersFile
	w := s.open(s.allow(s.inviteToApprove("user", "spaces.create"), ada))
	question := strings.TrimPrefix(w.Header().Get("Location"), siteAddress)
	_, rest, _ := strings.Cut(s.open(question).Body.String(), `name="token" value="`)
	token, _, _ := strings.Cut(rest, `"`)
	calls := 0
	s.inject = func(context.Context) error {
		if calls++; calls == 5 { // the write of the outcome
			return fault.New(fault.Unavailable, fault.NoText)
		}
		return nil
	}
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	s.send(http.MethodPost, "/approve", "action=spaces.create&token="+token+"&answer=allow", form)
	s.inject = nil
	s.ahead.Add(int64(time.Minute))
	if calls != 5 {
		t.Errorf("%d calls of the store", calls)
	}
	wantPage(t, "question", s.open(question), 409, "This link was already used")
}
