package consent_test

import (
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/emulator/google"
	"example.com/deputy/internal/vaulttest"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/consent"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/logging"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/vault/memory"
)

const (
	create  = capability.CreateSpaces
	members = capability.ReadMembers
)

var (
	browser = config.NewSecret("a-browser")
	answer  = config.NewSecret("https://chat.google.com/api/bot_config_complete?token=t")
)

var ada, grace = google.People()[0], google.People()[1]

// instance is what one instance of Deputy has of both.
type instance struct {
	*grants.Grants
	*consent.Flow
	deps grants.Deps
}

func newInstance(d grants.Deps) *instance {
	gs := grants.New(d)
	return &instance{gs, consent.New(gs, d, "https://chat.google.com", "https://mail.google.com"), d}
}

// world is an instance against the stand-in for Google, with a clock to turn.
type world struct {
	*instance
	t      *testing.T
	google *google.Server
	at     *httptest.Server
	gate   atomic.Pointer[gate]
	docs   *vaulttest.Counting
	deps   grants.Deps
	log    *lines
	ahead  *atomic.Int64
	// unticked is a scope whose box is left out at the next consents.
	unticked string
	// keyset and lookup are the keysets in use; old the keys that a rotation
	// left behind in them.
	keyset, lookup config.Secret
	old            []uint32
}

// gate holds the token endpoint until it is opened.
type gate struct {
	once          sync.Once
	reached, open chan struct{}
}

type lines struct {
	mu  sync.Mutex
	buf strings.Builder
}

func (l *lines) Write(p []byte) (int, error) { l.mu.Lock(); defer l.mu.Unlock(); return l.buf.Write(p) }

func (l *lines) String() string { l.mu.Lock(); defer l.mu.Unlock(); return l.buf.String() }

func begin(t *testing.T) *world {
	t.Helper()
	return beginOn(t, &memory.Docs{})
}

// callbackAt is the public address of oauthcallback.
const callbackAt = "https://deputy.example.com"

func beginOn(t *testing.T, docs vault.Docs) *world {
	t.Helper()
	w := &world{t: t, docs: &vaulttest.Counting{Docs: docs}, log: &lines{}, ahead: &atomic.Int64{}}
	now := func() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }
	w.google = google.New(google.Config{
		ClientID: "client", ClientSecret: "secret", RedirectURIs: []string{callbackAt + "/callback"}, ProjectNumber: "1", AppName: "Deputy", Now: now,
	})
	w.at = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if g := w.gate.Load(); g != nil && r.URL.Path == "/token" {
			g.once.Do(func() { close(g.reached) })
			<-g.open
		}
		w.google.Handler().ServeHTTP(rw, r)
	}))
	t.Cleanup(w.at.Close)
	w.deps = depsOn(w.docs, w.newKeys(), w.at.URL, w.log, now)
	w.instance = newInstance(w.deps)
	return w
}

// depsOn is what an instance needs to work on a store and with Google at an
// address.
func depsOn(docs vault.Docs, keys *seal.Keys, googleAt string, log io.Writer, now func() time.Time) grants.Deps {
	at := googleauth.Endpoints{
		Authorization: googleAt + "/o/oauth2/v2/auth", Token: googleAt + "/token", Revocation: googleAt + "/revoke", Certs: googleAt + "/oauth2/v3/certs",
	}
	client := googleauth.Client{ID: "client", Secret: config.NewSecret("secret")}
	return grants.Deps{
		Vault: vault.New(docs, keys, now), Keys: keys,
		Google:   googleauth.NewProvider(at, client, callbackAt+"/callback", http.DefaultTransport),
		IDTokens: googleauth.NewVerifier(googleauth.Issuer, "client", googleauth.NewKeySet(at.Certs, http.DefaultTransport, now), now),
		ClientID: "client", Address: callbackAt,
		Log: logging.NewText(log), Now: now,
	}
}

func (w *world) newKeys() *seal.Keys {
	w.t.Helper()
	var err error
	if w.keyset, w.lookup, err = seal.Generate(); err != nil {
		w.t.Fatal(err)
	}
	keys, err := seal.New(w.keyset, w.lookup, "project", "client")
	if err != nil {
		w.t.Fatal(err)
	}
	return keys
}

