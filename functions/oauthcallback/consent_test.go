package oauthcallback_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/consent"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

const (
	create  = capability.CreateSpaces
	members = capability.ReadMembers
)

func TestCallback_Connected(t *testing.T) {
	const completion = "https://chat.google.com/api/bot_config_complete?token=t"
	for name, c := range map[string]struct{ completion, want string }{
		"without Chat": {"", siteAddress + "/connected"},
		"back to Chat": {completion, completion},
	} {
		s := newSite(t, siteAddress)
		w := s.open(s.allow(s.invite(c.completion, create), ada))
		if got := w.Header().Get("Location"); w.Code != http.StatusSeeOther || got != c.want {
			t.Errorf("%s: %d to %q", name, w.Code, got)
		}
		if g, err := s.vault.Grant(t.Context(), resource.Person(ada.User())); err != nil || g.RefreshToken.Empty() {
			t.Errorf("%s: grant: %v", name, err)
		}
	}
	s := newSite(t, siteAddress)
	wantPage(t, "connected", s.open("/connected"), 200, "You're connected", `<main class="good">`, "select Continue")
}

func TestCallback_MissingPermissions(t *testing.T) {
	const scope = "https://www.googleapis.com/auth/chat."
	readMembers, createSpaces := scope+"memberships.readonly", scope+"spaces.create"
	for name, c := range map[string]struct {
		unselected []string
		text       string
	}{
		"one": {[]string{readMembers}, "permission to: See who is in your spaces."},
		"two": {[]string{createSpaces, readMembers}, "permission to: Create spaces; See who is in your spaces."},
	} {
		s := newSite(t, siteAddress)
		page := s.openOutcome(s.allow(s.invite("", create, members), ada, c.unselected...))
		wantPage(t, name, page, 200, "More access is needed", "as ada@example.com", c.text, `class="button"`,
			`href="`+siteAddress+"/start?invitation=", ">Allow</a>")
	}
}

func TestCallback_Refusals(t *testing.T) {
	with := func(s *site, query string) string {
		at, err := url.Parse(s.start(s.invite("", create)))
		s.check(err)
		return "/callback?state=" + at.Query().Get("state") + query
	}
	for name, c := range map[string]struct {
		address func(*site) string
		status  int
		want    string
		retry   string // text of the button for a new consent
	}{
		"declined": {
			func(s *site) string { return with(s, "&error=access_denied") },
			403, "You're not connected", "Try again",
		},
		"refused": {
			func(s *site) string { return with(s, "&error=server_error") },
			400, "Google didn't allow access", "Try again",
		},
		"another issuer": {
			func(s *site) string {
				back := s.allow(s.invite("", create), ada)
				return strings.Replace(back, "iss=https%3A%2F%2Faccounts.google.com", "iss=https://evil.example", 1)
			},
			400, "Google didn't allow access", "Try again",
		},
		"wrong account": {
			func(s *site) string { return s.allow(s.invite("", create), grace) },
			403, "You chose " + grace.Email, "Choose another account",
		},
		"invited by another address": {
			func(s *site) string {
				link, err := s.flow.Invite(s.t.Context(), resource.Named(ada.Email), config.Secret{}, create)
				s.check(err)
				return s.allow(link.Reveal(), grace)
			},
			403, "tell its operator to name you as " + grace.Email, "Choose another account",
		},
		"Google unavailable": {
			func(s *site) string {
				s.google.Fail("token", 503)
				return s.allow(s.invite("", create), ada)
			},
			503, "Deputy couldn't confirm your connection", "Try again",
		},
		"used": {
			func(s *site) string {
				back := s.allow(s.invite("", create), ada)
				s.open(back)
				return back
			},
			200, "You're connected", "", // the same outcome
		},
		"other browser": {
			func(s *site) string {
				back := s.allow(s.invite("", create), ada)
				s.cookies = nil
				return back
			},
			403, "Use the same browser", "",
		},
		"unknown invitation": {
			func(*site) string { return "/start?invitation=x" }, 410, "This link has expired", "",
		},
	} {
		s := newSite(t, siteAddress)
		page := s.open(c.address(s))
		if page.Code == http.StatusSeeOther { // to a page whose address has no code
			page = s.open(strings.TrimPrefix(page.Header().Get("Location"), siteAddress))
		}
		wantPage(t, name, page, c.status, c.want)
		button := `<a class="button" href="` + siteAddress + "/start?invitation="
		if c.retry != "" {
			wantPage(t, name, page, c.status, button, ">"+c.retry+"</a>")
		} else if strings.Contains(page.Body.String(), button) {
			t.Errorf("%s: a button", name)
		}
	}
	s := newSite(t, siteAddress, "other.example")
	wantPage(t, "domain", s.openOutcome(s.allow(s.invite("", create), ada)), 403,
		"Deputy isn't available for this account", ada.Email)
}

