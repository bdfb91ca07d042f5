// Package google emulates, on the wire, the Google services that Deputy uses: accounts with their consent page,
// tokens, signing keys, and the API methods that Deputy calls. It keeps everything in memory and creates its keys at
// each start. It rejects what Google rejects: rules that no discovery document states name a page
// of developers.google.com, such as identity/protocols/oauth2/web-server.
//
// It is not Google, and production code must not link it. Start at Server.Handler.
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
	Desktop                bool // a desktop client: any port on 127.0.0.1 is a valid redirect
	ProjectNumber          string
	AppName                string
	ChatAddress            string // prefix of spaceUri, before the space's ID
	CertsAddress           string // jwks_uri of the RISC configuration
	Strict                 uint64 // see SetStrict
	LeakMarker             string // part of every secret the emulator issues, so that tests can find leaks
	Now                    func() time.Time
	People                 []Person      // the accounts; nil means People()
	SlowDelay              time.Duration // delay of each response while the switch "slow" is on; 0 means 5 seconds
}

// Server is the emulator. It is safe for concurrent use.
type Server struct {
	Config
	keys atomic.Pointer[keys]
	api  *discovery // of the Chat API
	kms  *discovery
	meet *discovery

	calendar *discovery
	iam      *discovery
	identity *discovery
	storage  *discovery

	strict  atomic.Uint64
	skew    atomic.Int64 // added to the clock, in nanoseconds
	mu      sync.Mutex
	changed chan struct{} // closed at every change that a page would show
	state
}

// state is what changes during a run. Reset replaces it.
type state struct {
	accounts       []Person
	requests       map[string]authRequest
	codes          map[string]grantedCode
	access         map[string]accessToken
	refresh        map[string]refreshToken
	granted        map[string][]string // scopes granted to the project, by sub
	spaces         []*Space
	messages       int
	rooms          int
	events         []Event
	requestResults map[string]requestResult // by requestId
	needsReauth    map[string]bool          // by sub
	refreshFails   map[string]bool          // by sub
	noRefresh      bool
	noScope        bool
	grantLifetime  time.Duration

	reportedLifetime time.Duration // of access tokens; 0 for the real one
	calls            []Call
	faults           map[string][]Fault
	secrets          []string
	delegation       delegation

	domains       []string    // authorized domains of the consent screen
	stream        *riscStream // of security events; nil if not set up
	streamStatus  string
	undeliverable map[string]bool   // by sub: adding the account has no effect and reports no error
	newEmails     map[string]string // by sub: the account's current address, if it changed
	unverified    map[string]bool   // by sub: email_verified is false
	objects       map[string]object // of Cloud Storage, by bucket and name
	generations   int64
	quotas        bool
	quotaUse      map[string][]time.Time // times of use, by quota
	switches      map[string]bool        // by name
}

func (s *Server) initialState() state {
	return state{
		accounts: s.People, requests: map[string]authRequest{}, codes: map[string]grantedCode{},
		access: map[string]accessToken{}, refresh: map[string]refreshToken{}, granted: map[string][]string{},
		requestResults: map[string]requestResult{}, needsReauth: map[string]bool{}, refreshFails: map[string]bool{},
		faults: map[string][]Fault{}, newEmails: map[string]string{}, unverified: map[string]bool{},
		objects: map[string]object{}, undeliverable: map[string]bool{}, quotaUse: map[string][]time.Time{},
		switches: map[string]bool{},
	}
}

// New returns a Server with its accounts. Each account has a direct message with the app. One space, Team, has the app
// and every account of an organization.
func New(c Config) *Server {
	if c.People == nil {
		c.People = People()
	}
	s := &Server{
		Config: c, api: chatDiscovery(), kms: kmsDiscovery(), meet: meetDiscovery(), calendar: calendarDiscovery(),
		iam: iamDiscovery(), identity: identityDiscovery(), storage: storageDiscovery(), changed: make(chan struct{}),
	}
	s.keys.Store(initialKeys())
	s.strict.Store(c.Strict)
	clock := c.Now
	s.Now = func() time.Time { return clock().Add(time.Duration(s.skew.Load())) }
	s.state = s.initialState()
	s.populate()
	return s
}

// Reset restores the initial state, except for the keys.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.skew.Store(0)
	s.state = s.initialState()
	s.populate()
	s.notify()
}