func newKeys(t *testing.T) *seal.Keys {
	t.Helper()
	a, b, err := seal.Generate()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := seal.New(a, b, "project", "client")
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func (w *world) invite(p google.Person, returnTo config.Secret, c ...capability.Capability) config.Secret {
	w.t.Helper()
	link, err := w.Invite(w.t.Context(), resource.Named(p.User()), returnTo, c...)
	if err != nil {
		w.t.Fatal(err)
	}
	u, err := url.Parse(link.Reveal())
	if err != nil || !strings.HasPrefix(link.Reveal(), "https://deputy.example.com/start?") {
		w.t.Fatalf("link: %v", err)
	}
	return config.NewSecret(u.Query().Get("invitation"))
}

// consented goes to Google with an invitation and allows all, as somebody.
func (w *world) consented(invitation config.Secret, as google.Person) consent.Callback {
	w.t.Helper()
	address, err := w.Start(w.t.Context(), invitation, browser)
	if err != nil {
		w.t.Fatal(err)
	}
	u, err := url.Parse(address.Reveal())
	if err != nil {
		w.t.Fatal(err)
	}
	return w.allow(u, as)
}

// allow allows all that Google's page at u asks, as somebody.
func (w *world) allow(u *url.URL, as google.Person) consent.Callback {
	w.t.Helper()
	page := w.fetch(http.NewRequest(http.MethodGet, u.String(), nil))
	if strings.HasPrefix(page, callbackAt) { // Google had nothing to ask
		return w.callback(page)
	}
	_, rest, _ := strings.Cut(page, `name="request" value="`)
	request, _, _ := strings.Cut(rest, `"`)
	form := url.Values{"request": {request}, "account": {as.Sub}, "decision": {"allow"}, "scope": nil}
	for _, scope := range strings.Fields(u.Query().Get("scope")) {
		if scope != w.unticked {
			form.Add("scope", scope)
		}
	}
	r, err := http.NewRequest(http.MethodPost, w.at.URL+"/o/oauth2/v2/consent", strings.NewReader(form.Encode()))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return w.callback(w.fetch(r, nil))
}

// callback is what Google's redirect brings.
func (w *world) callback(address string) consent.Callback {
	w.t.Helper()
	back, err := url.Parse(address)
	if err != nil {
		w.t.Fatal(err)
	}
	q := back.Query()
	return consent.Callback{State: config.NewSecret(q.Get("state")), Code: config.NewSecret(q.Get("code")), Issuer: q.Get("iss"), Browser: browser}
}

// fetch gives the body of a page, or where it redirects to.
func (w *world) fetch(r *http.Request, err error) string {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(r.WithContext(w.t.Context()))
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if to := res.Header.Get("Location"); to != "" {
		return to
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(body)
}

func (w *world) connect(p google.Person, c ...capability.Capability) consent.Outcome {
	w.t.Helper()
	out, err := w.Finish(w.t.Context(), w.consented(w.invite(p, answer, c...), p))
	if err == nil && !out.Consent.Empty() { // Google asks once more
		u, bad := url.Parse(out.Consent.Reveal())
		if bad != nil {
			w.t.Fatal(bad)
		}
		out, err = w.Finish(w.t.Context(), w.allow(u, p))
	}
	if err != nil || !out.Consent.Empty() {
		w.t.Fatalf("consented: %v, and is asked again: %v", err, !out.Consent.Empty())
	}
	return out
}

// another is an instance on the same store, with something of it changed.
func (w *world) another(change func(*grants.Deps)) *instance {
	deps := w.deps
	change(&deps)
	return newInstance(deps)
}

// spoil changes what is sealed of a stored grant, and gives it.
func (w *world) spoil(p google.Person, how func([]byte) []byte) []byte {
	w.t.Helper()
	doc, err := w.docs.Get(w.t.Context(), "grants", p.Sub)
	check(w.t, err)
	sealed, _ := doc.Fields["sealed"].([]byte)
	doc.Fields["sealed"] = how(sealed)
	_, err = w.docs.Replace(w.t.Context(), "grants", p.Sub, doc.Fields, doc.Version)
	check(w.t, err)
	return doc.Fields["sealed"].([]byte)
}

// stored is a person's grant as the vault has it.
func (w *world) stored(p google.Person) (vault.Grant, bool) {
	w.t.Helper()
	g, err := w.deps.Vault.Grant(w.t.Context(), resource.Person(p.User()))
	if err != nil && fault.KindOf(err) != fault.NotFound {
		w.t.Fatal(err)
	}
	return g, err == nil
}

func (w *world) token(p google.Person, c ...capability.Capability) error {
	_, err := w.TokenSource(w.t.Context(), resource.Person(p.User()), c...)
	return err
}

func (w *world) refreshes() int {
	n := 0
	for _, c := range w.google.Calls() {
		if c.Detail == "refresh_token" {
			n++
		}
	}
	return n
}

func reason(err error) consent.Reason {
	if r, ok := consent.RefusalIn(err); ok {
		return r.Reason
	}
	return ""
}

func TestAConsentReturnsToChatAndTheGrantIsWhole(t *testing.T) {
	w := begin(t)
	out := w.connect(ada, create)
	if !out.ReturnTo.Equal(answer) || out.Email != "ada@example.com" || len(out.Missing) != 0 {
		t.Errorf("got %+v", out)
	}
	g, _ := w.stored(ada)
	want := []string{"email", "https://www.googleapis.com/auth/chat.spaces.create", "openid"}
	if diff := cmp.Diff(want, g.Scopes); diff != "" || g.Generation == 0 || g.Domain != "example.com" || g.RefreshToken.Empty() {
		t.Errorf("grant: generation %d, domain %s; %s", g.Generation, g.Domain, diff)
	}
	if err := w.token(ada, create); err != nil {
		t.Error(err)
	}
	needs, ok := capability.Needed(w.token(ada, create, members))
	if !ok || !cmp.Equal(needs.Missing, []capability.Capability{members}) || needs.Declined {
		t.Errorf("got %+v", needs)
	}
	if needs, ok := capability.Needed(w.token(grace, create)); !ok || !cmp.Equal(needs.Missing, []capability.Capability{create}) {
		t.Errorf("a stranger: got %+v", needs)
	}
}

func TestAReturnAddressThatIsNotChatsIsNeverUsed(t *testing.T) {
	w := begin(t)
	for _, address := range []config.Secret{
		config.NewSecret("https://evil.example/x"), config.NewSecret("http://chat.google.com/x"), config.NewSecret("https://chat.google.com.evil.example/x"), config.NewSecret("https://chat.google.com@evil.example/x"),
		config.NewSecret("https://user@chat.google.com/x"), config.NewSecret("https://CHAT.google.com/x"), config.NewSecret("https://chat.google.com:444/x"), config.NewSecret("https://chat.google.com%2eevil.example/x"),
		config.NewSecret("//chat.google.com/x"), config.NewSecret("https:chat.google.com"), config.NewSecret("javascript:alert(1)"), config.NewSecret(`https://chat.google.com\@evil.example/x`), config.NewSecret("https://evil.example#https://chat.google.com"),
		config.NewSecret("https://chat.goog1e.com/x"), config.NewSecret("https://sub.chat.google.com/x"), config.NewSecret(" https://chat.google.com/x"),
	} {
		out, err := w.Finish(t.Context(), w.consented(w.invite(ada, address, create), ada))
		if err != nil || !out.ReturnTo.Empty() {
			t.Errorf("%s: returns there, or %v", address.Reveal(), err)
		}
	}
	out, err := w.Finish(t.Context(), w.consented(w.invite(ada, config.NewSecret("https://mail.google.com/chat?x=1"), create), ada))
	if err != nil || out.ReturnTo.Empty() {
		t.Errorf("mail.google.com: %v", err)
	}
}

func TestAReturnAddressCountsForAnHourAndTheInvitationForADay(t *testing.T) {
	w := begin(t)
	invitation := w.invite(ada, answer, create)
	w.ahead.Add(int64(61 * time.Minute))
	out, err := w.Finish(t.Context(), w.consented(invitation, ada))
	if err != nil || !out.ReturnTo.Empty() {
		t.Errorf("after an hour: %+v, %v", out, err)
	}
	w.ahead.Add(int64(23 * time.Hour))
	if _, err := w.Start(t.Context(), invitation, browser); reason(err) != consent.LinkExpired {
		t.Errorf("after a day: %v", err)
	}
}

func TestAnInvitationThatWasAlteredOrIsForAnotherPurposeDoesNotOpen(t *testing.T) {
	w := begin(t)
	good := w.invite(ada, answer, create).Reveal()
	other, err := newKeys(t).Seal([]byte(`{"p":"users/1","e":"2999-01-01T00:00:00Z"}`), seal.Place{Purpose: "invitation"})
	if err != nil {
		t.Fatal(err)
	}
	button, err := w.deps.Keys.Seal([]byte(`{"p":"users/1","e":"2999-01-01T00:00:00Z"}`), seal.Place{Purpose: "button"})
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	for name, text := range map[string]string{
		"altered": good[:len(good)-4] + "AAAA", "cut": good[:20], "empty": "", "not encoded": "%", "a button's": encode(button),
		"another keyset's": encode(other),
	} {
		if _, err := w.Start(t.Context(), config.NewSecret(text), browser); reason(err) != consent.LinkExpired {
			t.Errorf("%s: %v", name, err)
		}
	}
	if strings.Contains(w.log.String(), "level=ERROR") {
		t.Errorf("an invented link wakes the operator: %s", w.log)
	}
	if got := w.docs.Writes(); got != 0 {
		t.Errorf("writes: got %d, want 0", got)
	}
}

func TestWhatIsWrongWithACallbackStoresAndRevokesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		as     google.Person
		change func(*consent.Callback)
		want   consent.Reason
	}{
		"another account":      {grace, func(*consent.Callback) {}, consent.WrongAccount},
		"another browser":      {ada, func(c *consent.Callback) { c.Browser = config.NewSecret("other") }, consent.OtherBrowser},
		"no cookie":            {ada, func(c *consent.Callback) { c.Browser = config.Secret{} }, consent.OtherBrowser},
		"another state":        {ada, func(c *consent.Callback) { c.State = config.NewSecret(c.State.Reveal() + "x") }, consent.LinkExpired},
		"no state":             {ada, func(c *consent.Callback) { c.State = config.Secret{} }, consent.LinkExpired},
		"another issuer":       {ada, func(c *consent.Callback) { c.Issuer = "https://accounts.google.com/" }, consent.GoogleRefused},
		"declined":             {ada, func(c *consent.Callback) { c.Code, c.Error = config.Secret{}, "access_denied" }, consent.Declined},
		"an error of Google's": {ada, func(c *consent.Callback) { c.Error = "server_error" }, consent.GoogleRefused},
		"no code":              {ada, func(c *consent.Callback) { c.Code = config.Secret{} }, consent.GoogleRefused},
		"another code":         {ada, func(c *consent.Callback) { c.Code = config.NewSecret("4/0Aother") }, consent.GoogleRefused},
	} {
		w := begin(t)
		callback := w.consented(w.invite(ada, answer, create), c.as)
		c.change(&callback)
		if out, err := w.Finish(t.Context(), callback); reason(err) != c.want || out.Person != "" {
			t.Errorf("%s: got %+v, %v", name, out, err)
		}
		for _, p := range []google.Person{ada, grace} {
			if _, ok := w.stored(p); ok {
				t.Errorf("%s: a grant of %s is stored", name, p.Name)
			}
		}
		for _, call := range w.google.Calls() {
			if call.Method == "revoke" {
				t.Errorf("%s: something was revoked", name)
			}
		}
	}
}