// Google gives a refresh token only with the first consent, so Deputy asks again if it has none.
func TestCallback_AsksAgain(t *testing.T) {
	first := newSite(t, siteAddress)
	first.open(first.allow(first.invite("", create), ada))
	second := newSiteOn(t, first.google, siteAddress)
	w := second.open(second.allow(second.invite("", create), ada))
	to, err := url.Parse(w.Header().Get("Location"))
	if err != nil || w.Code != http.StatusSeeOther || to.Host != "accounts.google.com" ||
		to.Query().Get("prompt") != "consent" {
		t.Errorf("%d to %v, %v", w.Code, to, err)
	}
}

func TestPrefetch(t *testing.T) {
	s := newSite(t, siteAddress)
	link := s.invite("", create)
	back := ""
	for range 2 { // prefetching /start, then /callback
		address := link
		if back != "" {
			address = back
		}
		for _, header := range []string{"Sec-Purpose", "Purpose", "X-Moz", ""} {
			method, headers := http.MethodGet, http.Header{header: {"prefetch;prerender"}}
			if header == "" {
				method, headers = http.MethodHead, nil
			}
			w := s.send(method, address, "", headers)
			if w.Code != http.StatusNoContent || len(w.Result().Cookies()) != 0 {
				t.Errorf("%q: %d", header, w.Code)
			}
		}
		if back == "" {
			back = s.allow(link, ada)
		}
	}
	if w := s.open(back); w.Header().Get("Location") != siteAddress+"/connected" {
		t.Errorf("a prefetch used up the consent: %d %s", w.Code, w.Body)
	}
}

func TestStart_Cookie(t *testing.T) {
	for address, want := range map[string]http.Cookie{
		siteAddress:             {Name: "__Host-deputy-", Secure: true},
		"http://localhost:8080": {Name: "deputy-"},
	} {
		s := newSite(t, address)
		s.start(s.invite("", create))
		if len(s.cookies) != 1 {
			t.Fatalf("%s: cookies %v", address, s.cookies)
		}
		first := *s.cookies[0]
		if !strings.HasPrefix(first.Name, want.Name) || first.Secure != want.Secure || first.MaxAge != 3600 {
			t.Errorf("%s: %v", address, first)
		}
		s.start(s.invite("", create)) // a second consent in the same browser keeps the first one valid
		if len(s.cookies) != 1 || s.cookies[0].Value != first.Value {
			t.Errorf("%s: replaced by %v", address, s.cookies)
		}
		s.cookies = append(s.cookies, &http.Cookie{Name: first.Name + "x", Value: "newer"})
		if s.start(s.invite("", create)); len(s.cookies) != 2 || s.cookies[1].Value != "newer" {
			t.Errorf("%s: not the newer of two: %v", address, s.cookies)
		}
	}
}

const callersFile = `
callers:
  - id: ci
    kind: service-account
    uniqueId: "109000000000000000001"
    email: ci@tools.iam.gserviceaccount.com
    name: CI
    actions: [spaces.create, spaces.read]
    authorities: [user, admin]
    people: [ada@example.com]
`

// inviteToApprove returns a link of another system for Ada.
func (s *site) inviteToApprove(authority vault.Authority, actions ...string) string {
	s.t.Helper()
	request := consent.ApprovalRequest{Caller: "ci", Actions: actions, Authority: authority}
	link, err := s.flow.InviteToApprove(s.t.Context(), resource.Named(ada.User()), request, create)
	s.check(err)
	return link.Reveal()
}

