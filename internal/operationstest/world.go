// Package operationstest runs shared/operations with the emulated Google and a store in memory. It uses no
// network, so that a test can run it in a synctest bubble, where waiting takes no time.
package operationstest

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"google.golang.org/api/option"

	"example.com/deputy/emulator/google"
	"example.com/deputy/internal/seed"
	"example.com/deputy/internal/vaulttest"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/consent"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/logging"
	"example.com/deputy/shared/meetings"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/vault/memory"
)

// Address is where the emulated Google is.
const Address = "http://google.test"

const delegationAccount = "deputy@project.iam.gserviceaccount.com"

// World is Operations with all that they use.
type World struct {
	*operations.Operations
	Deps   operations.Deps
	Google *google.Server
	Docs   *vaulttest.Faulty // below Deps.Vault; its Inject may be replaced
	Base   http.RoundTripper // to the emulated Google
	// Intercept, if set, takes the place of the network: next carries the request out.
	Intercept func(r *http.Request, next func() *http.Response) (*http.Response, error)
	// CallersYAML is the operator's callers file; CallersErr, if set, fails its reads.
	CallersYAML string
	CallersErr  error

	t   testing.TB
	log log
}

// New returns a World in which Ada and Alan, an administrator, have allowed everything, and have approved
// the caller "ci" for all actions. Domain-wide delegation covers every scope.
func New(t testing.TB) *World {
	t.Helper()
	return NewSeeded(t, seed.Get(t))
}

// NewSeeded is New with a seed for the shapes of Google's answers; 0 for friendly ones.
func NewSeeded(t testing.TB, strict uint64) *World {
	t.Helper()
	keyset, lookup, err := seal.Generate()
	Check(t, err)
	keys, err := seal.New(keyset, lookup, "project", "client")
	Check(t, err)
	w := &World{t: t}
	w.Google = google.New(google.Config{
		ClientID: "client", ClientSecret: "secret", AppName: "Deputy", ChatAddress: "https://chat.test/",
		CertsAddress: Address + "/oauth2/v3/certs", Now: time.Now, Strict: strict,
	})
	w.Google.SetDelegation(delegationAccount, capability.Scopes(capability.All()...)...)
	w.Base = transport{w}
	w.Docs = &vaulttest.Faulty{
		Docs: &memory.Docs{}, Inject: func(context.Context, vaulttest.Call) error { return nil },
	}
	log, records := logging.NewText(&w.log), vault.New(w.Docs, keys, time.Now)
	endpoints := googleauth.Endpoints{
		Token: Address + "/token", Revocation: Address + "/revoke", Certs: Address + "/oauth2/v3/certs",
	}
	client := googleauth.Client{ID: "client", Secret: config.NewSecret("secret")}
	idKeys := googleauth.NewKeySet(endpoints.Certs, w.Base, time.Now)
	deps := grants.Deps{
		Vault: records, Keys: keys, Google: googleauth.NewProvider(endpoints, client, "https://deputy.test/", w.Base),
		IDTokens: googleauth.NewVerifier(googleauth.Issuer, idKeys, time.Now, "client"), ClientID: "client",
		Address: "https://deputy.test", Log: log, Now: time.Now,
	}
	given := grants.New(deps)
	chat, err := spaces.New(t.Context(), given, keys,
		spaces.Endpoints{Chat: Address + "/", Identity: Address + "/"}, w.Base)
	Check(t, err)
	rooms, err := meetings.New(t.Context(), given, keys, meetings.Endpoints{Meet: Address + "/"}, w.Base)
	Check(t, err)
	signer := &http.Client{Transport: &oauth2.Transport{Source: w.Google, Base: w.Base}}
	tokens, err := googleauth.NewDelegation(t.Context(), delegationAccount, endpoints, w.Base, time.Now,
		option.WithEndpoint(Address+"/"), option.WithHTTPClient(signer))
	Check(t, err)
	w.Deps = operations.Deps{
		Vault: records, Grants: given, Consent: consent.New(given, deps),
		Callers: callers.NewFile(store{w: w}, log, time.Now),
		Spaces:  chat, Meetings: rooms, Delegated: grants.NewDelegated(tokens, log), Log: log, Now: time.Now,
	}
	w.Operations = operations.New(w.Deps)
	for _, p := range []google.Person{google.People()[0], google.People()[2]} {
		w.Connect(p, capability.All()...)
		w.Approve(p, callers.AuthorityUser, callers.Actions()...)
		w.Approve(p, callers.AuthorityAdmin, callers.Actions()...)
	}
	return w
}

// Check ends the test if there is an error.
func Check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Connect replaces a person's grant with one that allows these capabilities. It has no approvals.
func (w *World) Connect(p google.Person, allowed ...capability.Capability) {
	w.t.Helper()
	scopes := capability.Scopes(allowed...)
	refresh, access := w.Google.Connect(p, scopes...)
	w.ChangeGrant(p, func(g *vault.Grant) {
		g.ClientID, g.Status, g.Scopes, g.Declined, g.Approvals = "client", vault.Connected, scopes, nil, nil
		g.RefreshToken, g.AccessToken = config.NewSecret(refresh), config.NewSecret(access)
		g.AccessExpiry, g.Email, g.Domain = time.Now().Add(time.Hour), config.NewSecret(p.Email), p.Domain
		g.EmailAt, g.ConnectedAt, g.SignedInAt, g.RefreshedAt = time.Now(), time.Now(), time.Now(), time.Now()
	})
}

