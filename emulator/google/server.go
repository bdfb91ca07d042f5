// Package google plays the parts of Google that Deputy meets, on the wire:
// accounts with their consent page, tokens and keys, and the methods of the
// Chat API that Deputy calls. It is loopback and memory only, has fresh keys
// each run, and is strict where Google is: what it cannot say from the
// discovery document cites chat-protocol.md or oauth-admin.md.
//
// IT IS NOT GOOGLE. Nothing of production may link it. Start at Server.Handler.
package google

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Config is one Cloud project with its OAuth client and Chat app.
type Config struct {
	ClientID, ClientSecret string
	RedirectURIs           []string
	Desktop                bool // a desktop client: any port of the loopback address is a redirect
	ProjectNumber          string
	AppName                string
	// ChatAddress is where the stand-in's page shows a space: spaceUri is
	// this with the space's name behind it.
	ChatAddress string
	// CertsAddress is where the keys of security events are said to be.
	CertsAddress string
	// Mark stands in every secret that is given out, for tests that look
	// for leaks.
	Mark string
	Now  func() time.Time
	// People there are; nil is People().
	People []Person
	// Slow is how long the switch of that name keeps an answer back; 0 is 5
	// seconds.
	Slow time.Duration
}

// Server is the stand-in. It is safe for concurrent use.
type Server struct {
	Config
	keys atomic.Pointer[keys]
	api  *discovery // of Chat
	kms  *discovery
	meet *discovery

	calendar *discovery
	iam      *discovery
	identity *discovery
	storage  *discovery

	skew    atomic.Int64 // of the clock
	mu      sync.Mutex
	changed chan struct{} // closed at every change that a page would show
	state
}

// state is all that a run changes, and Reset forgets.
type state struct {
	accounts  []Person
	requests  map[string]authRequest
	codes     map[string]grantedCode
	access    map[string]accessToken
	refresh   map[string]refreshToken
	granted   map[string][]string // by account: what the project has been given
	spaces    []*Space
	messages  int
	rooms     int
	events    []Event
	setups    map[string]setup
	reauth    map[string]bool // by account
	broken    map[string]bool // by account
	noRefresh bool
	timeBased time.Duration
	calls     []Call
	faults    map[string][]refusal
	secrets   []string
	delegate  delegate

	domains      []string    // authorized ones, of the consent screen
	stream       *riscStream // of security events; nil: not set up
	streamStatus string
	dropped      map[string]bool   // by account: added nowhere, without a word
	renamed      map[string]string // by account: the address that it has now
	unverified   map[string]bool   // by account: Google has not verified its address
	objects      map[string]object // of Cloud Storage, by bucket and name
	generations  int64
	quotas       bool
	spent        map[string][]time.Time // by quota: when it was used
	on           map[string]bool        // by the name of a switch
}

func (s *Server) fresh() state {
	return state{
		accounts: s.People, requests: map[string]authRequest{}, codes: map[string]grantedCode{}, access: map[string]accessToken{}, refresh: map[string]refreshToken{},
		granted: map[string][]string{}, setups: map[string]setup{}, reauth: map[string]bool{}, broken: map[string]bool{}, faults: map[string][]refusal{},
		renamed: map[string]string{}, unverified: map[string]bool{}, objects: map[string]object{},
		dropped: map[string]bool{}, spent: map[string][]time.Time{}, on: map[string]bool{},
	}
}

// New is a Server with its people, each with a direct message with the app,
// and one space in which all of the organizations and the app are.
func New(c Config) *Server {
	if c.People == nil {
		c.People = People()
	}
	s := &Server{
		Config: c, api: chatDiscovery(), kms: kmsDiscovery(), meet: meetDiscovery(), calendar: calendarDiscovery(), iam: iamDiscovery(), identity: identityDiscovery(), storage: storageDiscovery(), changed: make(chan struct{}),
	}
	s.keys.Store(freshKeys())
	clock := c.Now
	s.Now = func() time.Time { return clock().Add(time.Duration(s.skew.Load())) }
	s.state = s.fresh()
	s.populate()
	return s
}

// Reset forgets everything but the keys: as it was at first.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.skew.Store(0)
	s.state = s.fresh()
	s.populate()
	s.touch()
}