func TestACodeOfAnotherConsentIsRefused(t *testing.T) {
	w := begin(t)
	mine, theirs := w.consented(w.invite(ada, answer, create), ada), w.consented(w.invite(ada, answer, create, members), ada)
	mine.Code = theirs.Code // its verifier is another
	if _, err := w.Finish(t.Context(), mine); reason(err) != consent.GoogleRefused {
		t.Errorf("got %v", err)
	}
}

func TestACodeOfAnotherClientIsRefused(t *testing.T) {
	w := begin(t)
	deps := w.deps // the token endpoint's answer is for "client"; we are another
	deps.IDTokens = googleauth.NewVerifier(googleauth.Issuer, "another-client", googleauth.NewKeySet(w.at.URL+"/oauth2/v3/certs", http.DefaultTransport, deps.Now), deps.Now)
	w.instance = newInstance(deps)
	if _, err := w.Finish(t.Context(), w.consented(w.invite(ada, answer, create), ada)); fault.KindOf(err) != fault.Unauthenticated {
		t.Errorf("got %v", err)
	}
	if _, ok := w.stored(ada); ok {
		t.Error("a grant is stored")
	}
}

func TestAnInvitationByEmailIsForTheVerifiedAddressOnly(t *testing.T) {
	w := begin(t)
	invite := func() config.Secret {
		link, err := w.Invite(t.Context(), "Ada@Example.com", config.Secret{}, create)
		if err != nil {
			t.Fatal(err)
		}
		_, text, _ := strings.Cut(link.Reveal(), "invitation=")
		return config.NewSecret(text)
	}
	if _, err := w.Finish(t.Context(), w.consented(invite(), grace)); reason(err) != consent.WrongAccount {
		t.Errorf("another account: %v", err)
	}
	if _, err := w.Find(t.Context(), "ada@example.com"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("before: %v", err)
	}
	out, err := w.Finish(t.Context(), w.consented(invite(), ada))
	if err != nil || out.Person != resource.Person(ada.User()) {
		t.Fatalf("got %+v, %v", out, err)
	}
	if found, err := w.Find(t.Context(), "ADA@example.com"); err != nil || found != resource.Person(ada.User()) {
		t.Errorf("after: %s, %v", found, err)
	}
	if _, err := w.Find(t.Context(), "grace@example.com"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("another: %v", err)
	}
}

