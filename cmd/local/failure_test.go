package main

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.com/deputy/emulator/chatpage"
	"example.com/deputy/internal/vaulttest"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/vault/memory"
)

// These tests fail every call to the store, to Google's accounts and to the Chat API,
// in every way, once and persistently, in every scenario. Time is synctest's. Each
// time Deputy must answer in time, keep the grant, and complete the operation later.

// trial is a program in one process whose calls a test can fail.
type trial struct {
	*program
	t       *testing.T
	clock   *clock
	store   *memory.Docs      // without faults
	cookies map[string]string // of the browser
	saved   map[string]string // values that a test keeps between steps

	calls      atomic.Int64 // to the store and to Google
	hasFailed  atomic.Bool  // whether a call has failed
	failAt     atomic.Int64 // number of the call that fails; 0 for none
	persistent bool         // whether all later calls fail, too
	failure    *failure     // how calls fail
	log        *logBuffer
	mu         sync.Mutex
	callNames  []string
	slowPath   string   // suffix of Google's paths that take 30 seconds
	events     []string // Chat's events, each followed by its reply
	options    options
	peer       *program // if set, both instances get each event, three times each at once
}

// deliver sends Chat's request to the chatevent function and returns the first response.
func (tr *trial) deliver(r *http.Request) *httptest.ResponseRecorder {
	instances := []http.Handler{tr.front}
	if tr.peer != nil {
		instances = []http.Handler{tr.front, tr.peer.front, tr.front, tr.peer.front, tr.front, tr.peer.front}
	}
	var wg sync.WaitGroup
	answers := make([]*httptest.ResponseRecorder, len(instances))
	for i, instance := range instances {
		answers[i] = httptest.NewRecorder()
		again := r.Clone(r.Context())
		if r.GetBody != nil {
			again.Body, _ = r.GetBody() // the body is a string, so this never fails
		}
		wg.Go(func() { instance.ServeHTTP(answers[i], again) })
	}
	wg.Wait()
	tr.recordEvent(r, answers[0])
	return answers[0]
}

// recordEvent adds a request and its response to tr.events.
func (tr *trial) recordEvent(r *http.Request, answer *httptest.ResponseRecorder) {
	if body, err := r.GetBody(); err == nil {
		text, _ := io.ReadAll(body)
		tr.events = append(tr.events, string(text), answer.Body.String())
	}
}

// failure is one way in which calls fail. A nil function lets its kind of call succeed.
type failure struct {
	name string
	// store fails a call to the store, before or after it takes effect.
	store func(context.Context, vaulttest.Call) error
	// wire responds instead of the emulator, or passes the request on to it.
	wire func(r *http.Request, emulator http.RoundTripper) (*http.Response, error)
}

// respondStatus returns a failure.wire that responds with this status code and name.
func respondStatus(code int, name string) func(*http.Request, http.RoundTripper) (*http.Response, error) {
	return func(r *http.Request, _ http.RoundTripper) (*http.Response, error) {
		body := fmt.Sprintf(`{"error":{"code":%d,"status":%q,"message":"a fault of the test"}}`, code, name)
		if strings.HasSuffix(r.URL.Path, "/token") || strings.HasSuffix(r.URL.Path, "/revoke") {
			body = `{"error":"internal_failure"}`
		}
		return newResponse(r, code, body), nil
	}
}

func newResponse(r *http.Request, code int, body string) *http.Response {
	return &http.Response{
		StatusCode: code, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(body)), Request: r, ProtoMajor: 1, ProtoMinor: 1,
	}
}

// failBefore returns a failure.store that fails calls before they take effect.
func failBefore(kind fault.Kind) func(context.Context, vaulttest.Call) error {
	return func(_ context.Context, c vaulttest.Call) error {
		if c.Applied {
			return nil
		}
		return fault.New(kind, fault.NoText)
	}
}