// Handler serves all of Google's hosts: their paths do not collide.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /o/oauth2/v2/auth", s.authorize)
	mux.HandleFunc("GET /o/oauth2/v2/account", s.account)
	mux.HandleFunc("POST /o/oauth2/v2/consent", s.consent)
	mux.HandleFunc("POST /token", s.withNetworkFaults(s.recordCalls("token", s.token)))
	mux.HandleFunc("POST /revoke", s.withNetworkFaults(s.recordCalls("revoke", s.revoke)))
	mux.HandleFunc("GET /.well-known/risc-configuration", s.recordCalls("risc", s.riscConfiguration))
	mux.HandleFunc("GET /oauth2/v3/certs", s.recordCalls("certs", s.certs))
	mux.HandleFunc("GET /service_accounts/v1/metadata/x509/chat@system.gserviceaccount.com",
		s.recordCalls("chatcerts", s.chatCerts))
	mux.HandleFunc("/v1/", s.withNetworkFaults(s.callAPI))
	mux.HandleFunc("/v2/", s.withNetworkFaults(s.callAPI))
	mux.HandleFunc("/calendar/v3/", s.withNetworkFaults(s.callAPI))
	mux.HandleFunc("/storage/v1/", s.withNetworkFaults(s.storageAPI))
	mux.HandleFunc("/upload/storage/v1/", s.withNetworkFaults(s.storageAPI))
	mux.HandleFunc("/v1beta/", s.recordCalls("riscapi", s.riscAPI))
	mux.HandleFunc("GET /computeMetadata/v1/", s.metadata)
	return mux
}

// Call is one request that a program made. Requests of a browser are not recorded.
type Call struct {
	Method string // the API method, such as chat.spaces.setup, or an endpoint: token, certs ...
	Detail string // for token: the grant type
	Path   string // with the query, which holds no secret
	Status int    // 0 if the connection was dropped
	Person string // users/{id} of the token's owner
	At     time.Time
	Took   time.Duration
}

// Calls returns all calls so far.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Call(nil), s.calls...)
}

// Count returns the number of calls of a method.
func (s *Server) Count(method string) int {
	n := 0
	for _, c := range s.Calls() {
		if c.Method == method {
			n++
		}
	}
	return n
}

// Fail makes the next calls of a method fail, one with each status.
func (s *Server) Fail(method string, statuses ...int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, status := range statuses {
		s.faults[method] = append(s.faults[method], Fault{Status: status})
	}
}

// PendingFaults returns how many calls of a method are still to fail.
func (s *Server) PendingFaults(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.faults[method])
}

// ClearFaults removes all faults that are pending.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = map[string][]Fault{}
}

// Fault is how a call fails on request.
type Fault struct {
	Status       int    // HTTP status; 0 means no fault
	Message      string // empty for one that quotes the request
	Canonical    string // such as FAILED_PRECONDITION; empty for the usual one of Status
	Reason       string // of the ErrorInfo
	LegacyReason string // the reason in the error format of Google's older APIs
	Service      string // metadata of the ErrorInfo
}

// RateLimited is Calendar's error for too many requests (Calendar's guide "Handle API errors").
var RateLimited = Fault{
	Status: http.StatusForbidden, Message: "Rate Limit Exceeded", LegacyReason: "rateLimitExceeded",
}

// FailAs makes the next calls of a method fail, one as each fault says.
func (s *Server) FailAs(method string, faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[method] = append(s.faults[method], faults...)
}

// takeFault returns and removes the next fault of a method.
func (s *Server) takeFault(method string) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.faults[method]) == 0 {
		return Fault{}
	}
	next := s.faults[method][0]
	s.faults[method] = s.faults[method][1:]
	return next
}

// Record adds a call to Calls, with the time since c.At as its duration.
func (s *Server) Record(c Call) {
	c.Took = s.Now().Sub(c.At)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, c)
	s.notify()
}

type recordedHandler func(http.ResponseWriter, *http.Request) (status int, detail string)

// recordCalls records the calls of an endpoint that no discovery document describes.
func (s *Server) recordCalls(name string, next recordedHandler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := Call{Method: name, Path: r.URL.Path, At: s.Now()}
		if f := s.takeFault(name); f.Status != 0 {
			c.Status = f.Status
			s.Record(c)
			if f.Reason == "" {
				http.Error(w, "injected fault", f.Status)
			} else {
				answer(w, f.Status, map[string]string{"error": f.Reason, "error_description": f.Message})
			}
			return
		}
		c.Status, c.Detail = next(w, r)
		s.Record(c)
	}
}

// newSecret returns a new secret value and records it. The caller holds the lock.
func (s *Server) newSecret(prefix, random string) string {
	value := prefix + s.LeakMarker + random
	s.secrets = append(s.secrets, value)
	return value
}

// Secrets returns all secret values issued so far.
func (s *Server) Secrets() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{s.ClientSecret}, s.secrets...)
}

// Changed returns a channel that is closed at the next change that a page would show.
func (s *Server) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// notify closes the channel of Changed. The caller holds the lock.
func (s *Server) notify() {
	close(s.changed)
	s.changed = make(chan struct{})
}
