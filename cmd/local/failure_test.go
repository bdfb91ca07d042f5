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

// Here every call of the store, of Google's accounts and of the Chat API fails
// in every way, once and from then on, in everything Deputy does; time is the
// test's own. Each time there has to be a right answer in time, no grant may be
// lost, and afterwards the act has to go on.

// trial is a program in one process, with a fault to come.
type trial struct {
	*program
	t     *testing.T
	clock *clock
	store *memory.Docs      // past the faults
	jar   map[string]string // the browser's cookies
	kept  map[string]string // what a test has to remember

	calls   atomic.Int64 // of store and wire together
	hit     atomic.Bool  // whether a call has failed
	at      atomic.Int64 // the call that fails; 0: none
	onwards bool         // and all after it
	failure *failure     // how
	log     *lines
	mu      sync.Mutex
	met     []string // the calls, by name
	slow    string   // what of Google's takes half a minute: the end of a path
	events  []string // that Chat sent, and what was answered
	options options
	twin    *program // another instance; with it, each event comes six times, to both at once
}

// deliver brings an event of Chat's to the function.
func (tr *trial) deliver(r *http.Request) *httptest.ResponseRecorder {
	to := []http.Handler{tr.front}
	if tr.twin != nil {
		to = []http.Handler{tr.front, tr.twin.front, tr.front, tr.twin.front, tr.front, tr.twin.front}
	}
	var all sync.WaitGroup
	answers := make([]*httptest.ResponseRecorder, len(to))
	for i, instance := range to {
		answers[i] = httptest.NewRecorder()
		again := r.Clone(r.Context())
		if r.GetBody != nil {
			again.Body, _ = r.GetBody() // of a text: never fails
		}
		all.Go(func() { instance.ServeHTTP(answers[i], again) })
	}
	all.Wait()
	tr.seen(r, answers[0])
	return answers[0]
}

// seen keeps what Chat and the function said to each other.
func (tr *trial) seen(r *http.Request, answer *httptest.ResponseRecorder) {
	if body, err := r.GetBody(); err == nil {
		text, _ := io.ReadAll(body)
		tr.events = append(tr.events, string(text), answer.Body.String())
	}
}

// failure is one way for a call to fail; a way that makes no sense for a kind
// of call is nil there.
type failure struct {
	name string
	// store fails a call of the store, before it is made or after it took effect.
	store func(context.Context, vaulttest.Call) error
	// wire answers in place of Google; passOn lets Google do it after all.
	wire func(r *http.Request, passOn http.RoundTripper) (*http.Response, error)
}

func status(code int, name string) func(*http.Request, http.RoundTripper) (*http.Response, error) {
	return func(r *http.Request, _ http.RoundTripper) (*http.Response, error) {
		body := fmt.Sprintf(`{"error":{"code":%d,"status":%q,"message":"a fault of the test"}}`, code, name)
		if strings.HasSuffix(r.URL.Path, "/token") || strings.HasSuffix(r.URL.Path, "/revoke") {
			body = `{"error":"internal_failure"}`
		}
		return response(r, code, body), nil
	}
}

func response(r *http.Request, code int, body string) *http.Response {
	return &http.Response{
		StatusCode: code, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r,
		ProtoMajor: 1, ProtoMinor: 1,
	}
}

// before fails a call of the store with this kind, without an effect.
func before(kind fault.Kind) func(context.Context, vaulttest.Call) error {
	return func(_ context.Context, c vaulttest.Call) error {
		if c.After {
			return nil
		}
		return fault.New(kind, fault.None)
	}
}