func TestOnlyAllowedDomainsMayConnect(t *testing.T) {
	w := begin(t)
	deps := w.deps
	deps.Domains = []string{"other.example"}
	w.instance = newInstance(deps)
	if _, err := w.Finish(t.Context(), w.consented(w.invite(ada, answer, create), ada)); reason(err) != consent.WrongDomain {
		t.Errorf("got %v", err)
	}
	if _, ok := w.stored(ada); ok {
		t.Error("a grant is stored")
	}
}

func TestWideningKeepsTheGrantAndAsksForConsentAnew(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	before, _ := w.stored(ada)
	w.connect(ada, create, members)
	after, _ := w.stored(ada)
	if after.Generation <= before.Generation || after.RefreshToken.Equal(before.RefreshToken) || !after.Connected.Equal(before.Connected) {
		t.Errorf("generation %d after %d; the same token: %v", after.Generation, before.Generation, after.RefreshToken.Equal(before.RefreshToken))
	}
	if err := w.token(ada, create, members); err != nil {
		t.Error(err)
	}
	// Nothing new is asked now: Google sends no refresh token, ours stays.
	w.connect(ada, create)
	if again, _ := w.stored(ada); !again.RefreshToken.Equal(after.RefreshToken) {
		t.Error("the refresh token was replaced by nothing")
	}
}