// Approve stores a person's approval of the caller "ci".
func (w *World) Approve(p google.Person, authority vault.Authority, actions ...string) {
	w.t.Helper()
	w.ChangeGrant(p, func(g *vault.Grant) { g.Approve("ci", authority, actions, time.Now()) })
}

// ChangeGrant stores a change of a person's grant, as another instance would.
func (w *World) ChangeGrant(p google.Person, change func(*vault.Grant)) {
	w.t.Helper()
	g, err := w.Deps.Vault.Grant(w.t.Context(), resource.Person(p.User()))
	if err != nil {
		g = vault.Grant{Person: resource.Person(p.User())}
	}
	change(&g)
	_, err = w.Deps.Vault.SaveGrant(w.t.Context(), g)
	Check(w.t, err)
}

// Activities returns what a person sees in /status, newest first.
func (w *World) Activities(p google.Person) []vault.Activity {
	w.t.Helper()
	found, err := w.Deps.Vault.Activities(w.t.Context(), resource.Person(p.User()), 100)
	Check(w.t, err)
	return found
}

// AcceptCode makes Google exchange the server auth code "code" with this redirect address for tokens of a person.
// It refuses any other code.
func (w *World) AcceptCode(p google.Person, redirect string, allowed ...capability.Capability) {
	scopes := capability.Scopes(allowed...)
	refresh, access := w.Google.Connect(p, scopes...)
	id := w.Google.SignGoogle(map[string]any{
		"iss": "https://accounts.google.com", "aud": "client", "azp": "client", "sub": p.Sub, "email": p.Email,
		"email_verified": true, "hd": p.Domain, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	})
	w.Intercept = func(r *http.Request, next func() *http.Response) (*http.Response, error) {
		switch {
		case r.URL.Path != "/token":
			return next(), nil
		case r.PostFormValue("code") != "code" || r.PostFormValue("redirect_uri") != redirect:
			return Respond(http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
		}
		return Respond(http.StatusOK, map[string]any{
			"access_token": access, "refresh_token": refresh, "id_token": id, "token_type": "Bearer",
			"expires_in": 3600, "scope": strings.Join(scopes, " "),
		})
	}
}

// CancelAfter calls cancel when Google has carried out a request whose path contains part.
func (w *World) CancelAfter(part string, cancel func()) {
	w.Intercept = func(r *http.Request, next func() *http.Response) (*http.Response, error) {
		res := next()
		if strings.Contains(r.URL.Path, part) {
			cancel()
		}
		return res, nil
	}
}

// Lines returns the lines of the log with a message, such as audit.
func (w *World) Lines(message string) []string {
	var out []string
	for line := range strings.Lines(w.log.String()) {
		if strings.Contains(line, "msg="+message+" ") || strings.Contains(line, `msg="`+message+`"`) {
			out = append(out, strings.TrimSpace(line))
		}
	}
	return out
}

// Log returns everything that was logged.
func (w *World) Log() string { return w.log.String() }

type log struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *log) Write(p []byte) (int, error) { l.mu.Lock(); defer l.mu.Unlock(); return l.text.Write(p) }

func (l *log) String() string { l.mu.Lock(); defer l.mu.Unlock(); return l.text.String() }

// store is the callers file in a World. Nothing writes it.
type store struct {
	callers.Store
	w *World
}

// Read implements callers.Store.
func (s store) Read(context.Context) (text []byte, version string, err error) {
	return []byte(s.w.CallersYAML), "1", s.w.CallersErr
}

type transport struct{ w *World }

// RoundTrip implements http.RoundTripper. The emulator panics to drop a connection.
func (t transport) RoundTrip(r *http.Request) (res *http.Response, err error) {
	defer func() {
		if recover() != nil {
			res, err = nil, io.ErrUnexpectedEOF
		}
	}()
	next := func() *http.Response { return t.w.serve(r) }
	switch {
	case r.Context().Err() != nil:
		return nil, r.Context().Err()
	case t.w.Intercept != nil:
		return t.w.Intercept(r, next)
	}
	return next(), nil
}

// serve carries out a request at the emulated Google.
func (w *World) serve(r *http.Request) *http.Response {
	in, out := r.Clone(r.Context()), httptest.NewRecorder()
	if in.Body == nil {
		in.Body = http.NoBody
	}
	w.Google.Handler().ServeHTTP(out, in)
	return out.Result()
}

// Respond returns a response with a JSON body, for Intercept.
func Respond(status int, body any) (*http.Response, error) {
	text, err := json.Marshal(body)
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(string(text))),
	}, err
}