func silence(ctx context.Context, limit time.Duration) error {
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
		"somebody was faster",
		func(_ context.Context, c vaulttest.Call) error {
			if c.After || !c.Write {
				return nil
			}
			return fault.New(fault.Conflict, fault.None)
		}, nil,
	},
	{"Aborted", before(fault.Unavailable), status(http.StatusConflict, "ABORTED")},
	{"Unavailable", before(fault.Unavailable), status(http.StatusServiceUnavailable, "UNAVAILABLE")},
	{"DeadlineExceeded", before(fault.Unavailable), status(http.StatusGatewayTimeout, "DEADLINE_EXCEEDED")},
	{"PermissionDenied", before(fault.Unavailable), status(http.StatusForbidden, "PERMISSION_DENIED")},
	{
		"half an answer", // the call takes effect, and its answer is lost
		func(_ context.Context, c vaulttest.Call) error {
			if c.After {
				return fault.New(fault.Unavailable, fault.None)
			}
			return nil
		},
		func(r *http.Request, passOn http.RoundTripper) (*http.Response, error) {
			res, err := passOn.RoundTrip(r)
			if err == nil {
				whole, _ := io.ReadAll(res.Body)
				res.Body = io.NopCloser(io.MultiReader(strings.NewReader(string(whole[:len(whole)/2])), broken{}))
			}
			return res, err
		},
	},
	{
		garbage,
		func(_ context.Context, c vaulttest.Call) error {
			if c.After || c.Write {
				return nil
			}
			return vaulttest.ErrGarbage
		},
		func(r *http.Request, _ http.RoundTripper) (*http.Response, error) {
			return response(r, http.StatusOK, `<html>{"`), nil
		},
	},
	{
		"10 s of silence",
		func(ctx context.Context, c vaulttest.Call) error {
			if c.After {
				return nil
			}
			// Firestore's own limit for a call is 3 s (vault/firestore).
			if err := silence(ctx, 3*time.Second); err != nil {
				return &fault.Error{Kind: fault.Unavailable, Err: err}
			}
			return fault.New(fault.Unavailable, fault.None)
		},
		func(r *http.Request, passOn http.RoundTripper) (*http.Response, error) {
			if err := silence(r.Context(), 10*time.Second); err != nil {
				return nil, err
			}
			return passOn.RoundTrip(r)
		},
	},
}

const garbage = "garbage"

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// wire is the way to Google: its handler, in this process.
type wire struct {
	handler func() http.Handler
	meet    func(name string) *failure
	hit     func()
	slow    func(path string) bool
}

func (w wire) RoundTrip(r *http.Request) (*http.Response, error) {
	direct := roundTrip(func(r *http.Request) (*http.Response, error) {
		answer := httptest.NewRecorder()
		w.handler().ServeHTTP(answer, r)
		return answer.Result(), nil
	})
	if r.Body == nil {
		r.Body = http.NoBody
	}
	if w.slow(r.URL.Path) {
		if err := silence(r.Context(), 30*time.Second); err != nil {
			return nil, err
		}
	}
	if f := w.meet(r.Method + " " + r.URL.Path); f != nil && f.wire != nil {
		w.hit()
		return f.wire(r, direct)
	}
	return direct(r)
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func newTrial(t *testing.T, f *failure, onwards bool) *trial {
	t.Helper()
	return newTrialAs(t, chatpage.Classic, "", f, onwards)
}

func newTrialAs(t *testing.T, format chatpage.Format, locale string, f *failure, onwards bool) *trial {
	t.Helper()
	tr := &trial{t: t, clock: &clock{}, store: &memory.Docs{}, jar: map[string]string{}, kept: map[string]string{}, failure: f, onwards: onwards, log: &lines{}}
	docs := &vaulttest.Faulty{Docs: tr.store, Inject: func(ctx context.Context, c vaulttest.Call) error {
		if !c.After {
			tr.meet("store")
		}
		if !tr.failing(tr.calls.Load()) || tr.failure.store == nil {
			return nil
		}
		err := tr.failure.store(ctx, c)
		if err != nil {
			tr.hit.Store(true)
		}
		return err
	}}
	o := options{
		log: tr.log, now: tr.clock.now, docs: docs, format: format, locale: locale,
		way: roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.Body == nil {
				r.Body = http.NoBody
			}
			return tr.deliver(r).Result(), nil
		}),
		base: wire{func() http.Handler { return tr.google.Handler() }, tr.meet, func() { tr.hit.Store(true) }, func(path string) bool {
			return tr.slow != "" && strings.HasSuffix(path, tr.slow)
		}},
	}
	var err error
	if tr.program, err = assemble(t.Context(), o, "http://127.0.0.1:1", "http://127.0.0.1:2"); err != nil {
		t.Fatal(err)
	}
	tr.options = o
	c := caller()
	c.Actions = everyAction
	edit(t, tr.program, func(d *callers.Draft) error { return d.Put(c) })
	return tr
}

