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
	browser    = config.NewSecret("a-browser")
	completion = config.NewSecret("https://chat.google.com/api/bot_config_complete?token=t")
)

var ada, grace = google.People()[0], google.People()[1]

var adaID, graceID = resource.Person(ada.User()), resource.Person(grace.User())

// instance is one instance of Deputy.
type instance struct {
	*grants.Grants
	*consent.Flow
	deps grants.Deps
}

func newInstance(d grants.Deps) *instance {
	gs := grants.New(d)
	return &instance{gs, consent.New(gs, d, "https://chat.google.com", "https://mail.google.com"), d}
}

// world is an instance with an emulated Google and an adjustable clock.
type world struct {
	*instance
	t          *testing.T
	google     *google.Server
	server     *httptest.Server // serves google
	gate       atomic.Pointer[gate]
	docs       *vaulttest.Counting
	deps       grants.Deps
	log        *logBuffer
	offset     *atomic.Int64 // of the clock
	unselected string        // a scope that is not allowed at the next consents
	// keyset and lookup are the current keysets; oldKeys are the IDs of replaced keys in them.
	keyset, lookup config.Secret
	oldKeys        []uint32
}

// gate blocks the token endpoint until it is open.
type gate struct {
	once          sync.Once
	reached, open chan struct{}
}

type logBuffer struct {
	mu  sync.Mutex
	buf strings.Builder
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBuffer) String() string { l.mu.Lock(); defer l.mu.Unlock(); return l.buf.String() }

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldOn(t, &memory.Docs{})
}

// publicURL is the address of oauthcallback.
const publicURL = "https://deputy.example.com"

func newWorldOn(t *testing.T, docs vault.Docs) *world {
	t.Helper()
	w := &world{t: t, docs: &vaulttest.Counting{Docs: docs}, log: &logBuffer{}, offset: &atomic.Int64{}}
	now := func() time.Time { return time.Now().Add(time.Duration(w.offset.Load())) }
	w.google = google.New(google.Config{
		ClientID: "client", ClientSecret: "secret", RedirectURIs: []string{publicURL + "/callback"},
		ProjectNumber: "1", AppName: "Deputy", Now: now,
	})
	w.server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if g := w.gate.Load(); g != nil && r.URL.Path == "/token" {
			g.once.Do(func() { close(g.reached) })
			<-g.open
		}
		w.google.Handler().ServeHTTP(rw, r)
	}))
	t.Cleanup(w.server.Close)
	w.deps = newDeps(w.docs, w.newKeys(), w.server.URL, w.log, now)
	w.instance = newInstance(w.deps)
	return w
}