// Handler answers for all of Google's hosts; the paths do not collide.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /o/oauth2/v2/auth", s.authorize)
	mux.HandleFunc("GET /o/oauth2/v2/account", s.account)
	mux.HandleFunc("POST /o/oauth2/v2/consent", s.consent)
	mux.HandleFunc("POST /token", s.reached(s.counted("token", s.token)))
	mux.HandleFunc("POST /revoke", s.reached(s.counted("revoke", s.revoke)))
	mux.HandleFunc("GET /.well-known/risc-configuration", s.counted("risc", s.riscConfiguration))
	mux.HandleFunc("GET /oauth2/v3/certs", s.counted("certs", s.certs))
	mux.HandleFunc("GET /service_accounts/v1/metadata/x509/chat@system.gserviceaccount.com", s.counted("chatcerts", s.chatCerts))
	mux.HandleFunc("/v1/", s.reached(s.callAPI))
	mux.HandleFunc("/v2/", s.reached(s.callAPI))
	mux.HandleFunc("/calendar/v3/", s.reached(s.callAPI))
	mux.HandleFunc("/storage/v1/", s.reached(s.storageAPI))
	mux.HandleFunc("/upload/storage/v1/", s.reached(s.storageAPI))
	mux.HandleFunc("/v1beta/", s.counted("riscapi", s.riscAPI))
	mux.HandleFunc("GET /computeMetadata/v1/", s.metadata)
	return mux
}

// Call is one request that an app made, other than by a browser.
type Call struct {
	Method string // the API method, such as chat.spaces.setup, or token, certs ...
	Detail string // for token: the grant type
	Path   string // with the query, in which no secret stands
	Status int    // 0: the connection was dropped
	Person string // whose token it carried
	At     time.Time
	Took   time.Duration
}

// Calls are all calls so far.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Call(nil), s.calls...)
}

// Count is how many calls of a method there were.
func (s *Server) Count(method string) int {
	n := 0
	for _, c := range s.Calls() {
		if c.Method == method {
			n++
		}
	}
	return n
}

// Fail makes the next calls of a method end with these statuses, one each.
func (s *Server) Fail(method string, statuses ...int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, status := range statuses {
		s.faults[method] = append(s.faults[method], refusal{status: status})
	}
}

// Refuse makes the next call of a method end with a status and a message of
// Google's.
func (s *Server) Refuse(method string, status int, message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[method] = append(s.faults[method], refusal{status: status, message: message})
}

// Pending is how many calls of a method are still to fail.
func (s *Server) Pending(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.faults[method])
}

// Calm takes all of that back.
func (s *Server) Calm() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = map[string][]refusal{}
}

// Limit makes the next calls of a method end as Calendar says that it is busy:
// 403, with a reason of the older APIs (its guide "Handle API errors").
func (s *Server) Limit(method string, times int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range times {
		s.faults[method] = append(s.faults[method], refusal{http.StatusForbidden, "Rate Limit Exceeded", "rateLimitExceeded"})
	}
}

// refusal is a call's end that was switched on.
type refusal struct {
	status  int // 0: none
	message string
	older   string // reason, as the older APIs write it
}

// fault takes the next way to fail.
func (s *Server) fault(method string) refusal {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.faults[method]) == 0 {
		return refusal{}
	}
	next := s.faults[method][0]
	s.faults[method] = s.faults[method][1:]
	return next
}

// Record notes a call.
func (s *Server) Record(c Call) {
	c.Took = s.Now().Sub(c.At)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, c)
	s.touch()
}

// counted records calls that are not of a discovery document's methods.
func (s *Server) counted(name string, next func(http.ResponseWriter, *http.Request) (status int, detail string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := Call{Method: name, Path: r.URL.Path, At: s.Now()}
		if f := s.fault(name); f.status != 0 {
			c.Status = f.status
			s.Record(c)
			http.Error(w, "fault switched on", f.status)
			return
		}
		c.Status, c.Detail = next(w, r)
		s.Record(c)
	}
}

// secret makes a secret value and remembers it.
func (s *Server) secret(prefix, random string) string {
	value := prefix + s.Mark + random
	s.secrets = append(s.secrets, value)
	return value
}

// Secrets are all secret values given out so far.
func (s *Server) Secrets() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{s.ClientSecret}, s.secrets...)
}

// Changed is closed at the next change that a page would show.
func (s *Server) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// touch tells the pages; the lock is held.
func (s *Server) touch() {
	close(s.changed)
	s.changed = make(chan struct{})
}