// askApproval lets Ada connect with a link for another system, and returns the page after it.
func (s *site) askApproval(authority vault.Authority, actions ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	return s.openOutcome(s.allow(s.inviteToApprove(authority, actions...), ada))
}

func TestQuestion(t *testing.T) {
	both := []string{"spaces.create", "spaces.read"}
	question := []string{
		"Allow CI to act as you?", "account ci@tools.iam.gserviceaccount.com",
		"following as ada@example.com.",
		`<input type="checkbox" name="action" value="spaces.create" checked> Create spaces`,
		`value="spaces.read" checked`,
		`action="` + siteAddress + `/approve"`, `name="answer" value="allow">Allow<`, `value="refuse">Don't allow<`,
	}
	const admin = "administrator rights"
	for name, c := range map[string]struct {
		old, text string // what to replace in the callers file
		authority vault.Authority
		status    int
		want      []string
	}{
		"by address":        {"", "", "user", 200, question},
		"by ID":             {"ada@example.com", ada.User(), "user", 200, question},
		"by domain":         {"people: [ada@example.com]", "domains: [example.com]", "user", 200, question},
		"default authority": {"", "", "", 200, question},
		"administrator":     {"", "", "admin", 200, append(question, admin)},
		"without an address": {
			"    email: ci@tools.iam.gserviceaccount.com\n", "", "user", 200,
			[]string{"account 109"},
		},
		"another person": {"ada@example.com", grace.Email, "user", 403, []string{"CI can't act for this account"}},
		"another domain": {
			"people: [ada@example.com]", "domains: [x.example]", "user", 403, []string{"CI can't act for this account"},
		},
		"unreadable file":  {callersFile, "", "user", 503, []string{"can't read its list of systems"}},
		"caller paused":    {"    name: CI", "    name: CI\n    paused: true", "user", 303, nil},
		"all paused":       {"callers:", "paused: true\ncallers:", "user", 303, nil},
		"unknown caller":   {"id: ci", "id: other", "user", 303, nil},
		"other authority":  {"[user, admin]", "[user]", "admin", 303, nil},
		"no default":       {"[user, admin]", "[admin]", "", 303, nil},
		"other action":     {"spaces.read", "spaces.update", "user", 303, nil},
		"no known action":  {"[spaces.create, spaces.read]", "[spaces.update]", "user", 303, nil},
		"one action known": {"spaces.create", "spaces.update", "user", 303, nil},
	} {
		s := newSite(t, siteAddress)
		s.callers = strings.Replace(callersFile, c.old, c.text, 1)
		page := s.askApproval(c.authority, both...)
		wantPage(t, name, page, c.status, c.want...)
		if c.status == http.StatusSeeOther && page.Header().Get("Location") != siteAddress+"/connected" {
			t.Errorf("%s: to %s", name, page.Header().Get("Location"))
		}
		if got := strings.Contains(page.Body.String(), admin); got != (c.status == 200 && c.authority == "admin") {
			t.Errorf("%s: asks for administrator rights: %v", name, got)
		}
		self := strings.Contains(page.Header().Get("Content-Security-Policy"), "form-action 'self'")
		if none := strings.Contains(page.Header().Get("Content-Security-Policy"), "form-action 'none'"); self == none ||
			self != (c.status == 200) {
			t.Errorf("%s: policy %q", name, page.Header().Get("Content-Security-Policy"))
		}
	}
}

