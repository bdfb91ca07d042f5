package google

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Switch is a fault or a setting of Google, of Chat or of the network. It lasts until it is turned off.
type Switch struct{ Name, Text string }

// Switches returns all switches. Package chatpage implements redeliver and locale.
func Switches() []Switch {
	return []Switch{
		{"deny", "Every consent ends with Cancel"},
		{"untick", "The consent page's checkboxes start cleared"},
		{"unverified", "The app isn't verified: a warning precedes the consent page"},
		{"admin-blocked", "The administrator has blocked the app's scopes"},
		{"org-internal", "Only accounts of example.com can use the app"},
		{"no-refresh-token", "Consents return no refresh token"},
		{"invalid-grant", "Every refresh token is revoked"},
		{"reauth", "The session policy requires people to sign in again"},
		{"401", "The Chat API rejects every access token"},
		{"403", "The Chat API denies every request"},
		{"404", "The Chat API returns 404 Not Found"},
		{"409", "The Chat API returns 409 Already Exists"},
		{"429", "The Chat API returns 429 Too Many Requests"},
		{"500", "The Chat API returns 500 Internal Server Error"},
		{"no-app", "The Chat app isn't configured in the console"},
		{"quotas", "The Chat API's quotas are enforced"},
		{"blocked", "Grace has blocked everyone: adding her has no effect and reports no error"},
		{"slow", "Google responds after 5 seconds"},
		{"drop", "Google's responses are lost after the request was carried out"},
		{"clock-skew", "Google's clock is 10 minutes ahead"},
		{"redeliver", "The app's first response is lost, and Chat sends the event again"},
		{"locale", "Everyone's language is Chinese"},
		{"chat-markup", "The app uses Chat's own markup syntax; new apps use Markdown"},
	}
}

// clockSkew is how far the switch clock-skew sets the clock ahead.
const clockSkew = 10 * time.Minute

// SetSwitch turns a switch on or off. It fails if there is no switch of this name.
func (s *Server) SetSwitch(name string, on bool) error {
	if !slices.ContainsFunc(Switches(), func(w Switch) bool { return w.Name == name }) {
		return fmt.Errorf("unknown switch %q", name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.switches[name] = on
	switch {
	case name == "clock-skew" && on:
		s.skew.Store(int64(clockSkew))
	case name == "clock-skew":
		s.skew.Store(0)
	case name == "quotas":
		s.quotas = on
	case name == "blocked":
		s.undeliverable[People()[1].Sub] = on
	}
	s.notify()
	return nil
}

// IsOn reports whether a switch is on.
func (s *Server) IsOn(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.switches[name]
}

// switchFault returns the fault that a switch causes in a method of the Chat API.
func (s *Server) switchFault(m *method) Fault {
	if m.api != s.api {
		return Fault{}
	}
	// Reading works without a configured app.
	if s.IsOn("no-app") && m.HTTPMethod != http.MethodGet {
		return Fault{Status: http.StatusNotFound, Message: "Google Chat app not found. " +
			"To create a Chat app, you must turn on the Chat API and configure the app in the Google Cloud console."}
	}
	for status := range statuses {
		if s.IsOn(strconv.Itoa(status)) {
			return Fault{Status: status, Message: "Switched on."}
		}
	}
	return Fault{}
}

// The syntaxes of a message's text.
const (
	ChatMarkup = "MARKUP_SYNTAX_CHAT"
	Markdown   = "MARKUP_SYNTAX_MARKDOWN"
)

// markup returns the syntax of messages that name none. The caller holds the lock.
func (s *Server) markup() string {
	if s.switches["chat-markup"] {
		return ChatMarkup
	}
	return Markdown
}

// delay waits before a response while the switch "slow" is on.
func (s *Server) delay(ctx context.Context) {
	if !s.IsOn("slow") {
		return
	}
	wait := s.SlowDelay
	if wait == 0 {
		wait = 5 * time.Second
	}
	select {
	case <-time.After(wait):
	case <-ctx.Done():
	}
}

// discardWriter is a http.ResponseWriter that discards the response.
type discardWriter struct{ header http.Header }

func (w discardWriter) Header() http.Header          { return w.header }
func (discardWriter) Write(text []byte) (int, error) { return len(text), nil }
func (discardWriter) WriteHeader(int)                {}

// withNetworkFaults delays or drops responses while the switches "slow" or "drop" are on. Endpoints that serve keys are
// exempt, because without keys an app cannot verify anything.
func (s *Server) withNetworkFaults(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.delay(r.Context())
		if !s.IsOn("drop") {
			next(w, r)
			return
		}
		next(discardWriter{http.Header{}}, r)
		panic(http.ErrAbortHandler)
	}
}
