package google

import (
	"crypto/rand"
	_ "embed" // for consent.html
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const (
	authPrefix = "https://www.googleapis.com/auth/"
	emailScope = authPrefix + "userinfo.email"
)

//go:embed consent.html
var consentHTML string

var consentPage = template.Must(template.New("consent").Parse(consentHTML))

// authRequest is an authorization request that the person has not decided yet.
type authRequest struct {
	redirect, state, nonce, challenge string
	scopes                            []string // requested, without those of signIn
	signIn                            []string // openid, email
	offline, include, consent, choose bool
}

// grantedCode is an authorization code that is not exchanged yet.
type grantedCode struct {
	authRequest
	person Person
	scopes []string // granted
}

// scopeTexts are the labels of the checkboxes, in the words of Google's consent page.
var scopeTexts = map[string]string{
	authPrefix + "chat.spaces.create":        "Create new conversations and spaces in Google Chat",
	authPrefix + "chat.spaces.readonly":      "View chats and spaces in Google Chat",
	authPrefix + "chat.memberships.readonly": "See members in Google Chat conversations",
	authPrefix + "chat.memberships":          "See, add, update, and remove members from conversations in Google Chat",
	authPrefix + "chat.spaces": "Create conversations and spaces and see or update metadata " +
		"(including history settings and access settings) in Google Chat",
	authPrefix + "chat.delete": "Delete conversations and spaces and remove access to associated files in Google Chat",

	authPrefix + "chat.memberships.app": "Add and remove itself from conversations and spaces in Google Chat",
	authPrefix + "calendar.events":      "View and edit events on all your calendars",
	authPrefix + "meetings.space.created": "Create, edit, and see information about your Google Meet conferences " +
		"created by the app",
	authPrefix + "chat.messages.create": "Compose and send messages in Google Chat",
	authPrefix + "chat.messages":        "See, compose, send, update, and delete messages in Google Chat",
	authPrefix + "chat.admin.spaces": "View or edit chats and spaces " +
		"owned by the administrator's domain in Google Chat",
	authPrefix + "chat.admin.memberships": "View, add, update and remove members in conversations owned by " +
		"the administrator's domain in Google Chat",
	authPrefix + "chat.admin.delete": "Delete conversations and spaces owned by the administrator's domain " +
		"and remove access to associated files in Google Chat",
	authPrefix + "cloud-identity.groups.readonly": "See any Cloud Identity Groups that you can access, " +
		"including group members and their emails",
}

// authorize starts a consent for the account of login_hint, or lets the person choose one. An invalid request shows an
// error page instead of a redirect to the app (identity/protocols/oauth2/web-server).
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	req, problem := s.parseAuthRequest(q)
	if problem != "" {
		s.showBlocked(w, http.StatusBadRequest, problem)
		return
	}
	id := rand.Text()
	s.mu.Lock()
	s.requests[id] = req
	s.secrets = append(s.secrets, req.state)
	s.mu.Unlock()
	p, ok := s.Account(q.Get("login_hint"))
	if !ok || req.choose {
		s.showPage(w, id, view{Step: "account", People: s.Accounts()})
		return
	}
	s.showNextStep(w, id, req, p, false)
}

// account continues with the chosen account, or lets the person choose another.
func (s *Server) account(w http.ResponseWriter, r *http.Request) {
	id := r.URL.Query().Get("request")
	s.mu.Lock()
	req, ok := s.requests[id]
	s.mu.Unlock()
	if !ok {
		http.Error(w, consentExpired, http.StatusBadRequest)
		return
	}
	p, ok := s.Account(r.URL.Query().Get("account"))
	if !ok {
		s.showPage(w, id, view{Step: "account", People: s.Accounts()})
		return
	}
	s.showNextStep(w, id, req, p, r.URL.Query().Get("accepted") != "")
}

// showNextStep shows why the account is blocked, a warning unless it was accepted, or the consent page with a checkbox
// for each scope that is not granted yet.
func (s *Server) showNextStep(w http.ResponseWriter, id string, req authRequest, p Person, accepted bool) {
	switch {
	case s.IsOn("admin-blocked") && len(req.scopes) > 0:
		s.showBlocked(w, http.StatusBadRequest, "admin_policy_enforced")
		return
	case s.IsOn("org-internal") && p.Domain != "example.com":
		s.showBlocked(w, http.StatusForbidden, "org_internal")
		return
	case s.IsOn("unverified") && !accepted && len(req.scopes) > 0:
		s.showPage(w, id, view{Step: "warning", Person: p})
		return
	}
	v := view{Step: "consent", Person: p, Ticked: !s.IsOn("untick")}
	s.mu.Lock()
	granted := s.granted[p.Sub]
	s.mu.Unlock()
	for _, scope := range req.scopes {
		if slices.Contains(granted, scope) {
			v.Granted = append(v.Granted, scopeTexts[scope])
		} else {
			v.Boxes = append(v.Boxes, box{scope, scopeTexts[scope]})
		}
	}
	s.showPage(w, id, v)
}