func TestInvalidGrantSuspendsAndOtherFaultsDoNothing(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	w.ahead.Add(int64(2 * time.Hour))
	w.google.Fail("token", 500, 503, 429) // once, and twice again
	if err := w.token(ada, create); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("got %v", err)
	}
	if g, _ := w.stored(ada); g.RefreshToken.Empty() || g.Status != vault.Connected {
		t.Fatal("the grant was touched")
	}
	alive, _ := w.stored(ada)
	w.google.RequireReauth(ada, true)
	if _, ok := capability.Needed(w.token(ada, create)); !ok {
		t.Error("a session policy does not ask to sign in again")
	}
	if g, _ := w.stored(ada); !g.RefreshToken.Equal(alive.RefreshToken) || g.Status != vault.Connected {
		t.Error("a session policy ended the grant")
	}
	w.google.RequireReauth(ada, false)
	w.google.RevokeGrant(ada)
	if _, ok := capability.Needed(w.token(ada, create)); !ok {
		t.Error("a dead grant does not ask for consent")
	}
	if g, _ := w.stored(ada); !g.RefreshToken.Equal(alive.RefreshToken) || !g.AccessToken.Empty() || g.Status != vault.Suspended {
		t.Errorf("left: status %s", g.Status)
	}
	before := len(w.google.Calls())
	if _, ok := capability.Needed(w.token(ada, create)); !ok || len(w.google.Calls()) != before {
		t.Error("it was tried again, and not by the sweep")
	}
}

