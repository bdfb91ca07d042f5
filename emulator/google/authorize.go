package google

import (
	"crypto/rand"
	_ "embed" // for the page
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const emailScope = "https://www.googleapis.com/auth/userinfo.email"

//go:embed consent.html
var consentHTML string

var consentPage = template.Must(template.New("consent").Parse(consentHTML))

// authRequest is one authorization request on its way through the page.
type authRequest struct {
	redirect, state, nonce, challenge string
	scopes                            []string // asked, beyond who the person is
	signIn                            []string // openid, email
	offline, include, consent, choose bool
}

// grantedCode is an authorization code not yet exchanged.
type grantedCode struct {
	authRequest
	person Person
	scopes []string // granted
}

// texts are what the boxes say, in the words of Google's consent page.
var texts = map[string]string{
	"https://www.googleapis.com/auth/chat.spaces.create":        "Create new conversations and spaces in Google Chat",
	"https://www.googleapis.com/auth/chat.spaces.readonly":      "View chats and spaces in Google Chat",
	"https://www.googleapis.com/auth/chat.memberships.readonly": "See members in Google Chat conversations",
	"https://www.googleapis.com/auth/chat.memberships":          "See, add, update, and remove members from conversations in Google Chat",
	"https://www.googleapis.com/auth/chat.spaces":               "Create conversations and spaces and see or update metadata (including history settings and access settings) in Google Chat",
	"https://www.googleapis.com/auth/chat.delete":               "Delete conversations and spaces and remove access to associated files in Google Chat",
	"https://www.googleapis.com/auth/chat.memberships.app":      "Add and remove itself from conversations and spaces in Google Chat",
	"https://www.googleapis.com/auth/calendar.events":           "View and edit events on all your calendars",
	"https://www.googleapis.com/auth/meetings.space.created":    "Create, edit, and see information about your Google Meet conferences created by the app",
	"https://www.googleapis.com/auth/chat.messages.create":      "Compose and send messages in Google Chat",
	"https://www.googleapis.com/auth/chat.admin.spaces":         "View or edit chats and spaces owned by the administrator's domain in Google Chat",
	"https://www.googleapis.com/auth/chat.admin.memberships":    "View, add, update and remove members in conversations owned by the administrator's domain in Google Chat",
	"https://www.googleapis.com/auth/chat.admin.delete":         "Delete conversations and spaces owned by the administrator's domain and remove access to associated files in Google Chat",

	"https://www.googleapis.com/auth/cloud-identity.groups.readonly": "See any Cloud Identity Groups that you can access, including group members and their emails",
}

// authorize begins a consent, or shows Google's own error page, which the app
// never sees (oauth-admin.md 1.4). Whose it is stands in login_hint, or is
// chosen first.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	req, why := s.read(q)
	if why != "" {
		s.blocked(w, http.StatusBadRequest, why)
		return
	}
	id := rand.Text()
	s.mu.Lock()
	s.requests[id] = req
	s.secrets = append(s.secrets, req.state)
	s.mu.Unlock()
	who, ok := s.Account(q.Get("login_hint"))
	if !ok || req.choose {
		s.show(w, id, view{Step: "account", People: s.Accounts()})
		return
	}
	s.next(w, id, req, who, false)
}

// account goes on with an account that was chosen, or has another chosen.
func (s *Server) account(w http.ResponseWriter, r *http.Request) {
	id := r.URL.Query().Get("request")
	s.mu.Lock()
	req, ok := s.requests[id]
	s.mu.Unlock()
	if !ok {
		http.Error(w, consentOver, http.StatusBadRequest)
		return
	}
	who, ok := s.Account(r.URL.Query().Get("account"))
	if !ok {
		s.show(w, id, view{Step: "account", People: s.Accounts()})
		return
	}
	s.next(w, id, req, who, r.URL.Query().Get("accepted") != "")
}

// next is what Google shows to an account: why it may not, a warning, or the
// consent with a box for each scope that the app does not have yet.
func (s *Server) next(w http.ResponseWriter, id string, req authRequest, who Person, accepted bool) {
	switch {
	case s.On("admin-blocked") && len(req.scopes) > 0:
		s.blocked(w, http.StatusBadRequest, "admin_policy_enforced")
		return
	case s.On("org-internal") && who.Domain != "example.com":
		s.blocked(w, http.StatusForbidden, "org_internal")
		return
	case s.On("unverified") && !accepted && len(req.scopes) > 0:
		s.show(w, id, view{Step: "warning", Who: who})
		return
	}
	v := view{Step: "consent", Who: who, Ticked: !s.On("untick")}
	s.mu.Lock()
	granted := s.granted[who.Sub]
	s.mu.Unlock()
	for _, scope := range req.scopes {
		if slices.Contains(granted, scope) {
			v.Granted = append(v.Granted, texts[scope])
		} else {
			v.Boxes = append(v.Boxes, box{scope, texts[scope]})
		}
	}
	s.show(w, id, v)
}