// RequestedScopes returns the scopes of a pending consent, without those for signing in.
func (s *Server) RequestedScopes(request string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests[request].scopes)
}

const consentExpired = "This request has expired. Go back to Google Chat and try again."

type box struct{ Scope, Text string }

// view is the data of consent.html.
type view struct {
	App, Request, Error string
	Step                string // account, warning, consent, or blocked
	Status              int
	People              []Person
	Person              Person
	Granted             []string // texts of the scopes that the app already has
	Boxes               []box
	Ticked              bool
}

// ConsentRequestHeader is a response header of the consent page, with the ID of the request, for scripts.
const ConsentRequestHeader = "Emulator-Consent-Request"

func (s *Server) showPage(w http.ResponseWriter, request string, v view) {
	v.App, v.Request = s.AppName, request
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set(ConsentRequestHeader, request)
	_ = consentPage.Execute(w, v)
}

func (s *Server) showBlocked(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_ = consentPage.Execute(w, view{App: s.AppName, Step: "blocked", Error: code, Status: status})
}

// parseAuthRequest checks an authorization request (identity/protocols/oauth2/web-server). problem is Google's error
// code or "".
func (s *Server) parseAuthRequest(q url.Values) (req authRequest, problem string) {
	for name, values := range q {
		if len(values) > 1 {
			return req, "invalid_request: " + name + " is given more than once"
		}
	}
	redirect, prompts := q.Get("redirect_uri"), strings.Fields(q.Get("prompt"))
	loopback := s.Desktop && strings.HasPrefix(redirect, "http://127.0.0.1:")
	switch {
	case q.Get("client_id") != s.ClientID:
		return req, "invalid_client"
	case !slices.Contains(s.RedirectURIs, redirect) && !loopback:
		return req, "redirect_uri_mismatch"
	case q.Get("response_type") != "code":
		return req, "invalid_request: response_type"
	case q.Get("code_challenge") == "" || q.Get("code_challenge_method") != "S256":
		return req, "invalid_request: the emulator requires PKCE with S256"
	}
	req = authRequest{
		redirect: redirect, state: q.Get("state"), nonce: q.Get("nonce"), challenge: q.Get("code_challenge"),
		offline: q.Get("access_type") == "offline", include: q.Get("include_granted_scopes") == "true",
		consent: slices.Contains(prompts, "consent"), choose: slices.Contains(prompts, "select_account"),
	}
	for _, scope := range strings.Fields(q.Get("scope")) {
		switch {
		case scope == "openid":
			req.signIn = append(req.signIn, scope)
		case scope == "email":
			req.signIn = append(req.signIn, emailScope)
		case scopeTexts[scope] != "":
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

// consent handles the form of the consent page and redirects to the app.
func (s *Server) consent(w http.ResponseWriter, r *http.Request) {
	person, known := s.Account(r.PostFormValue("account"))
	s.mu.Lock()
	defer s.mu.Unlock()
	id := r.PostFormValue("request")
	req, ok := s.requests[id]
	if !ok || !known {
		http.Error(w, consentExpired, http.StatusBadRequest)
		return
	}
	delete(s.requests, id)
	back := url.Values{"state": {req.state}, "iss": {"https://accounts.google.com"}}
	if r.PostFormValue("decision") != "allow" || s.switches["deny"] {
		back.Set("error", "access_denied")
	} else {
		code := s.grantCode(req, person, r.PostForm["scope"])
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

// grantCode grants the ticked scopes and returns an authorization code. The caller holds the lock.
func (s *Server) grantCode(req authRequest, person Person, ticked []string) string {
	before, granted := s.granted[person.Sub], slices.Clone(req.signIn)
	for _, scope := range req.scopes {
		if slices.Contains(ticked, scope) || slices.Contains(before, scope) {
			granted = append(granted, scope)
		}
	}
	for _, scope := range granted {
		if !slices.Contains(s.granted[person.Sub], scope) {
			s.granted[person.Sub] = append(s.granted[person.Sub], scope)
		}
	}
	if req.include {
		granted = slices.Clone(s.granted[person.Sub])
	}
	// Google issues a refresh token only at the first consent or with prompt=consent
	// (identity/protocols/oauth2/web-server).
	issuesRefresh := !s.noRefresh && !s.switches["no-refresh-token"] && (len(before) == 0 || req.consent)
	req.offline = req.offline && issuesRefresh
	code := s.newSecret("4/0A", rand.Text())
	s.codes[code] = grantedCode{authRequest: req, person: person, scopes: granted}
	return code
}