// newDeps returns the dependencies of an instance with this store and with Google at googleAt.
func newDeps(docs vault.Docs, keys *seal.Keys, googleAt string, log io.Writer, now func() time.Time) grants.Deps {
	at := googleauth.Endpoints{
		Authorization: googleAt + "/o/oauth2/v2/auth", Token: googleAt + "/token",
		Revocation: googleAt + "/revoke", Certs: googleAt + "/oauth2/v3/certs",
	}
	client := googleauth.Client{ID: "client", Secret: config.NewSecret("secret")}
	certs := googleauth.NewKeySet(at.Certs, http.DefaultTransport, now)
	return grants.Deps{
		Vault: vault.New(docs, keys, now), Keys: keys,
		Google:   googleauth.NewProvider(at, client, publicURL+"/callback", http.DefaultTransport),
		IDTokens: googleauth.NewVerifier(googleauth.Issuer, "client", certs, now),
		ClientID: "client", Address: publicURL,
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

// giveConsent opens an invitation and allows everything with an account.
func (w *world) giveConsent(invitation config.Secret, account google.Person) consent.Callback {
	w.t.Helper()
	address, err := w.Start(w.t.Context(), invitation, browser)
	if err != nil {
		w.t.Fatal(err)
	}
	u, err := url.Parse(address.Reveal())
	if err != nil {
		w.t.Fatal(err)
	}
	return w.allowAll(u, account)
}

// allowAll allows all scopes on Google's page at u, except w.unselected, with an account.
func (w *world) allowAll(u *url.URL, account google.Person) consent.Callback {
	w.t.Helper()
	page := w.fetch(http.NewRequest(http.MethodGet, u.String(), nil))
	if strings.HasPrefix(page, publicURL) { // Google had nothing to ask
		return w.parseCallback(page)
	}
	_, rest, _ := strings.Cut(page, `name="request" value="`)
	request, _, _ := strings.Cut(rest, `"`)
	form := url.Values{"request": {request}, "account": {account.Sub}, "decision": {"allow"}, "scope": nil}
	for _, scope := range strings.Fields(u.Query().Get("scope")) {
		if scope != w.unselected {
			form.Add("scope", scope)
		}
	}
	r, err := http.NewRequest(http.MethodPost, w.server.URL+"/o/oauth2/v2/consent", strings.NewReader(form.Encode()))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return w.parseCallback(w.fetch(r, nil))
}

// parseCallback returns the parameters of Google's redirect.
func (w *world) parseCallback(address string) consent.Callback {
	w.t.Helper()
	back, err := url.Parse(address)
	if err != nil {
		w.t.Fatal(err)
	}
	q := back.Query()
	return consent.Callback{
		State: config.NewSecret(q.Get("state")), Code: config.NewSecret(q.Get("code")),
		Issuer: q.Get("iss"), BrowserCookie: browser,
	}
}

// fetch returns the body of a page or the location that it redirects to.
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
	out, err := w.Finish(w.t.Context(), w.giveConsent(w.invite(p, completion, c...), p))
	if err == nil && !out.ConsentURL.Empty() { // Google asks again
		u, parseErr := url.Parse(out.ConsentURL.Reveal())
		if parseErr != nil {
			w.t.Fatal(parseErr)
		}
		out, err = w.Finish(w.t.Context(), w.allowAll(u, p))
	}
	if err != nil || !out.ConsentURL.Empty() {
		w.t.Fatalf("%v, asked again: %v", err, !out.ConsentURL.Empty())
	}
	return out
}

// instanceWith returns another instance on the same store, with changed dependencies.
func (w *world) instanceWith(change func(*grants.Deps)) *instance {
	deps := w.deps
	change(&deps)
	return newInstance(deps)
}

// corruptSeal changes the sealed field of a stored grant and returns it.
func (w *world) corruptSeal(p google.Person, corrupt func([]byte) []byte) []byte {
	w.t.Helper()
	doc, err := w.docs.Get(w.t.Context(), "grants", p.Sub)
	check(w.t, err)
	sealed, _ := doc.Fields["sealed"].([]byte)
	doc.Fields["sealed"] = corrupt(sealed)
	_, err = w.docs.Replace(w.t.Context(), "grants", p.Sub, doc.Fields, doc.Version)
	check(w.t, err)
	return doc.Fields["sealed"].([]byte)
}

// storedGrant returns a person's grant from the store.
func (w *world) storedGrant(p google.Person) (vault.Grant, bool) {
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

func (w *world) refreshCount() int {
	n := 0
	for _, c := range w.google.Calls() {
		if c.Detail == "refresh_token" {
			n++
		}
	}
	return n
}

func refusalReason(err error) consent.Reason {
	if r, ok := consent.AsRefusal(err); ok {
		return r.Reason
	}
	return ""
}

func TestFinish_StoresGrantAndReturnsToChat(t *testing.T) {
	w := newWorld(t)
	out := w.connect(ada, create)
	if !out.ReturnTo.Equal(completion) || out.Email != "ada@example.com" || len(out.Missing) != 0 {
		t.Errorf("got %+v", out)
	}
	g, _ := w.storedGrant(ada)
	want := []string{"email", "https://www.googleapis.com/auth/chat.spaces.create", "openid"}
	diff := cmp.Diff(want, g.Scopes)
	if diff != "" || g.Generation == 0 || g.Domain != "example.com" || g.RefreshToken.Empty() {
		t.Errorf("grant: generation %d, domain %s; %s", g.Generation, g.Domain, diff)
	}
	if err := w.token(ada, create); err != nil {
		t.Error(err)
	}
	needs, ok := capability.AsConsentError(w.token(ada, create, members))
	if !ok || !cmp.Equal(needs.Missing, []capability.Capability{members}) || needs.Declined {
		t.Errorf("got %+v", needs)
	}
	needs, ok = capability.AsConsentError(w.token(grace, create))
	if !ok || !cmp.Equal(needs.Missing, []capability.Capability{create}) {
		t.Errorf("a person without a grant: got %+v", needs)
	}
}

func TestFinish_OpenRedirect(t *testing.T) {
	w := newWorld(t)
	for _, address := range []string{
		"https://evil.example/x", "http://chat.google.com/x", "https://chat.google.com.evil.example/x",
		"https://chat.google.com@evil.example/x", "https://user@chat.google.com/x", "https://CHAT.google.com/x",
		"https://chat.google.com:444/x", "https://chat.google.com%2eevil.example/x", "//chat.google.com/x",
		"https:chat.google.com", "javascript:alert(1)", `https://chat.google.com\@evil.example/x`,
		"https://evil.example#https://chat.google.com", "https://chat.goog1e.com/x",
		"https://sub.chat.google.com/x", " https://chat.google.com/x",
	} {
		out, err := w.Finish(t.Context(), w.giveConsent(w.invite(ada, config.NewSecret(address), create), ada))
		if err != nil || !out.ReturnTo.Empty() {
			t.Errorf("%s: returns there, or %v", address, err)
		}
	}
	mail := config.NewSecret("https://mail.google.com/chat?x=1")
	out, err := w.Finish(t.Context(), w.giveConsent(w.invite(ada, mail, create), ada))
	if err != nil || out.ReturnTo.Empty() {
		t.Errorf("mail.google.com: %v", err)
	}
}

func TestInvite_Expiry(t *testing.T) {
	w := newWorld(t)
	invitation := w.invite(ada, completion, create)
	w.offset.Add(int64(61 * time.Minute))
	out, err := w.Finish(t.Context(), w.giveConsent(invitation, ada))
	if err != nil || !out.ReturnTo.Empty() {
		t.Errorf("after an hour: %+v, %v", out, err)
	}
	w.offset.Add(int64(23 * time.Hour))
	if _, err := w.Start(t.Context(), invitation, browser); refusalReason(err) != consent.LinkExpired {
		t.Errorf("after a day: %v", err)
	}
}

func TestStart_ForgedInvitation(t *testing.T) {
	w := newWorld(t)
	good := w.invite(ada, completion, create).Reveal()
	content := []byte(`{"p":"users/1","e":"2999-01-01T00:00:00Z"}`)
	other, err := newKeys(t).Seal(content, seal.Place{Purpose: "invitation"})
	if err != nil {
		t.Fatal(err)
	}
	button, err := w.deps.Keys.Seal(content, seal.Place{Purpose: "button"})
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	for name, text := range map[string]string{
		"altered": good[:len(good)-4] + "AAAA", "truncated": good[:20], "empty": "", "not base64url": "%",
		"other purpose": encode(button), "other keyset": encode(other),
	} {
		if _, err := w.Start(t.Context(), config.NewSecret(text), browser); refusalReason(err) != consent.LinkExpired {
			t.Errorf("%s: %v", name, err)
		}
	}
	if strings.Contains(w.log.String(), "level=ERROR") {
		t.Errorf("a forged link raises an alarm: %s", w.log)
	}
	if got := w.docs.Writes(); got != 0 {
		t.Errorf("writes: got %d, want 0", got)
	}
}

func TestFinish_InvalidCallback(t *testing.T) {
	type callback = consent.Callback
	for name, c := range map[string]struct {
		account google.Person
		change  func(*callback)
		want    consent.Reason
	}{
		"other account": {grace, func(*callback) {}, consent.WrongAccount},
		"other browser": {ada, func(c *callback) { c.BrowserCookie = config.NewSecret("other") }, consent.OtherBrowser},
		"no cookie":     {ada, func(c *callback) { c.BrowserCookie = config.Secret{} }, consent.OtherBrowser},
		"other state": {ada, func(c *callback) {
			c.State = config.NewSecret(c.State.Reveal() + "x")
		}, consent.LinkExpired},
		"no state":     {ada, func(c *callback) { c.State = config.Secret{} }, consent.LinkExpired},
		"other issuer": {ada, func(c *callback) { c.Issuer = "https://accounts.google.com/" }, consent.GoogleRefused},
		"declined": {ada, func(c *callback) {
			c.Code, c.Error = config.Secret{}, "access_denied"
		}, consent.Declined},
		"Google error": {ada, func(c *callback) { c.Error = "server_error" }, consent.GoogleRefused},
		"no code":      {ada, func(c *callback) { c.Code = config.Secret{} }, consent.GoogleRefused},
		"other code":   {ada, func(c *callback) { c.Code = config.NewSecret("4/0Aother") }, consent.GoogleRefused},
	} {
		w := newWorld(t)
		callback := w.giveConsent(w.invite(ada, completion, create), c.account)
		c.change(&callback)
		if out, err := w.Finish(t.Context(), callback); refusalReason(err) != c.want || out.Person != "" {
			t.Errorf("%s: got %+v, %v", name, out, err)
		}
		for _, p := range []google.Person{ada, grace} {
			if _, ok := w.storedGrant(p); ok {
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

func TestFinish_InjectedCode(t *testing.T) {
	w := newWorld(t)
	first := w.giveConsent(w.invite(ada, completion, create), ada)
	second := w.giveConsent(w.invite(ada, completion, create, members), ada)
	first.Code = second.Code // which belongs to another PKCE verifier
	if _, err := w.Finish(t.Context(), first); refusalReason(err) != consent.GoogleRefused {
		t.Errorf("got %v", err)
	}
}

func TestFinish_OtherClient(t *testing.T) {
	w := newWorld(t)
	deps := w.deps
	certs := googleauth.NewKeySet(w.server.URL+"/oauth2/v3/certs", http.DefaultTransport, deps.Now)
	// The ID token is for "client".
	deps.IDTokens = googleauth.NewVerifier(googleauth.Issuer, "another-client", certs, deps.Now)
	w.instance = newInstance(deps)
	_, err := w.Finish(t.Context(), w.giveConsent(w.invite(ada, completion, create), ada))
	if fault.KindOf(err) != fault.Unauthenticated {
		t.Errorf("got %v", err)
	}
	if _, ok := w.storedGrant(ada); ok {
		t.Error("a grant is stored")
	}
}

func TestInvite_ByEmail(t *testing.T) {
	w := newWorld(t)
	invite := func() config.Secret {
		link, err := w.Invite(t.Context(), "Ada@Example.com", config.Secret{}, create)
		if err != nil {
			t.Fatal(err)
		}
		_, text, _ := strings.Cut(link.Reveal(), "invitation=")
		return config.NewSecret(text)
	}
	if _, err := w.Finish(t.Context(), w.giveConsent(invite(), grace)); refusalReason(err) != consent.WrongAccount {
		t.Errorf("other account: %v", err)
	}
	if _, err := w.FindByEmail(t.Context(), "ada@example.com"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("before: %v", err)
	}
	out, err := w.Finish(t.Context(), w.giveConsent(invite(), ada))
	if err != nil || out.Person != adaID {
		t.Fatalf("got %+v, %v", out, err)
	}
	if found, err := w.FindByEmail(t.Context(), "ADA@example.com"); err != nil || found != adaID {
		t.Errorf("after: %s, %v", found, err)
	}
	if _, err := w.FindByEmail(t.Context(), "grace@example.com"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("other address: %v", err)
	}
}

func TestFinish_DomainNotAllowed(t *testing.T) {
	w := newWorld(t)
	deps := w.deps
	deps.Domains = []string{"other.example"}
	w.instance = newInstance(deps)
	_, err := w.Finish(t.Context(), w.giveConsent(w.invite(ada, completion, create), ada))
	if refusalReason(err) != consent.WrongDomain {
		t.Errorf("got %v", err)
	}
	if _, ok := w.storedGrant(ada); ok {
		t.Error("a grant is stored")
	}
}

func TestConnect_Widening(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	before, _ := w.storedGrant(ada)
	w.connect(ada, create, members)
	after, _ := w.storedGrant(ada)
	sameToken := after.RefreshToken.Equal(before.RefreshToken)
	if after.Generation <= before.Generation || sameToken || !after.ConnectedAt.Equal(before.ConnectedAt) {
		t.Errorf("generation %d after %d; same token: %v", after.Generation, before.Generation, sameToken)
	}
	if err := w.token(ada, create, members); err != nil {
		t.Error(err)
	}
	// Nothing new is requested: Google sends no refresh token, and the stored one stays.
	w.connect(ada, create)
	if again, _ := w.storedGrant(ada); !again.RefreshToken.Equal(after.RefreshToken) {
		t.Error("the refresh token was replaced by nothing")
	}
}

func TestTokenSource_InvalidGrantSuspends(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	w.offset.Add(int64(2 * time.Hour))
	w.google.Fail("token", 500, 503, 429) // the first attempt and two retries
	if err := w.token(ada, create); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("got %v", err)
	}
	if g, _ := w.storedGrant(ada); g.RefreshToken.Empty() || g.Status != vault.Connected {
		t.Fatal("the grant has changed")
	}
	before, _ := w.storedGrant(ada)
	w.google.RequireReauth(ada, true)
	if _, ok := capability.AsConsentError(w.token(ada, create)); !ok {
		t.Error("a session policy does not require a sign-in")
	}
	if g, _ := w.storedGrant(ada); !g.RefreshToken.Equal(before.RefreshToken) || g.Status != vault.Connected {
		t.Error("a session policy ended the grant")
	}
	w.google.RequireReauth(ada, false)
	w.google.RevokeGrant(ada)
	if _, ok := capability.AsConsentError(w.token(ada, create)); !ok {
		t.Error("a revoked grant does not require consent")
	}
	g, _ := w.storedGrant(ada)
	if !g.RefreshToken.Equal(before.RefreshToken) || !g.AccessToken.Empty() || g.Status != vault.Suspended {
		t.Errorf("got status %s", g.Status)
	}
	calls := len(w.google.Calls())
	if _, ok := capability.AsConsentError(w.token(ada, create)); !ok || len(w.google.Calls()) != calls {
		t.Error("a suspended grant was refreshed outside the sweep")
	}
}

func TestTokenSource_RefreshInOtherInstance(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	other := newInstance(w.deps)
	w.offset.Add(int64(54*time.Minute + 40*time.Second))
	if _, err := other.TokenSource(t.Context(), adaID, create); err != nil { // caches the current token
		t.Fatal(err)
	}
	w.offset.Add(int64(40 * time.Second)) // less than five minutes are left
	if err := w.token(ada, create); err != nil {
		t.Fatal(err)
	}
	if _, err := other.TokenSource(t.Context(), adaID, create); err != nil {
		t.Fatal(err)
	}
	if got := w.refreshCount(); got != 1 {
		t.Errorf("refreshes: got %d, want 1", got)
	}
}

func TestTokenSource_ConsentInOtherInstance(t *testing.T) {
	w := newWorld(t)
	chat := newInstance(w.deps) // one function receives Chat's events, another serves the browser
	token := func(c ...capability.Capability) error {
		_, err := chat.TokenSource(t.Context(), adaID, c...)
		return err
	}
	if fault.KindOf(token(create)) != fault.NeedsConsent {
		t.Fatal("got a token without a grant")
	}
	w.connect(ada, create)
	if err := token(create); err != nil {
		t.Errorf("after the first consent: %v", err)
	}
	if fault.KindOf(token(create, members)) != fault.NeedsConsent {
		t.Fatal("got a token for a scope that was not granted")
	}
	w.connect(ada, create, members)
	if err := token(create, members); err != nil {
		t.Errorf("after widening: %v", err)
	}
}

func TestRefresh_CanceledWaiter(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	w.offset.Add(int64(2 * time.Hour))
	g := &gate{reached: make(chan struct{}), open: make(chan struct{})}
	w.gate.Store(g)
	ctx, cancel := context.WithCancel(t.Context())
	canceled, waiting := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := w.TokenSource(ctx, adaID, create)
		canceled <- err
	}()
	<-g.reached
	go func() { waiting <- w.token(ada, create) }()
	cancel()
	if err := <-canceled; fault.KindOf(err) != fault.Unavailable {
		t.Errorf("canceled request: %v", err)
	}
	close(g.open)
	if err := <-waiting; err != nil {
		t.Errorf("waiting request: %v", err)
	}
	if got := w.refreshCount(); got != 1 {
		t.Errorf("refreshes: got %d, want 1", got)
	}
}

func TestDisconnect_OtherInstance(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	other := newInstance(w.deps)
	if _, err := other.TokenSource(t.Context(), adaID, create); err != nil {
		t.Fatal(err)
	}
	done, err := w.Disconnect(t.Context(), adaID)
	if err != nil || done.Outcome != grants.Revoked {
		t.Fatalf("got %v, %v", done, err)
	}
	w.offset.Add(int64(61 * time.Second))
	if _, err := other.TokenSource(t.Context(), adaID, create); fault.KindOf(err) != fault.NeedsConsent {
		t.Errorf("got %v", err)
	}
	if done, err := w.Disconnect(t.Context(), adaID); err != nil || done.Outcome != grants.NotConnected {
		t.Errorf("again: %v, %v", done, err)
	}
}

func TestTokenSource_OtherClientsGrant(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	g, _ := w.storedGrant(ada)
	g.ClientID = "an-older-client"
	if _, err := w.deps.Vault.SaveGrant(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	w.instance = newInstance(w.deps)
	if fault.KindOf(w.token(ada, create)) != fault.NeedsConsent {
		t.Error("another client's grant was used")
	}
}

func TestTokenSource_TamperedGrant(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	broken := w.corruptSeal(ada, brokenSeals["altered last byte"])
	w.instance = newInstance(w.deps)
	if err := w.token(ada, create); fault.KindOf(err) != fault.NeedsConsent {
		t.Errorf("got %v", err)
	}
	log := w.log.String()
	if !strings.Contains(log, "level=ERROR") || !strings.Contains(log, "a stored grant does not open") {
		t.Errorf("no alarm: %s", log)
	}
	left, err := w.docs.Get(t.Context(), "grants", ada.Sub)
	if err != nil || !cmp.Equal(left.Fields["sealed"], any(broken)) {
		t.Errorf("the ciphertext has changed: %v", err)
	}
	w.connect(ada, create)
	if err := w.token(ada, create); err != nil {
		t.Errorf("after a new consent: %v", err)
	}
}

func TestTokenSource_UnknownKey(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	deps := w.deps
	deps.Keys = newKeys(t)
	deps.Vault = vault.New(w.docs, deps.Keys, deps.Now)
	writes := w.docs.Writes()
	_, err := newInstance(deps).TokenSource(t.Context(), adaID, create)
	if fault.KindOf(err) != fault.Unavailable {
		t.Errorf("got %v", err)
	}
	if got := w.docs.Writes(); got != writes {
		t.Errorf("writes: got %d, want %d", got, writes)
	}
	if !strings.Contains(w.log.String(), "KEYSET lacks a key that is in use") {
		t.Errorf("no alarm: %s", w.log)
	}
}

func TestFinish_ReplayedIDToken(t *testing.T) {
	w := newWorld(t)
	address, err := w.Start(t.Context(), w.invite(ada, completion, create), browser)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(address.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("nonce", "another") // as if the ID token came from another consent
	u.RawQuery = q.Encode()
	if _, err := w.Finish(t.Context(), w.allowAll(u, ada)); fault.KindOf(err) != fault.Unauthenticated {
		t.Errorf("got %v", err)
	}
	if _, ok := w.storedGrant(ada); ok {
		t.Error("a grant is stored")
	}
}

func TestFinish_GoogleUnavailable(t *testing.T) {
	w := newWorld(t)
	callback := w.giveConsent(w.invite(ada, completion, create), ada)
	w.google.Fail("token", 503)
	_, err := w.Finish(t.Context(), callback)
	refusal, _ := consent.AsRefusal(err)
	if refusalReason(err) != consent.Unfinished || refusal.RetryLink.Empty() || fault.KindOf(err) != fault.Unavailable {
		t.Errorf("got %v", err)
	}
}

func TestCache_SlowRead(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	slow := &slowReadDocs{Docs: w.docs, reached: make(chan struct{}), open: make(chan struct{})}
	deps := w.deps
	deps.Vault = vault.New(slow, deps.Keys, deps.Now)
	w.instance = newInstance(deps)
	done := make(chan error, 1)
	go func() {
		_, err := w.Connection(t.Context(), adaID) // blocks after reading the grant
		done <- err
	}()
	<-slow.reached
	w.connect(ada, create, members)
	close(slow.open)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := w.token(ada, create, members); err != nil {
		t.Errorf("the older grant replaced the newer one: %v", err)
	}
}

// slowReadDocs blocks the first read of a grant after it has read.
type slowReadDocs struct {
	vault.Docs
	once          sync.Once
	reached, open chan struct{}
}

func (s *slowReadDocs) Get(ctx context.Context, collection vault.Collection, id string) (vault.Doc, error) {
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

func TestConnect_GenerationAfterErasure(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	w.google.Fail("revoke", 503)
	if done, err := w.Disconnect(t.Context(), adaID); err != nil || done.Outcome != grants.RevokeLater {
		t.Fatalf("got %v, %v", done, err)
	}
	if !strings.Contains(w.log.String(), "revocation failed") {
		t.Error("the failure is not logged")
	}
	kept, err := w.docs.List(t.Context(), "revocations", "", 1)
	if err != nil || len(kept) != 1 {
		t.Fatalf("%v, %v", kept, err)
	}
	w.offset.Add(int64(time.Second))
	w.connect(ada, create)
	r, err := w.deps.Vault.Revocations(t.Context(), "", 1)
	if g, _ := w.storedGrant(ada); err != nil || len(r) != 1 || g.Generation <= r[0].Generation {
		t.Error("the new grant's generation is not above the pending revocation's")
	}
}