// sleep waits for limit, or returns ctx's error if that ends first.
func sleep(ctx context.Context, limit time.Duration) error {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

var failures = []failure{
	{
		"write conflict",
		func(_ context.Context, c vaulttest.Call) error {
			if c.Applied || !c.Write {
				return nil
			}
			return fault.New(fault.Conflict, fault.NoText)
		}, nil,
	},
	{"Aborted", failBefore(fault.Unavailable), respondStatus(http.StatusConflict, "ABORTED")},
	{"Unavailable", failBefore(fault.Unavailable), respondStatus(http.StatusServiceUnavailable, "UNAVAILABLE")},
	{"DeadlineExceeded", failBefore(fault.Unavailable), respondStatus(http.StatusGatewayTimeout, "DEADLINE_EXCEEDED")},
	{"PermissionDenied", failBefore(fault.Unavailable), respondStatus(http.StatusForbidden, "PERMISSION_DENIED")},
	{
		"half an answer", // the call takes effect
		func(_ context.Context, c vaulttest.Call) error {
			if c.Applied {
				return fault.New(fault.Unavailable, fault.NoText)
			}
			return nil
		},
		func(r *http.Request, emulator http.RoundTripper) (*http.Response, error) {
			res, err := emulator.RoundTrip(r)
			if err == nil {
				body, _ := io.ReadAll(res.Body)
				half := strings.NewReader(string(body[:len(body)/2]))
				res.Body = io.NopCloser(io.MultiReader(half, brokenReader{}))
			}
			return res, err
		},
	},
	{
		garbage,
		func(_ context.Context, c vaulttest.Call) error {
			if c.Applied || c.Write {
				return nil
			}
			return vaulttest.ErrGarbage
		},
		func(r *http.Request, _ http.RoundTripper) (*http.Response, error) {
			return newResponse(r, http.StatusOK, `<html>{"`), nil
		},
	},
	{
		"10 s delay",
		func(ctx context.Context, c vaulttest.Call) error {
			if c.Applied {
				return nil
			}
			// vault/firestore limits each call to 3 seconds.
			if err := sleep(ctx, 3*time.Second); err != nil {
				return &fault.Error{Kind: fault.Unavailable, Err: err}
			}
			return fault.New(fault.Unavailable, fault.NoText)
		},
		func(r *http.Request, emulator http.RoundTripper) (*http.Response, error) {
			if err := sleep(r.Context(), 10*time.Second); err != nil {
				return nil, err
			}
			return emulator.RoundTrip(r)
		},
	},
}

const garbage = "garbage"

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// wire is a transport to the emulator's handler in this process.
type wire struct {
	handler    func() http.Handler
	recordCall func(name string) *failure
	markFailed func()
	slow       func(path string) bool
}

func (w wire) RoundTrip(r *http.Request) (*http.Response, error) {
	direct := roundTripFunc(func(r *http.Request) (*http.Response, error) {
		answer := httptest.NewRecorder()
		w.handler().ServeHTTP(answer, r)
		return answer.Result(), nil
	})
	if r.Body == nil {
		r.Body = http.NoBody
	}
	if w.slow(r.URL.Path) {
		if err := sleep(r.Context(), 30*time.Second); err != nil {
			return nil, err
		}
	}
	if f := w.recordCall(r.Method + " " + r.URL.Path); f != nil && f.wire != nil {
		w.markFailed()
		return f.wire(r, direct)
	}
	return direct(r)
}

type roundTripFunc func(*http.Request) (*http.Response, error)

func (f roundTripFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// newTrial returns a trial with classic events whose calls fail by f; see arm.
func newTrial(t *testing.T, f *failure, persistent bool) *trial {
	t.Helper()
	return newTrialAs(t, chatpage.Classic, "", f, persistent)
}

// newTrialAs is newTrial with this event format and this locale of all people.
func newTrialAs(t *testing.T, format chatpage.Format, locale string, f *failure, persistent bool) *trial {
	t.Helper()
	tr := &trial{
		t: t, clock: &clock{}, store: &memory.Docs{}, log: &logBuffer{}, failure: f, persistent: persistent,
		cookies: map[string]string{}, saved: map[string]string{},
	}
	docs := &vaulttest.Faulty{Docs: tr.store, Inject: func(ctx context.Context, c vaulttest.Call) error {
		if !c.Applied {
			tr.recordCall("store")
		}
		if !tr.isFailing(tr.calls.Load()) || tr.failure.store == nil {
			return nil
		}
		err := tr.failure.store(ctx, c)
		if err != nil {
			tr.hasFailed.Store(true)
		}
		return err
	}}
	o := options{
		log: tr.log, now: tr.clock.now, docs: docs, format: format, locale: locale,
		chatTransport: roundTripFunc(func(r *http.Request) (*http.Response, error) {
			if r.Body == nil {
				r.Body = http.NoBody
			}
			return tr.deliver(r).Result(), nil
		}),
		base: wire{
			handler:    func() http.Handler { return tr.google.Handler() },
			recordCall: tr.recordCall,
			markFailed: func() { tr.hasFailed.Store(true) },
			slow:       func(path string) bool { return tr.slowPath != "" && strings.HasSuffix(path, tr.slowPath) },
		},
	}
	var err error
	if tr.program, err = assemble(t.Context(), o, "http://127.0.0.1:1", "http://127.0.0.1:2"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.close)
	tr.options = o
	c := caller()
	c.Actions = allActions
	editCallersFile(t, tr.program, func(d *callers.Draft) error { return d.Put(c) })
	return tr
}

func (tr *trial) isFailing(n int64) bool {
	at := tr.failAt.Load()
	return at != 0 && (n == at || n > at && tr.persistent)
}

// recordCall counts a call and returns how it fails, or nil if it succeeds.
func (tr *trial) recordCall(name string) *failure {
	n := tr.calls.Add(1)
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.callNames = append(tr.callNames, name)
	if tr.isFailing(n) {
		return tr.failure
	}
	return nil
}

// arm makes the nth call from now fail.
func (tr *trial) arm(n int) { tr.failAt.Store(tr.calls.Load() + int64(n)) }

// clearFaults ends all faults, and advances the clock so that Deputy retries what failed.
func (tr *trial) clearFaults() { tr.failAt.Store(0); tr.clock.advance(6 * time.Second) }

// do sends a request to the program with the browser's cookies. header alternates names and values.
func (tr *trial) do(method, path string, body string, header ...string) *httptest.ResponseRecorder {
	tr.t.Helper()
	ctx := context.WithoutCancel(tr.t.Context())
	r := httptest.NewRequestWithContext(ctx, method, tr.address+path, strings.NewReader(body))
	r.RequestURI, r.URL.Scheme, r.URL.Host = "", "", ""
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	for name, value := range tr.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	answer := httptest.NewRecorder()
	tr.front.ServeHTTP(answer, r)
	for _, c := range answer.Result().Cookies() {
		tr.cookies[c.Name] = c.Value
	}
	return answer
}

func (tr *trial) sendEvent(event any) *httptest.ResponseRecorder {
	tr.t.Helper()
	text, err := json.Marshal(event)
	if err != nil {
		tr.t.Fatal(err)
	}
	answer := tr.do(http.MethodPost, "/chatevent", string(text), "Authorization", "Bearer "+tr.google.ChatToken())
	if answer.Code == http.StatusOK {
		if err := tr.page.Check(chatpage.Classic, answer.Body.Bytes()); err != nil {
			tr.t.Errorf("Chat would reject the reply: %v: %s", err, answer.Body)
		}
	}
	return answer
}

// invitationPath returns the path of a new invitation for Ada.
func (tr *trial) invitationPath() string {
	tr.t.Helper()
	link, err := tr.consent.Invite(tr.t.Context(), resource.Named(ada.User()), config.Secret{},
		capability.CreateSpaces, capability.ReadMembers)
	if err != nil {
		tr.t.Fatal(err)
	}
	return strings.TrimPrefix(link.Reveal(), tr.address)
}

// consentCallback consents to a new invitation and returns the callback's path.
func (tr *trial) consentCallback() string {
	tr.t.Helper()
	return tr.allowAt(tr.do(http.MethodGet, tr.invitationPath(), "").Header().Get("Location"))
}

// finishConsent returns what the browser shows after the callback.
func (tr *trial) finishConsent() *httptest.ResponseRecorder {
	w := tr.do(http.MethodGet, tr.saved["path"], "")
	if _, path, ok := strings.Cut(w.Header().Get("Location"), "/oauthcallback/outcome"); ok {
		return tr.do(http.MethodGet, "/oauthcallback/outcome"+path, "")
	}
	return w
}

// allowAt allows all scopes on the consent page at a URL and returns the callback's path.
func (tr *trial) allowAt(address string) string {
	tr.t.Helper()
	page := tr.do(http.MethodGet, strings.TrimPrefix(address, tr.address), "")
	_, rest, _ := strings.Cut(page.Body.String(), `name="request" value="`)
	id, _, _ := strings.Cut(rest, `"`)
	form := url.Values{"request": {id}, "account": {ada.Sub}, "decision": {"allow"}, "scope": {
		"https://www.googleapis.com/auth/chat.spaces.create",
		"https://www.googleapis.com/auth/chat.memberships.readonly",
	}}
	redirect := tr.do(http.MethodPost, "/google/o/oauth2/v2/consent", form.Encode(),
		"Content-Type", "application/x-www-form-urlencoded")
	return strings.TrimPrefix(redirect.Header().Get("Location"), tr.address)
}

func (tr *trial) connect() {
	tr.t.Helper()
	done := tr.do(http.MethodGet, tr.consentCallback(), "")
	if strings.Contains(done.Header().Get("Location"), "prompt=consent") { // Google sent no refresh token
		done = tr.do(http.MethodGet, tr.allowAt(done.Header().Get("Location")), "")
	}
	if done.Code != http.StatusSeeOther {
		tr.t.Fatalf("connecting: %d %s", done.Code, done.Body)
	}
}

// grant returns Ada's stored grant, and whether there is one.
func (tr *trial) grant() (vault.Grant, bool) {
	tr.t.Helper()
	g, err := vault.New(tr.store, tr.keys, tr.clock.now).Grant(tr.t.Context(), resource.Person(ada.User()))
	if err != nil && fault.KindOf(err) != fault.NotFound {
		tr.t.Fatal(err)
	}
	return g, err == nil
}

// wantConnected fails the test unless Ada's grant is connected and has a refresh token.
func (tr *trial) wantConnected() {
	tr.t.Helper()
	if g, ok := tr.grant(); !ok || g.Status != vault.Connected || g.RefreshToken.Empty() {
		tr.t.Errorf("the grant is lost: %v %s", ok, g.Status)
	}
}

// countPlans counts Ada's spaces named Launch plan.
func (tr *trial) countPlans() (n int) {
	for _, s := range tr.google.SpacesOf(ada) {
		if s.DisplayName == "Launch plan" {
			n++
		}
	}
	return n
}

// scenario is an operation whose calls fail one by one.
type scenario struct {
	limit     time.Duration // for do
	prepare   func(*trial)
	do        func(*trial) *httptest.ResponseRecorder
	isValid   func(*trial, *httptest.ResponseRecorder) bool // reports whether do may respond so
	invariant func(*trial)                                  // checks the state while calls still fail
	retry     func(*trial)                                  // repeats the operation without faults
}

// isCard accepts a card with one of these titles. It also accepts an empty 503, which
// Deputy sends if it cannot verify the event.
func isCard(titles ...string) func(*trial, *httptest.ResponseRecorder) bool {
	return func(tr *trial, r *httptest.ResponseRecorder) bool {
		if r.Code == http.StatusServiceUnavailable {
			return r.Body.Len() == 0
		}
		return r.Code == http.StatusOK && tr.google.Check("Message", r.Body.Bytes()) == nil &&
			hasOneOf(r, "\"title\":\"", "\"", titles)
	}
}

// hasOneOf reports whether the first text between start and end is one of texts.
func hasOneOf(r *httptest.ResponseRecorder, start, end string, texts []string) bool {
	_, rest, _ := strings.Cut(r.Body.String(), start)
	text, _, _ := strings.Cut(rest, end)
	return slices.Contains(texts, html.UnescapeString(text))
}

// isConnectedCard is isCard for a connected person. Deputy may ask them to connect only if the store returns garbage.
func isConnectedCard(titles ...string) func(*trial, *httptest.ResponseRecorder) bool {
	return func(tr *trial, r *httptest.ResponseRecorder) bool {
		if tr.failure.name == garbage {
			return isCard(append(titles, "Connect your account")...)(tr, r)
		}
		return isCard(titles...)(tr, r)
	}
}

// isPage accepts a redirect to path, or an error page with one of these headings.
func isPage(path string, headings ...string) func(*trial, *httptest.ResponseRecorder) bool {
	return func(tr *trial, r *httptest.ResponseRecorder) bool {
		if r.Code == http.StatusSeeOther {
			return strings.HasPrefix(r.Header().Get("Location"), tr.address+path)
		}
		return r.Code >= 400 && hasOneOf(r, "<h1>", "</h1>", headings) &&
			!strings.Contains(r.Body.String(), "a fault of the test")
	}
}

// isSuccessOrProblem accepts the status success, or one of these problem types.
func isSuccessOrProblem(success int, types ...string) func(*trial, *httptest.ResponseRecorder) bool {
	return func(tr *trial, r *httptest.ResponseRecorder) bool {
		if r.Code == success || r.Code == http.StatusAccepted && success == http.StatusCreated {
			return true
		}
		var p struct{ Type, Title, Detail, Reference string }
		err := json.Unmarshal(r.Body.Bytes(), &p)
		name := strings.TrimPrefix(p.Type, "urn:deputy:problem:")
		unreadable := []string{"consent_required", "approval_required", "denied"}
		known := slices.Contains(types, name) || tr.failure.name == garbage &&
			slices.ContainsFunc(unreadable, func(s string) bool { return strings.HasSuffix(p.Type, s) })
		return err == nil && known && p.Detail != "" && p.Reference != ""
	}
}

func createEvent() any {
	e := command(ada, "spaces/DM/messages/m1", 5, "Launch plan @Grace Hopper")
	user := map[string]any{"name": grace.User(), "displayName": "Grace Hopper", "type": "HUMAN"}
	e["message"].(map[string]any)["annotations"] = []any{map[string]any{
		"type": "USER_MENTION", "userMention": map[string]any{"user": user},
	}}
	return e
}

func (tr *trial) sendCreate() *httptest.ResponseRecorder { return tr.sendEvent(createEvent()) }

// createByAPI creates a space through the API as the incident tool, always with the same key.
func (tr *trial) createByAPI() *httptest.ResponseRecorder {
	body := `{"actAs":"users/` + ada.Sub + `","displayName":"Launch plan","members":["grace@example.com"]}`
	return tr.do(http.MethodPost, "/createspace/v1/spaces", body,
		"Authorization", tr.callerToken(), "Idempotency-Key", "build-1234", "Content-Type", "application/json")
}

func (tr *trial) callerToken() string {
	return (&world{program: tr.program, clock: tr.clock}).callerToken(nil)
}

func (tr *trial) sweep() *httptest.ResponseRecorder {
	return tr.do(http.MethodPost, "/createspace/v1/sweep", "", "Authorization", tr.callerToken())
}

var scenarios = map[string]scenario{
	"command, not connected": {
		limit:     25 * time.Second,
		prepare:   func(*trial) {},
		do:        (*trial).sendCreate,
		isValid:   isCard("Connect your account", "Something didn't work"),
		invariant: func(*trial) {},
		retry: func(tr *trial) {
			if got := tr.sendCreate(); !strings.Contains(got.Body.String(), "Connect your account") {
				tr.t.Errorf("again: %s", got.Body)
			}
		},
	},
	"command, expired token": {
		limit:   25 * time.Second,
		prepare: func(tr *trial) { tr.connect(); tr.clock.advance(2 * time.Hour) },
		do:      (*trial).sendCreate,
		isValid: isConnectedCard("Space created", "Space created, but some steps failed",
			"Something didn't work"),
		invariant: (*trial).wantConnected,
		retry: func(tr *trial) {
			if got := tr.sendCreate(); !strings.Contains(got.Body.String(), "Space created") || tr.countPlans() != 1 {
				tr.t.Errorf("again: %d spaces, %s", tr.countPlans(), got.Body)
			}
		},
	},
	"consent start": {
		limit:     20 * time.Second,
		prepare:   func(*trial) {},
		do:        func(tr *trial) *httptest.ResponseRecorder { return tr.do(http.MethodGet, tr.invitationPath(), "") },
		isValid:   isPage("/google/", "Something didn't work", "This link has expired"),
		invariant: func(*trial) {},
		retry:     func(tr *trial) { tr.connect(); tr.wantConnected() },
	},
	"consent callback": {
		limit:     20 * time.Second,
		prepare:   func(tr *trial) { tr.saved["path"] = tr.consentCallback() },
		do:        (*trial).finishConsent,
		isValid:   isConsentEnd,
		invariant: func(*trial) {},
		retry:     func(tr *trial) { tr.connect(); tr.wantConnected() },
	},
	"consent callback, wider grant": {
		limit:     20 * time.Second,
		prepare:   func(tr *trial) { tr.connect(); tr.saved["path"] = tr.consentCallback() },
		do:        (*trial).finishConsent,
		isValid:   isConsentEnd,
		invariant: (*trial).wantConnected,
		retry:     func(tr *trial) { tr.connect(); tr.wantConnected() },
	},
	"disconnect": {
		limit:     25 * time.Second,
		prepare:   func(tr *trial) { tr.connect(); tr.saved["value"] = tr.disconnectButton() },
		do:        (*trial).disconnect,
		isValid:   isConnectedCard("You're disconnected", "Something didn't work"),
		invariant: func(*trial) {},
		retry: func(tr *trial) {
			if g, ok := tr.grant(); ok && g.Status == vault.Connected {
				tr.saved["value"] = tr.disconnectButton()
				tr.disconnect()
			}
			tr.clock.advance(24 * time.Hour)
			tr.sweep()
			if g, ok := tr.grant(); ok {
				tr.t.Errorf("again: the grant still exists: %s", g.Status)
			}
			tr.connect()
			tr.wantConnected()
		},
	},
	"API call": {
		limit:   55 * time.Second,
		prepare: func(tr *trial) { tr.connect(); tr.approveAll(); tr.clock.advance(2 * time.Hour) },
		do:      (*trial).createByAPI,
		isValid: isSuccessOrProblem(http.StatusCreated,
			"unavailable", "internal", "denied", "rate_limited", "in_progress"),
		invariant: (*trial).wantConnected,
		retry: func(tr *trial) {
			tr.clock.advance(time.Minute) // the lease of an attempt that could not store its end
			if got := tr.createByAPI(); got.Code != http.StatusCreated || tr.countPlans() != 1 {
				tr.t.Errorf("again: %d spaces, %s", tr.countPlans(), got.Body)
			}
		},
	},
	"sweep": {
		limit:     55 * time.Second,
		prepare:   func(tr *trial) { tr.connect(); tr.clock.advance(151 * 24 * time.Hour) },
		do:        (*trial).sweep,
		isValid:   isSuccessOrProblem(http.StatusOK, "unavailable", "internal"),
		invariant: (*trial).wantConnected,
		retry: func(tr *trial) {
			tr.sweep() // may start in the middle
			tr.clock.advance(24 * time.Hour)
			tr.sweep()
			if g, _ := tr.grant(); tr.clock.now().Sub(g.RefreshDay) > 48*time.Hour {
				tr.t.Errorf("again: last refreshed on %v", g.RefreshDay)
			}
		},
	},
	"security event": {
		limit: 25 * time.Second,
		prepare: func(tr *trial) {
			tr.connect()
			tr.saved["event"] = tr.google.SignSecurityEvent(
				"https://schemas.openid.net/secevent/oauth/event-type/tokens-revoked", ada, nil)
		},
		do: (*trial).pushSecurityEvent,
		isValid: func(_ *trial, r *httptest.ResponseRecorder) bool {
			return r.Code == http.StatusAccepted || r.Code == http.StatusServiceUnavailable
		},
		invariant: func(*trial) {},
		retry: func(tr *trial) {
			if got := tr.pushSecurityEvent(); got.Code != http.StatusAccepted {
				tr.t.Errorf("again: %d", got.Code)
			}
			if g, _ := tr.grant(); g.RevokedAt.IsZero() {
				tr.t.Errorf("again: the event had no effect")
			}
		},
	},
}

// isConsentEnd accepts the connected page, or a page that says what to do.
func isConsentEnd(tr *trial, r *httptest.ResponseRecorder) bool {
	pages := []string{"Deputy couldn't confirm your connection", "Something didn't work"}
	switch tr.failure.name {
	case "write conflict":
		pages = append(pages, "This link was already used")
	case garbage:
		pages = append(pages, "Use the same browser", "This link has expired", "Google didn't allow access")
	}
	if tr.failure.name == garbage && strings.Contains(r.Header().Get("Location"), "prompt=consent") {
		return true // the stored refresh token cannot be decrypted, so Deputy asks for another
	}
	return isPage("/oauthcallback/connected", pages...)(tr, r)
}

func (tr *trial) pushSecurityEvent() *httptest.ResponseRecorder {
	return tr.do(http.MethodPost, "/securityevent/", tr.saved["event"])
}

// disconnectButton returns the value of the button that confirms /disconnect.
func (tr *trial) disconnectButton() string {
	tr.t.Helper()
	reply := tr.sendEvent(command(ada, "spaces/DM/messages/m2", 2, "")).Body.String()
	_, rest, _ := strings.Cut(reply, `"key":"value","value":"`)
	value, _, found := strings.Cut(rest, `"`)
	if !found {
		tr.t.Fatalf("no button in %s", reply)
	}
	return value
}

func (tr *trial) disconnect() *httptest.ResponseRecorder {
	return tr.sendEvent(map[string]any{
		"type": "CARD_CLICKED", "user": map[string]any{"name": ada.User()},
		"space": map[string]any{
			"name": "spaces/DM" + ada.Sub, "spaceType": "DIRECT_MESSAGE", "singleUserBotDm": true,
		},
		"common": map[string]any{"parameters": map[string]any{"value": tr.saved["value"]}},
	})
}

func TestFailure_EveryCall(t *testing.T) {
	for name, s := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var cases atomic.Int64
			calls := map[string]bool{}
			for _, f := range failures {
				for _, persistent := range []bool{false, true} {
					for n := 1; ; n++ {
						reached, failed, names := runScenario(t, s, f, persistent, n)
						for _, name := range names {
							calls[name] = true
						}
						if !reached || t.Failed() {
							break
						}
						if failed {
							cases.Add(1)
						}
					}
				}
			}
			if cases.Load() < 10 {
				t.Errorf("only %d cases: the test fails too few calls", cases.Load())
			}
			t.Logf("%d cases; calls: %d kinds", cases.Load(), len(calls))
		})
	}
}

// runScenario runs s while its nth call fails. It returns whether s made that many
// calls, whether f failed one of them, and the names of the calls.
func runScenario(t *testing.T, s scenario, f failure, persistent bool, n int) (reached, failed bool, calls []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		tr := newTrial(t, &f, persistent)
		s.prepare(tr)
		before := tr.calls.Load()
		tr.arm(n)
		start := time.Now()
		answer := s.do(tr)
		took := time.Since(start)
		reached = tr.calls.Load() >= before+int64(n)
		calls = tr.callNames[before:]
		failed = tr.hasFailed.Load()
		if !s.isValid(tr, answer) {
			t.Errorf("the response is %d %s", answer.Code, answer.Body)
		}
		if took > s.limit {
			t.Errorf("the response took %v", took)
		}
		s.invariant(tr)
		tr.clearFaults()
		s.retry(tr)
		if t.Failed() {
			t.Errorf("%s, persistent %v, at call %d: %s\nlog: %s",
				f.name, persistent, n, strings.Join(calls, ", "), tr.log)
		}
	})
	return reached, failed, calls
}