func (tr *trial) failing(n int64) bool {
	at := tr.at.Load()
	return at != 0 && (n == at || n > at && tr.onwards)
}

// meet counts a call and says how it fails; nil: not at all.
func (tr *trial) meet(name string) *failure {
	n := tr.calls.Add(1)
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.met = append(tr.met, name)
	if tr.failing(n) {
		return tr.failure
	}
	return nil
}

// arm lets the nth call from now on fail.
func (tr *trial) arm(n int) { tr.at.Store(tr.calls.Load() + int64(n)) }

// calm ends all faults; what failed a moment ago may be asked again.
func (tr *trial) calm() { tr.at.Store(0); tr.clock.advance(6 * time.Second) }

// do sends a request to the program, with the browser's cookies.
func (tr *trial) do(method, path string, body string, header ...string) *httptest.ResponseRecorder {
	tr.t.Helper()
	r := httptest.NewRequestWithContext(context.WithoutCancel(tr.t.Context()), method, tr.address+path, strings.NewReader(body))
	r.RequestURI, r.URL.Scheme, r.URL.Host = "", "", ""
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	for name, value := range tr.jar {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	answer := httptest.NewRecorder()
	tr.front.ServeHTTP(answer, r)
	for _, c := range answer.Result().Cookies() {
		tr.jar[c.Name] = c.Value
	}
	return answer
}

func (tr *trial) event(event any) *httptest.ResponseRecorder {
	tr.t.Helper()
	text, err := json.Marshal(event)
	if err != nil {
		tr.t.Fatal(err)
	}
	answer := tr.do(http.MethodPost, "/chatevent", string(text), "Authorization", "Bearer "+tr.google.ChatToken())
	if answer.Code == http.StatusOK {
		if err := tr.page.Check(chatpage.Classic, answer.Body.Bytes()); err != nil {
			tr.t.Errorf("Chat would not take the answer: %v: %s", err, answer.Body)
		}
	}
	return answer
}

// invited is the path of an invitation for Ada.
func (tr *trial) invited() string {
	tr.t.Helper()
	link, err := tr.consent.Invite(tr.t.Context(), resource.Named(ada.User()), config.Secret{}, capability.CreateSpaces, capability.ReadMembers)
	if err != nil {
		tr.t.Fatal(err)
	}
	return strings.TrimPrefix(link.Reveal(), tr.address)
}

// consented goes from /start over Google's page and gives the way back.
func (tr *trial) consented() string {
	tr.t.Helper()
	return tr.consentedAt(tr.do(http.MethodGet, tr.invited(), "").Header().Get("Location"))
}

// consentedAt allows what Google asks at an address.
func (tr *trial) consentedAt(address string) string {
	tr.t.Helper()
	page := tr.do(http.MethodGet, strings.TrimPrefix(address, tr.address), "")
	_, rest, _ := strings.Cut(page.Body.String(), `name="request" value="`)
	id, _, _ := strings.Cut(rest, `"`)
	form := url.Values{"request": {id}, "account": {ada.Sub}, "decision": {"allow"}, "scope": {
		"https://www.googleapis.com/auth/chat.spaces.create", "https://www.googleapis.com/auth/chat.memberships.readonly",
	}}
	back := tr.do(http.MethodPost, "/google/o/oauth2/v2/consent", form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	return strings.TrimPrefix(back.Header().Get("Location"), tr.address)
}

func (tr *trial) connect() {
	tr.t.Helper()
	done := tr.do(http.MethodGet, tr.consented(), "")
	if strings.Contains(done.Header().Get("Location"), "prompt=consent") { // it has no refresh token yet
		done = tr.do(http.MethodGet, tr.consentedAt(done.Header().Get("Location")), "")
	}
	if done.Code != http.StatusSeeOther {
		tr.t.Fatalf("connecting: %d %s", done.Code, done.Body)
	}
}

// grant is Ada's, as it is stored.
func (tr *trial) grant() (vault.Grant, bool) {
	tr.t.Helper()
	g, err := vault.New(tr.store, tr.keys, tr.clock.now).Grant(tr.t.Context(), resource.Person(ada.User()))
	if err != nil && fault.KindOf(err) != fault.NotFound {
		tr.t.Fatal(err)
	}
	return g, err == nil
}

func (tr *trial) lives() {
	tr.t.Helper()
	if g, ok := tr.grant(); !ok || g.Status != vault.Connected || g.RefreshToken.Empty() {
		tr.t.Errorf("the grant is lost: %v %s", ok, g.Status)
	}
}

func (tr *trial) plans() (n int) {
	for _, s := range tr.google.SpacesOf(ada) {
		if s.DisplayName == "Launch plan" {
			n++
		}
	}
	return n
}

// act is one thing that Deputy does.
type act struct {
	limit   time.Duration // in which the answer has to be there
	prepare func(*trial)
	do      func(*trial) *httptest.ResponseRecorder
	right   func(*trial, *httptest.ResponseRecorder) bool // whatever fails
	after   func(*trial)                                  // with the fault still there: what must hold
	again   func(*trial)                                  // once it is over
}

// card is an answer of 200 with one of these titles, or 503 before the event
// is known to be Chat's.
func card(titles ...string) func(*trial, *httptest.ResponseRecorder) bool {
	return func(tr *trial, r *httptest.ResponseRecorder) bool {
		if r.Code == http.StatusServiceUnavailable {
			return r.Body.Len() == 0
		}
		return r.Code == http.StatusOK && tr.google.Check("Message", r.Body.Bytes()) == nil && says(r, "\"title\":\"", "\"", titles)
	}
}

// says tells whether the first text between from and to is one of these.
func says(r *httptest.ResponseRecorder, from, to string, texts []string) bool {
	_, rest, _ := strings.Cut(r.Body.String(), from)
	text, _, _ := strings.Cut(rest, to)
	return slices.Contains(texts, html.UnescapeString(text))
}

// connected is a card for somebody whose grant lives: asking them to connect is
// wrong, unless the store says that there is nothing to read.
func connected(titles ...string) func(*trial, *httptest.ResponseRecorder) bool {
	return func(tr *trial, r *httptest.ResponseRecorder) bool {
		if tr.failure.name == garbage {
			return card(append(titles, "Connect your account")...)(tr, r)
		}
		return card(titles...)(tr, r)
	}
}

// readable is a redirect to one place, or a page with one of these headings.
func readable(to string, headings ...string) func(*trial, *httptest.ResponseRecorder) bool {
	return func(tr *trial, r *httptest.ResponseRecorder) bool {
		if r.Code == http.StatusSeeOther {
			return strings.HasPrefix(r.Header().Get("Location"), tr.address+to)
		}
		return r.Code >= 400 && says(r, "<h1>", "</h1>", headings) && !strings.Contains(r.Body.String(), "a fault of the test")
	}
}

// problem is success, or one of these problems.
func problem(success int, types ...string) func(*trial, *httptest.ResponseRecorder) bool {
	return func(tr *trial, r *httptest.ResponseRecorder) bool {
		if r.Code == success || r.Code == http.StatusAccepted && success == http.StatusCreated {
			return true
		}
		var p struct{ Type, Title, Detail, Reference string }
		err := json.Unmarshal(r.Body.Bytes(), &p)
		known := slices.Contains(types, strings.TrimPrefix(p.Type, "urn:deputy:problem:")) ||
			tr.failure.name == garbage && (strings.HasSuffix(p.Type, "consent_required") || tr.failure.name == garbage && strings.HasSuffix(p.Type, "approval_required") || strings.HasSuffix(p.Type, "denied"))
		return err == nil && known && p.Detail != "" && p.Reference != ""
	}
}

func createEvent() any {
	e := command(ada, "spaces/DM/messages/m1", 5, "Launch plan @Grace Hopper")
	e["message"].(map[string]any)["annotations"] = []any{map[string]any{
		"type": "USER_MENTION", "userMention": map[string]any{"user": map[string]any{"name": grace.User(), "displayName": "Grace Hopper", "type": "HUMAN"}},
	}}
	return e
}

func (tr *trial) create() *httptest.ResponseRecorder { return tr.event(createEvent()) }

func (tr *trial) post() *httptest.ResponseRecorder {
	token := tr.callerToken()
	return tr.do(http.MethodPost, "/createspace/v1/spaces", `{"actAs":"users/`+ada.Sub+`","displayName":"Launch plan","members":["grace@example.com"]}`,
		"Authorization", token, "Idempotency-Key", "build-1234", "Content-Type", "application/json")
}

func (tr *trial) callerToken() string {
	return (&world{program: tr.program, clock: tr.clock}).callerToken(nil)
}

func (tr *trial) sweepNow() *httptest.ResponseRecorder {
	return tr.do(http.MethodPost, "/createspace/v1/sweep", "", "Authorization", tr.callerToken())
}

var acts = map[string]act{
	"a command of somebody who is not connected": {
		25 * time.Second, func(*trial) {}, (*trial).create, card("Connect your account", "Something didn't work"), func(*trial) {},
		func(tr *trial) {
			if got := tr.create(); !strings.Contains(got.Body.String(), "Connect your account") {
				tr.t.Errorf("again: %s", got.Body)
			}
		},
	},
	"a command with an expired token": {
		25 * time.Second, func(tr *trial) { tr.connect(); tr.clock.advance(2 * time.Hour) }, (*trial).create, connected("Space created", "Space created, but some steps failed", "Something didn't work"), (*trial).lives,
		func(tr *trial) {
			if got := tr.create(); !strings.Contains(got.Body.String(), "Space created") || tr.plans() != 1 {
				tr.t.Errorf("again: %d spaces, %s", tr.plans(), got.Body)
			}
		},
	},
	"the begin of a consent": {
		20 * time.Second, func(*trial) {}, func(tr *trial) *httptest.ResponseRecorder { return tr.do(http.MethodGet, tr.invited(), "") }, readable("/google/", "Something didn't work", "This link has expired"), func(*trial) {},
		func(tr *trial) { tr.connect(); tr.lives() },
	},
	"the end of a consent": {
		20 * time.Second, func(tr *trial) { tr.kept["path"] = tr.consented() },
		func(tr *trial) *httptest.ResponseRecorder { return tr.do(http.MethodGet, tr.kept["path"], "") }, finished, func(*trial) {},
		func(tr *trial) { tr.connect(); tr.lives() },
	},
	"the end of a consent that widens": {
		20 * time.Second, func(tr *trial) { tr.connect(); tr.kept["path"] = tr.consented() },
		func(tr *trial) *httptest.ResponseRecorder { return tr.do(http.MethodGet, tr.kept["path"], "") }, finished, (*trial).lives,
		func(tr *trial) { tr.connect(); tr.lives() },
	},
	"a disconnect": {
		25 * time.Second, func(tr *trial) { tr.connect(); tr.kept["value"] = tr.leaveButton() }, (*trial).leave, connected("You're disconnected", "Something didn't work"), func(*trial) {},
		func(tr *trial) {
			if g, ok := tr.grant(); ok && g.Status == vault.Connected {
				tr.kept["value"] = tr.leaveButton()
				tr.leave()
			}
			tr.clock.advance(24 * time.Hour)
			tr.sweepNow()
			if g, ok := tr.grant(); ok {
				tr.t.Errorf("again: the grant is still there: %s", g.Status)
			}
			tr.connect()
			tr.lives()
		},
	},
	"a call of another system": {
		55 * time.Second, func(tr *trial) { tr.connect(); tr.everything(); tr.clock.advance(2 * time.Hour) }, (*trial).post, problem(http.StatusCreated, "unavailable", "internal", "denied", "rate_limited", "in_progress"), (*trial).lives,
		func(tr *trial) {
			tr.clock.advance(time.Minute) // the lease of who could not say that they had ended
			if got := tr.post(); got.Code != http.StatusCreated || tr.plans() != 1 {
				tr.t.Errorf("again: %d spaces, %s", tr.plans(), got.Body)
			}
		},
	},
	"a sweep": {
		55 * time.Second, func(tr *trial) { tr.connect(); tr.clock.advance(151 * 24 * time.Hour) }, (*trial).sweepNow, problem(http.StatusOK, "unavailable", "internal"), (*trial).lives,
		func(tr *trial) {
			tr.sweepNow() // may begin in the middle
			tr.clock.advance(24 * time.Hour)
			tr.sweepNow()
			if g, _ := tr.grant(); tr.clock.now().Sub(g.RefreshDay) > 48*time.Hour {
				tr.t.Errorf("again: refreshed last on %v", g.RefreshDay)
			}
		},
	},
	"a security event": {
		25 * time.Second, func(tr *trial) {
			tr.connect()
			tr.kept["event"] = tr.google.SignSecurityEvent("https://schemas.openid.net/secevent/oauth/event-type/tokens-revoked", ada, nil)
		},
		(*trial).push, func(_ *trial, r *httptest.ResponseRecorder) bool {
			return r.Code == http.StatusAccepted || r.Code == http.StatusServiceUnavailable
		}, func(*trial) {},
		func(tr *trial) {
			if got := tr.push(); got.Code != http.StatusAccepted {
				tr.t.Errorf("again: %d", got.Code)
			}
			if g, _ := tr.grant(); g.RevokedAt.IsZero() {
				tr.t.Errorf("again: the event was missed")
			}
		},
	},
}

// finished is the end of a consent: stored, or a page that says what to do.
func finished(tr *trial, r *httptest.ResponseRecorder) bool {
	pages := []string{"Deputy couldn't confirm your connection", "Something didn't work"}
	switch tr.failure.name {
	case "somebody was faster":
		pages = append(pages, "This link was already used")
	case garbage:
		pages = append(pages, "Use the same browser", "This link has expired", "Google didn't allow access") // as the record says
	}
	if tr.failure.name == garbage && strings.Contains(r.Header().Get("Location"), "prompt=consent") {
		return true // the refresh token does not open: Google is asked for another
	}
	return readable("/oauthcallback/connected", pages...)(tr, r)
}

func (tr *trial) push() *httptest.ResponseRecorder {
	return tr.do(http.MethodPost, "/securityevent/", tr.kept["event"])
}

// leaveButton is what the confirming button of /disconnect carries.
func (tr *trial) leaveButton() string {
	tr.t.Helper()
	asked := tr.event(command(ada, "spaces/DM/messages/m2", 2, "")).Body.String()
	_, rest, _ := strings.Cut(asked, `"key":"value","value":"`)
	value, _, found := strings.Cut(rest, `"`)
	if !found {
		tr.t.Fatalf("no button in %s", asked)
	}
	return value
}

func (tr *trial) leave() *httptest.ResponseRecorder {
	return tr.event(map[string]any{
		"type": "CARD_CLICKED", "user": map[string]any{"name": ada.User()}, "space": map[string]any{"name": "spaces/DM" + ada.Sub, "spaceType": "DIRECT_MESSAGE", "singleUserBotDm": true},
		"common": map[string]any{"parameters": map[string]any{"value": tr.kept["value"]}},
	})
}

func TestWhateverFailsThereIsARightAnswerInTimeAndNoGrantIsLost(t *testing.T) {
	for name, a := range acts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var cases atomic.Int64
			met := map[string]bool{}
			for _, f := range failures {
				for _, onwards := range []bool{false, true} {
					for n := 1; ; n++ {
						tried, effective, names := attempt(t, a, f, onwards, n)
						for _, m := range names {
							met[m] = true
						}
						if !tried || t.Failed() {
							break
						}
						if effective {
							cases.Add(1)
						}
					}
				}
			}
			if cases.Load() < 10 {
				t.Errorf("only %d cases: this test looks at the wrong place", cases.Load())
			}
			t.Logf("%d cases; calls: %d kinds", cases.Load(), len(met))
		})
	}
}

// attempt does an act while its nth call fails; tried is false when it makes
// fewer calls, effective when this way to fail makes no difference to the call.
func attempt(t *testing.T, a act, f failure, onwards bool, n int) (tried, effective bool, met []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		tr := newTrial(t, &f, onwards)
		a.prepare(tr)
		begun := tr.calls.Load()
		tr.arm(n)
		start := time.Now()
		answer := a.do(tr)
		took := time.Since(start)
		tried = tr.calls.Load() >= begun+int64(n)
		met = tr.met[begun:]
		effective = tr.hit.Load()
		if !a.right(tr, answer) {
			t.Errorf("the answer is %d %s", answer.Code, answer.Body)
		}
		if took > a.limit {
			t.Errorf("the answer took %v", took)
		}
		a.after(tr)
		tr.calm()
		a.again(tr)
		if t.Failed() {
			t.Errorf("%s, onwards %v, at call %d: %s\nlog: %s", f.name, onwards, n, strings.Join(met, ", "), tr.log)
		}
	})
	return tried, effective, met
}