func TestApprove(t *testing.T) {
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	for name, c := range map[string]struct {
		body   string // after the token
		header http.Header
		status int
		want   string
		stored bool
	}{
		"allow":        {"&answer=allow", form, 200, "can now act as you", true},
		"refuse":       {"&answer=refuse", form, 200, "The system can't act as you", false},
		"other answer": {"&answer=yes", form, 400, "This form was changed", false},
		"no answer":    {"", form, 400, "This form was changed", false},
		"two answers":  {"&answer=refuse&answer=allow", form, 400, "This form was changed", false},
		"two tokens":   {"&answer=allow&token=x", form, 400, "This form was changed", false},
		"broken form":  {"&answer=allow&x=%zz", form, 400, "This form was changed", false},
		"other content type": {
			"&answer=allow", http.Header{"Content-Type": {"text/plain"}}, 400, "This form was changed", false,
		},
		"no content type": {"&answer=allow", nil, 400, "This form was changed", false},
	} {
		s := newSite(t, siteAddress)
		s.callers = callersFile
		page := s.askApproval("user", "spaces.create")
		_, rest, _ := strings.Cut(page.Body.String(), `name="token" value="`)
		token, _, _ := strings.Cut(rest, `"`)
		answer := s.send(http.MethodPost, "/approve", "action=spaces.create&token="+token+c.body, c.header)
		if c.status == 200 {
			answer = s.showOutcome(answer)
		}
		wantPage(t, name, answer, c.status, c.want)
		if good := strings.Contains(answer.Body.String(), `class="good"`); good != c.stored {
			t.Errorf("%s: shown as a success: %v", name, good)
		}
		g, err := s.vault.Grant(t.Context(), resource.Person(ada.User()))
		if err != nil || g.HasApproved("ci", "user", "spaces.create") != c.stored {
			t.Errorf("%s: stored: %v, %v", name, !c.stored, err)
		}
		audit := "msg=audit action=approve allowed=" + map[bool]string{true: "true", false: "false"}[c.stored] +
			" person=" + ada.User() + " caller_id=ci actions=[spaces.create] authority=user"
		if strings.Contains(s.log.String(), audit) != (c.status == 200) {
			t.Errorf("%s: log: %s", name, s.log.String())
		}
	}
}

func TestApprove_OtherBrowser(t *testing.T) {
	s := newSite(t, siteAddress)
	s.callers = callersFile
	_, rest, _ := strings.Cut(s.askApproval("user", "spaces.create").Body.String(), `name="token" value="`)
	token, _, _ := strings.Cut(rest, `"`)
	s.cookies = nil
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	answer := s.send(http.MethodPost, "/approve", "action=spaces.create&token="+token+"&answer=allow", header)
	wantPage(t, "other browser", answer, 403, "Use the same browser")
	if strings.Contains(s.log.String(), "action=approve") {
		t.Error("a refused answer is in the audit log")
	}
}

func TestExport(t *testing.T) {
	s := newSite(t, siteAddress)
	s.open(s.allow(s.invite("", create), ada))
	link, err := s.grants.ExportLink(resource.Person(ada.User()))
	s.check(err)
	offer := s.open(link.Reveal())
	wantPage(t, "offer", offer, 200, `action="`+siteAddress+`/export"`, ">Download</button>")
	if strings.Contains(offer.Body.String(), ada.Email) || strings.Contains(s.log.String(), "action=export") ||
		strings.Contains(offer.Body.String(), `value="refuse"`) {
		t.Error("a link preview reads the data")
	}
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	_, sealed, _ := strings.Cut(link.Reveal(), "link=")
	w := s.send(http.MethodPost, "/export", "answer=allow&token="+sealed, form)
	var body struct{ Person string }
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || w.Code != 200 || body.Person != ada.User() ||
		!strings.Contains(w.Body.String(), "\n  \"") || !strings.HasSuffix(w.Body.String(), "}\n") {
		t.Errorf("%d, %v: %s", w.Code, err, w.Body)
	}
	for name, want := range map[string]string{
		"Content-Type":           "application/json; charset=utf-8",
		"Content-Disposition":    `attachment; filename="deputy.json"`,
		"Cache-Control":          "no-store",
		"X-Content-Type-Options": "nosniff",
		"Referrer-Policy":        "no-referrer",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	if !strings.Contains(s.log.String(), "msg=audit action=export person="+ada.User()) {
		t.Errorf("log: %s", s.log.String())
	}
	forged := s.send(http.MethodPost, "/export", "answer=allow&token=x", form)
	wantPage(t, "forged", forged, 400, "This link has expired", "Something didn't work")
	wantPage(t, "twice", s.open(link.Reveal()+"&link=x"), 400, "more than once")
}

func TestDeadline(t *testing.T) {
	s := newSite(t, siteAddress)
	link := s.invite("", create)
	s.inject = func(ctx context.Context) error {
		deadline, ok := ctx.Deadline()
		if left := time.Until(deadline); !ok || left > 20*time.Second || left < 15*time.Second {
			t.Errorf("deadline: %v, %v", left, ok)
		}
		return nil
	}
	s.start(link)
}