func TestARefreshOfAnotherInstanceIsUsed(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	other := newInstance(w.deps)
	w.ahead.Add(int64(54*time.Minute + 40*time.Second))
	if _, err := other.TokenSource(t.Context(), resource.Person(ada.User()), create); err != nil { // it knows the token of now
		t.Fatal(err)
	}
	w.ahead.Add(int64(40 * time.Second)) // less than five minutes are left
	if err := w.token(ada, create); err != nil {
		t.Fatal(err)
	}
	if _, err := other.TokenSource(t.Context(), resource.Person(ada.User()), create); err != nil {
		t.Fatal(err)
	}
	if got := w.refreshes(); got != 1 {
		t.Errorf("refreshes: got %d, want 1", got)
	}
}

func TestAConsentInAnotherInstanceCountsAtOnce(t *testing.T) {
	w := begin(t)
	chat := newInstance(w.deps) // Chat's events come to one function, the browser to another
	ask := func(c ...capability.Capability) error {
		_, err := chat.TokenSource(t.Context(), resource.Person(ada.User()), c...)
		return err
	}
	if fault.KindOf(ask(create)) != fault.NeedsConsent {
		t.Fatal("a stranger was let in")
	}
	w.connect(ada, create)
	if err := ask(create); err != nil {
		t.Errorf("after the first consent: %v", err)
	}
	if fault.KindOf(ask(create, members)) != fault.NeedsConsent {
		t.Fatal("a scope that was never given was used")
	}
	w.connect(ada, create, members)
	if err := ask(create, members); err != nil {
		t.Errorf("after widening: %v", err)
	}
}

func TestOneWhoGivesUpWaitingDoesNotSpoilTheRefresh(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	w.ahead.Add(int64(2 * time.Hour))
	g := &gate{reached: make(chan struct{}), open: make(chan struct{})}
	w.gate.Store(g)
	ctx, cancel := context.WithCancel(t.Context())
	left, stayed := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := w.TokenSource(ctx, resource.Person(ada.User()), create)
		left <- err
	}()
	<-g.reached
	go func() { stayed <- w.token(ada, create) }()
	cancel()
	if err := <-left; fault.KindOf(err) != fault.Unavailable {
		t.Errorf("the one who left: %v", err)
	}
	close(g.open)
	if err := <-stayed; err != nil {
		t.Errorf("the one who stayed: %v", err)
	}
	if got := w.refreshes(); got != 1 {
		t.Errorf("refreshes: got %d, want 1", got)
	}
}

func TestDisconnectIsNoticedByOtherInstancesWithinAMinute(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	other := newInstance(w.deps)
	if _, err := other.TokenSource(t.Context(), resource.Person(ada.User()), create); err != nil {
		t.Fatal(err)
	}
	done, err := w.Disconnect(t.Context(), resource.Person(ada.User()))
	if err != nil || done.Outcome != grants.Revoked {
		t.Fatalf("got %v, %v", done, err)
	}
	w.ahead.Add(int64(61 * time.Second))
	if _, err := other.TokenSource(t.Context(), resource.Person(ada.User()), create); fault.KindOf(err) != fault.NeedsConsent {
		t.Errorf("got %v", err)
	}
	if done, err := w.Disconnect(t.Context(), resource.Person(ada.User())); err != nil || done.Outcome != grants.NotConnected {
		t.Errorf("again: %v, %v", done, err)
	}
}

