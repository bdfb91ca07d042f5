package google

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Switch is a trouble of Google's, of Chat's or of the world's that stays for
// as long as it is switched on.
type Switch struct{ Name, Text string }

// Switches are all there are. Those of Chat itself (redeliver, locale) are
// acted upon by the page.
func Switches() []Switch {
	return []Switch{
		{"deny", "Whoever is asked for consent ends up with Cancel"},
		{"untick", "The boxes of the consent page are empty at first"},
		{"unverified", "Google has not verified the app: a warning comes before the consent"},
		{"admin-blocked", "The administrator has blocked the app's scopes"},
		{"org-internal", "The app is for example.com only"},
		{"no-refresh-token", "A consent gives no refresh token"},
		{"invalid-grant", "Every refresh token is dead"},
		{"reauth", "The session policy wants people to sign in again"},
		{"401", "Chat's API takes no access token"},
		{"403", "Chat's API forbids everything"},
		{"404", "Chat's API finds nothing"},
		{"409", "Chat's API says of everything that it exists"},
		{"429", "Chat's API is asked too often"},
		{"500", "Chat's API is broken"},
		{"no-app", "The Chat app is not configured in the console"},
		{"quotas", "Chat's quotas are counted"},
		{"blocked", "Grace has blocked everybody: she is added nowhere, without a word"},
		{"slow", "Google answers after 5 seconds"},
		{"drop", "Google's answers are lost, though what was asked is done"},
		{"clock-skew", "Google's clock is 10 minutes ahead"},
		{"redeliver", "The app's first answer is lost, and Chat sends the event again"},
		{"locale", "Everybody reads Chinese"},
		{"chat-markup", "The app's markup syntax is Chat's own; new apps have Markdown"},
	}
}

// skewed is how far ahead the clock goes.
const skewed = 10 * time.Minute

// Set switches a trouble on or off.
func (s *Server) Set(name string, on bool) error {
	if !slices.ContainsFunc(Switches(), func(w Switch) bool { return w.Name == name }) {
		return fmt.Errorf("there is no switch %q", name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.on[name] = on
	switch {
	case name == "clock-skew" && on:
		s.skew.Store(int64(skewed))
	case name == "clock-skew":
		s.skew.Store(0)
	case name == "quotas":
		s.quotas = on
	case name == "blocked":
		s.dropped[People()[1].Sub] = on
	}
	s.touch()
	return nil
}

// On tells whether a trouble is switched on.
func (s *Server) On(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.on[name]
}

// switched is how a method of Chat fails because of a switch.
func (s *Server) switched(m *method) refusal {
	if m.in != s.api {
		return refusal{}
	}
	if s.On("no-app") && m.HTTPMethod != http.MethodGet { // oauth-admin.md 2.4: reading does without
		return refusal{status: http.StatusNotFound, message: "Google Chat app not found. To create a Chat app, you must turn on the Chat API and configure the app in the Google Cloud console."}
	}
	for status := range statuses {
		if s.On(strconv.Itoa(status)) {
			return refusal{status: status, message: "Switched on."}
		}
	}
	return refusal{}
}

// The syntaxes of a message's text.
const (
	ChatMarkup = "MARKUP_SYNTAX_CHAT"
	Markdown   = "MARKUP_SYNTAX_MARKDOWN"
)

// markup is the syntax of messages that name none; the lock is held.
func (s *Server) markup() string {
	if s.on["chat-markup"] {
		return ChatMarkup
	}
	return Markdown
}

// slowly keeps an answer back while slow is switched on.
func (s *Server) slowly(ctx context.Context) {
	if !s.On("slow") {
		return
	}
	wait := s.Slow
	if wait == 0 {
		wait = 5 * time.Second
	}
	select {
	case <-time.After(wait):
	case <-ctx.Done():
	}
}

// lost is a response that is thrown away.
type lost struct{ header http.Header }

func (l lost) Header() http.Header          { return l.header }
func (lost) Write(text []byte) (int, error) { return len(text), nil }
func (lost) WriteHeader(int)                {}

// reached keeps an answer back, or loses it, when that is switched on. Keys are
// always there: an app could do nothing else.
func (s *Server) reached(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.slowly(r.Context())
		if !s.On("drop") {
			next(w, r)
			return
		}
		next(lost{http.Header{}}, r)
		panic(http.ErrAbortHandler)
	}
}