// Asked are the scopes that the consent page of a request is about, beyond who
// the person is.
func (s *Server) Asked(request string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests[request].scopes)
}

const consentOver = "This consent is over. Go back to Chat and begin again."

type box struct{ Scope, Text string }

// view is what a page of Google's shows.
type view struct {
	App, Request, Error string
	Step                string // account, warning, consent, or blocked
	Status              int
	People              []Person
	Who                 Person
	Granted             []string // what the app has already, in words
	Boxes               []box
	Ticked              bool
}

// RequestHeader names the request of a consent page, for scripts.
const RequestHeader = "Standin-Consent-Request"

func (s *Server) show(w http.ResponseWriter, request string, v view) {
	v.App, v.Request = s.AppName, request
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set(RequestHeader, request)
	_ = consentPage.Execute(w, v)
}

func (s *Server) blocked(w http.ResponseWriter, status int, why string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_ = consentPage.Execute(w, view{App: s.AppName, Step: "blocked", Error: why, Status: status})
}

// read checks an authorization request (oauth-admin.md 1.2); why is Google's
// name for what is wrong.
func (s *Server) read(q url.Values) (req authRequest, why string) {
	for name, values := range q {
		if len(values) > 1 {
			return req, "invalid_request: " + name + " stands twice"
		}
	}
	switch {
	case q.Get("client_id") != s.ClientID:
		return req, "invalid_client"
	case !slices.Contains(s.RedirectURIs, q.Get("redirect_uri")) && (!s.Desktop || !strings.HasPrefix(q.Get("redirect_uri"), "http://127.0.0.1:")):
		return req, "redirect_uri_mismatch"
	case q.Get("response_type") != "code":
		return req, "invalid_request: response_type"
	case q.Get("code_challenge") == "" || q.Get("code_challenge_method") != "S256":
		return req, "invalid_request: the stand-in wants PKCE S256"
	}
	req = authRequest{
		redirect: q.Get("redirect_uri"), state: q.Get("state"), nonce: q.Get("nonce"), challenge: q.Get("code_challenge"),
		offline: q.Get("access_type") == "offline", include: q.Get("include_granted_scopes") == "true",
		consent: slices.Contains(strings.Fields(q.Get("prompt")), "consent"), choose: slices.Contains(strings.Fields(q.Get("prompt")), "select_account"),
	}
	for _, scope := range strings.Fields(q.Get("scope")) {
		switch {
		case scope == "openid":
			req.signIn = append(req.signIn, scope)
		case scope == "email":
			req.signIn = append(req.signIn, emailScope)
		case texts[scope] != "":
			req.scopes = append(req.scopes, scope)
		default:
			return req, "invalid_scope: " + scope
		}
	}
	if slices.Contains(req.signIn, "openid") && req.nonce == "" {
		return req, "invalid_request: nonce"
	}
	return req, ""
}

// consent is what the person decided.
func (s *Server) consent(w http.ResponseWriter, r *http.Request) {
	person, known := s.Account(r.PostFormValue("account"))
	s.mu.Lock()
	defer s.mu.Unlock()
	id := r.PostFormValue("request")
	req, ok := s.requests[id]
	if !ok || !known {
		http.Error(w, consentOver, http.StatusBadRequest)
		return
	}
	delete(s.requests, id)
	back := url.Values{"state": {req.state}, "iss": {"https://accounts.google.com"}}
	if r.PostFormValue("decision") != "allow" || s.on["deny"] {
		back.Set("error", "access_denied")
	} else {
		code := s.approve(req, person, r.PostForm["scope"])
		back.Set("code", code)
		back.Set("scope", strings.Join(s.codes[code].scopes, " "))
		back.Set("authuser", "0")
		if person.Domain != "" {
			back.Set("hd", person.Domain)
		}
		back.Set("prompt", "consent")
	}
	http.Redirect(w, r, req.redirect+"?"+back.Encode(), http.StatusSeeOther)
}

// approve notes what was granted and makes the code for it; the lock is held.
func (s *Server) approve(req authRequest, person Person, ticked []string) string {
	granted := slices.Clone(req.signIn)
	for _, scope := range req.scopes {
		if slices.Contains(ticked, scope) || slices.Contains(s.granted[person.Sub], scope) { // what was given once is not asked for again
			granted = append(granted, scope)
		}
	}
	before := s.granted[person.Sub]
	for _, scope := range granted {
		if !slices.Contains(s.granted[person.Sub], scope) {
			s.granted[person.Sub] = append(s.granted[person.Sub], scope)
		}
	}
	if req.include {
		granted = slices.Clone(s.granted[person.Sub])
	}
	// A refresh token only with the first consent or when consent is asked
	// anew (oauth-admin.md 1.2), and never with a widening.
	req.offline = req.offline && !s.noRefresh && !s.on["no-refresh-token"] && (len(before) == 0 || req.consent)
	code := s.secret("4/0A", rand.Text())
	s.codes[code] = grantedCode{authRequest: req, person: person, scopes: granted}
	return code
}