func TestAGrantOfAnotherClientIsNotUsed(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	g, _ := w.stored(ada)
	g.ClientID = "an-older-client"
	if _, err := w.deps.Vault.SaveGrant(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	w.instance = newInstance(w.deps)
	if fault.KindOf(w.token(ada, create)) != fault.NeedsConsent {
		t.Error("it was used")
	}
}

func TestAGrantThatDoesNotOpenAlarmsAndAsksAgainAndStaysUntilThen(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	broken := w.spoil(ada, everySeal["altered at its end"])
	w.instance = newInstance(w.deps)
	if err := w.token(ada, create); fault.KindOf(err) != fault.NeedsConsent {
		t.Errorf("got %v", err)
	}
	if !strings.Contains(w.log.String(), "level=ERROR") || !strings.Contains(w.log.String(), "a stored grant does not open") {
		t.Errorf("no alarm: %s", w.log)
	}
	left, err := w.docs.Get(t.Context(), "grants", ada.Sub)
	if err != nil || !cmp.Equal(left.Fields["sealed"], any(broken)) {
		t.Errorf("the ciphertext was touched: %v", err)
	}
	w.connect(ada, create)
	if err := w.token(ada, create); err != nil {
		t.Errorf("after a new consent: %v", err)
	}
}

func TestAnUnknownKeyIsTheOperatorsFaultAndTouchesNothing(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	deps := w.deps
	deps.Keys = newKeys(t)
	deps.Vault = vault.New(w.docs, deps.Keys, deps.Now)
	writes := w.docs.Writes()
	if _, err := newInstance(deps).TokenSource(t.Context(), resource.Person(ada.User()), create); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("got %v", err)
	}
	if got := w.docs.Writes(); got != writes {
		t.Errorf("writes: got %d, want %d", got, writes)
	}
	if !strings.Contains(w.log.String(), "KEYSET lacks a key that is in use") {
		t.Errorf("no alarm: %s", w.log)
	}
}

func TestAnIDTokenOfAnotherConsentIsRefused(t *testing.T) {
	w := begin(t)
	address, err := w.Start(t.Context(), w.invite(ada, answer, create), browser)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(address.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("nonce", "another") // as if the code came from a consent begun elsewhere
	u.RawQuery = q.Encode()
	if _, err := w.Finish(t.Context(), w.allow(u, ada)); fault.KindOf(err) != fault.Unauthenticated {
		t.Errorf("got %v", err)
	}
	if _, ok := w.stored(ada); ok {
		t.Error("a grant is stored")
	}
}

func TestAConsentThatCouldNotBeFinishedOffersAnother(t *testing.T) {
	w := begin(t)
	callback := w.consented(w.invite(ada, answer, create), ada)
	w.google.Fail("token", 503)
	_, err := w.Finish(t.Context(), callback)
	refusal, _ := consent.RefusalIn(err)
	if reason(err) != consent.Unfinished || refusal.Again.Empty() || fault.KindOf(err) != fault.Unavailable {
		t.Errorf("got %v", err)
	}
}

func TestASlowReadDoesNotComeAfterASave(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	slow := &slowDocs{Docs: w.docs, reached: make(chan struct{}), open: make(chan struct{})}
	deps := w.deps
	deps.Vault = vault.New(slow, deps.Keys, deps.Now)
	w.instance = newInstance(deps)
	done := make(chan error, 1)
	go func() {
		_, err := w.Connection(t.Context(), resource.Person(ada.User())) // reads the grant, slowly
		done <- err
	}()
	<-slow.reached
	w.connect(ada, create, members)
	close(slow.open)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := w.token(ada, create, members); err != nil {
		t.Errorf("the older grant came back: %v", err)
	}
}

// slowDocs holds the first read of a grant after it has read.
type slowDocs struct {
	vault.Docs
	once          sync.Once
	reached, open chan struct{}
}

func (s *slowDocs) Get(ctx context.Context, collection vault.Collection, id string) (vault.Doc, error) {
	doc, err := s.Docs.Get(ctx, collection, id)
	first := false
	if collection == "grants" {
		s.once.Do(func() { first = true })
	}
	if first {
		close(s.reached)
		<-s.open
	}
	return doc, err
}

func TestAGenerationGrowsAlsoOverAnErasedGrant(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	w.google.Fail("revoke", 503)
	if done, err := w.Disconnect(t.Context(), resource.Person(ada.User())); err != nil || done.Outcome != grants.RevokeLater {
		t.Fatalf("got %v, %v", done, err)
	}
	if !strings.Contains(w.log.String(), "revocation failed") {
		t.Error("the operator is not told")
	}
	kept, err := w.docs.List(t.Context(), "revocations", "", 1)
	if err != nil || len(kept) != 1 {
		t.Fatalf("%v, %v", kept, err)
	}
	w.ahead.Add(int64(time.Second))
	w.connect(ada, create)
	r, err := w.deps.Vault.Revocations(t.Context(), "", 1)
	if g, _ := w.stored(ada); err != nil || len(r) != 1 || g.Generation <= r[0].Generation {
		t.Error("the new grant looks older than the token that is to be revoked")
	}
}
