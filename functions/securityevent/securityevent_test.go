package securityevent_test

import (
	"bytes"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/deputy/emulator/google"
	"example.com/deputy/functions/securityevent"
	"example.com/deputy/internal/vaulttest"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/logging"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/serve"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/vault/memory"
)

const (
	risc  = "https://schemas.openid.net/secevent/risc/event-type/"
	oauth = "https://schemas.openid.net/secevent/oauth/event-type/"
)

var token = config.NewSecret("1//0marked-refresh-token-of-ada3") // its hash has + and / in base64

var ada, grace = google.People()[0], google.People()[1]

// env is the function with an emulated Google and a store that has grants of Ada and Grace.
type env struct {
	t       testing.TB
	google  *google.Server
	handler http.Handler
	vault   *vault.Vault // with keys, to check the function's effects
	docs    *vaulttest.Faulty
	inject  func(context.Context, vaulttest.Call) error
	log     bytes.Buffer
	mu      sync.Mutex
	ahead   time.Duration // of the real time
}

func (e *env) now() time.Time { return time.Now().Add(e.ahead) }

func (e *env) Write(p []byte) (int, error) { e.mu.Lock(); defer e.mu.Unlock(); return e.log.Write(p) }

// text returns the log.
func (e *env) text() string { e.mu.Lock(); defer e.mu.Unlock(); return e.log.String() }

func newEnv(t testing.TB) *env {
	t.Helper()
	e := &env{t: t, inject: func(context.Context, vaulttest.Call) error { return nil }}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		e.google.Handler().ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	e.google = google.New(google.Config{
		ClientID: "client", ClientSecret: "s", CertsAddress: server.URL + "/oauth2/v3/certs", Now: e.now,
	})
	keyset, lookup, err := seal.Generate()
	check(t, err)
	keys, err := seal.New(keyset, lookup, "project", "client")
	check(t, err)
	e.docs = &vaulttest.Faulty{Docs: &memory.Docs{}, Inject: func(ctx context.Context, c vaulttest.Call) error {
		return e.inject(ctx, c)
	}}
	e.vault = vault.New(e.docs, keys, e.now)
	other := config.NewSecret("1//0another-refresh-token")
	for person, token := range map[google.Person]config.Secret{ada: token, grace: other} {
		_, err := e.vault.SaveGrant(t.Context(), vault.Grant{
			Person: resource.Person(person.User()), ClientID: "client", Status: vault.Connected,
			ConnectedAt: e.now().Add(-time.Hour), SignedInAt: e.now().Add(-time.Hour), RefreshToken: token,
			AccessToken: config.NewSecret("ya29.x"), AccessExpiry: e.now().Add(time.Hour),
		})
		check(t, err)
	}
	clients := []string{"older-client", "client"}
	e.handler = securityevent.New(securityevent.Deps{
		Vault: vault.New(e.docs, nil, e.now),
		Tokens: googleauth.NewEventVerifier(
			server.URL+"/.well-known/risc-configuration", clients, http.DefaultTransport, e.now),
		Log: logging.NewText(e),
	})
	return e
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// post posts a token as Google does.
func (e *env) post(token string) *httptest.ResponseRecorder {
	e.t.Helper()
	r := httptest.NewRequestWithContext(e.t.Context(), http.MethodPost, "/", strings.NewReader(token))
	r.Header.Set("Content-Type", "application/secevent+jwt")
	response := httptest.NewRecorder()
	e.handler.ServeHTTP(response, r)
	return response
}

func (e *env) mustAccept(token string) {
	e.t.Helper()
	if got := e.post(token); got.Code != http.StatusAccepted || got.Body.Len() != 0 {
		e.t.Errorf("got %d %q, want 202 and no body", got.Code, got.Body)
	}
}

func (e *env) grant(p google.Person) (vault.Grant, bool) {
	e.t.Helper()
	g, err := e.vault.Grant(e.t.Context(), resource.Person(p.User()))
	if err != nil && fault.KindOf(err) != fault.NotFound {
		e.t.Fatal(err)
	}
	return g, err == nil
}

// marks returns the names of the marks that are set.
func marks(g vault.Grant) string {
	var out []string
	for _, m := range []struct {
		name string
		at   time.Time
	}{{"revokedAt", g.RevokedAt}, {"sessionsAt", g.SessionsEndedAt}, {"askAt", g.RecheckAt}} {
		if !m.at.IsZero() {
			out = append(out, m.name)
		}
	}
	return strings.Join(out, " ")
}

type object = map[string]any

// events returns the claims of a token with one event.
func events(kind string, event any) object { return object{"events": object{kind: event}} }

// subject identifies Ada as Google does.
func subject() object {
	return object{"subject": object{
		"subject_type": "iss-sub", "iss": "https://accounts.google.com/", "sub": ada.Sub,
	}}
}

func tokenEvent(algorithm, value string) object {
	return events(oauth+"token-revoked", object{"subject": object{
		"subject_type": "oauth_token", "token_type": "refresh_token", "token_identifier_alg": algorithm, "token": value,
	}})
}

func TestReceive_EventTypes(t *testing.T) {
	inner := sha512.Sum512([]byte(token.Reveal()))
	raw, hexForm := sha512.Sum512(inner[:]), sha512.Sum512([]byte(hex.EncodeToString(inner[:])))
	about := func(kind string, more object) func(*env) string {
		return func(e *env) string { return e.google.SignSecurityEvent(kind, ada, more) }
	}
	byToken := func(algorithm, value string) func(*env) string {
		return func(e *env) string { return e.google.SignEvent(tokenEvent(algorithm, value)) }
	}
	byHash := func(encoding *base64.Encoding, hash [sha512.Size]byte) func(*env) string {
		return byToken("hash_base64_sha512_sha512", encoding.EncodeToString(hash[:]))
	}
	const (
		revoked   = "revokedAt"
		sessions  = "sessionsAt askAt"
		ask       = "askAt"
		unchanged = ""
	)
	for name, c := range map[string]struct {
		token func(*env) string
		want  string // marks that are set
	}{
		"tokens-revoked":                 {about(oauth+"tokens-revoked", nil), revoked},
		"token-revoked, prefix":          {byToken("prefix", token.Reveal()[:16]), revoked},
		"token-revoked, hash":            {byHash(base64.StdEncoding, raw), revoked},
		"token-revoked, hash of hex":     {byHash(base64.StdEncoding, hexForm), revoked},
		"token-revoked, hash, base64url": {byHash(base64.RawURLEncoding, raw), revoked},
		"token-revoked, unknown token":   {byToken("prefix", "1//0unknown-toke"), unchanged},
		"token-revoked, no token":        {byToken("prefix", ""), unchanged},
		"token-revoked, other algorithm": {byToken("rot13", token.Reveal()[:16]), unchanged},
		"account-disabled":               {about(risc+"account-disabled", object{"reason": "bulk-account"}), revoked},
		"account-disabled, hijacked":     {about(risc+"account-disabled", object{"reason": "hijacking"}), revoked},
		"account-purged":                 {about(risc+"account-purged", nil), revoked},
		"sessions-revoked":               {about(risc+"sessions-revoked", nil), sessions},
		"credential-change-required":     {about(risc+"account-credential-change-required", nil), ask},
		"account-enabled":                {about(risc+"account-enabled", nil), unchanged},
		"verification": {func(e *env) string {
			return e.google.SignEvent(events(risc+"verification", object{"state": "x"}))
		}, unchanged},
		"unknown type": {about("https://schemas.openid.net/secevent/new", nil), unchanged},
		"subject of Google, no scheme": {about(oauth+"tokens-revoked", object{"subject": object{
			"subject_type": "iss-sub", "iss": "accounts.google.com", "sub": ada.Sub,
		}}), revoked},
		"subject of another issuer": {about(oauth+"tokens-revoked", object{"subject": object{
			"subject_type": "iss-sub", "iss": "https://evil.example", "sub": ada.Sub,
		}}), unchanged},
		"subject with email only": {about(oauth+"tokens-revoked", object{"subject": object{
			"subject_type": "id_token_claims", "iss": "https://accounts.google.com/", "email": ada.Email,
		}}), unchanged},
		"not an object": {func(e *env) string {
			return e.google.SignEvent(events(oauth+"tokens-revoked", "x"))
		}, unchanged},
		"unknown person": {func(e *env) string {
			return e.google.SignSecurityEvent(oauth+"tokens-revoked", google.Person{Sub: "7"}, nil)
		}, unchanged},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t)
			e.mustAccept(c.token(e))
			g, _ := e.grant(ada)
			if got := marks(g); got != c.want || !g.RefreshToken.Equal(token) {
				t.Errorf("marks %q, want %q", got, c.want)
			}
			if due := !g.Due.IsZero(); due != (c.want != unchanged) {
				t.Errorf("due for the sweep: %v", due)
			}
			if g, _ := e.grant(grace); marks(g) != unchanged {
				t.Error("another person's grant changed")
			}
			if strings.Contains(e.log.String(), token.Reveal()[:16]) {
				t.Errorf("the token is in the log: %s", e.log.String())
			}
		})
	}
}

func TestReceive_ForgedToken(t *testing.T) {
	signed := func(change object) func(*env) string {
		return func(e *env) string { return e.event(oauth+"tokens-revoked", change) }
	}
	for name, c := range map[string]struct {
		token func(*env) string
		err   string
	}{
		"empty":    {func(*env) string { return "" }, "invalid_request"},
		"no token": {func(*env) string { return "{}" }, "invalid_request"},
		"alg none": {func(*env) string { return "eyJhbGciOiJub25lIn0.e30." }, "invalid_request"},
		"Chat's key": {func(e *env) string {
			claims := events(oauth+"tokens-revoked", subject())
			claims["iss"], claims["aud"] = "https://accounts.google.com/", "client"
			return e.google.SignChat(claims)
		}, "invalid_key"},
		"altered signature": {func(e *env) string {
			s := signed(nil)(e)
			return s[:len(s)-6] + "AAAAAA"
		}, "authentication_failed"},
		"ID token":             {signed(object{"iss": "https://accounts.google.com"}), "invalid_issuer"},
		"another client":       {signed(object{"aud": "another"}), "invalid_audience"},
		"no audience":          {signed(object{"aud": nil}), "invalid_audience"},
		"no jti":               {signed(object{"jti": nil}), "invalid_request"},
		"no iat":               {signed(object{"iat": nil}), "invalid_request"},
		"no events":            {signed(object{"events": nil}), "invalid_request"},
		"invalid claims":       {signed(object{"events": "x"}), "invalid_request"},
		"larger than 64 KiB":   {signed(object{"padding": strings.Repeat("x", 64<<10)}), "invalid_request"},
		"list without our aud": {signed(object{"aud": []string{"a", "b"}}), "invalid_audience"},
		"invalid audience":     {signed(object{"aud": 7}), "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t)
			got := e.post(c.token(e))
			var body struct{ Err, Description string }
			err := json.Unmarshal(got.Body.Bytes(), &body)
			if err != nil || got.Code != http.StatusBadRequest || body.Err != c.err || body.Description == "" ||
				got.Header().Get("Content-Type") != "application/json" {
				t.Errorf("got %d %s, want 400 and %s", got.Code, got.Body, c.err)
			}
			const text = "not a security event token from Google"
			if (body.Description == text) != (c.err == "invalid_request") {
				t.Errorf("description: %q", body.Description)
			}
			if g, _ := e.grant(ada); marks(g) != "" {
				t.Error("the grant changed")
			}
		})
	}
}

func TestReceive_SeveralAudiencesNoExpiry(t *testing.T) {
	e := newEnv(t)
	claims := events(risc+"verification", object{})
	claims["aud"] = []string{"another", "client"}
	e.mustAccept(e.google.SignEvent(claims))
}

func TestReceive_VerificationStateInLog(t *testing.T) {
	e := newEnv(t)
	state := strings.Repeat("x", 64) + "é and more"
	e.mustAccept(e.google.SignEvent(events(risc+"verification", object{"state": state})))
	if log := e.log.String(); !strings.Contains(log, "state="+strings.Repeat("x", 64)+" ") {
		t.Errorf("log: %s", log)
	}
}

func issuedAt(t time.Time) object { return object{"iat": t.Unix()} }

// event returns a signed token with an event about Ada. change replaces claims; nil removes one.
func (e *env) event(kind string, change object) string {
	claims := events(kind, subject())
	maps.Copy(claims, change)
	return e.google.SignEvent(claims)
}

func TestReceive_SentTwice(t *testing.T) {
	e := newEnv(t)
	event := e.event(risc+"sessions-revoked", nil)
	e.mustAccept(event)
	g, _ := e.grant(ada)
	writes := e.docs.Calls()
	e.mustAccept(event)
	if again, _ := e.grant(ada); !again.SessionsEndedAt.Equal(g.SessionsEndedAt) || e.docs.Calls()-writes > 4 {
		t.Errorf("sessions revoked at %v, then %v; %d calls", g.SessionsEndedAt, again.SessionsEndedAt,
			e.docs.Calls()-writes)
	}
}

func TestReceive_OutOfOrder(t *testing.T) {
	e := newEnv(t)
	late, early := e.now().Add(-time.Minute), e.now().Add(-30*time.Minute)
	e.mustAccept(e.event(oauth+"tokens-revoked", issuedAt(late)))
	e.mustAccept(e.event(oauth+"tokens-revoked", issuedAt(early)))
	if g, _ := e.grant(ada); g.RevokedAt.Unix() != late.Unix() {
		t.Errorf("revoked at %v, want %v", g.RevokedAt, late)
	}
}

func TestReceive_FutureEvent(t *testing.T) {
	e := newEnv(t)
	e.mustAccept(e.event(oauth+"tokens-revoked", issuedAt(e.now().Add(240*time.Hour))))
	if g, _ := e.grant(ada); g.RevokedAt.IsZero() || g.RevokedAt.After(e.now()) {
		t.Errorf("revoked at %v, which would revoke later consents", g.RevokedAt)
	}
}

func TestReceive_UnknownPerson(t *testing.T) {
	e := newEnv(t)
	e.mustAccept(e.google.SignSecurityEvent(oauth+"tokens-revoked", google.Person{Sub: "7"}, nil))
	if grants, err := e.docs.List(t.Context(), "grants", "", 10); err != nil || len(grants) != 2 {
		t.Errorf("%d grants, %v", len(grants), err)
	}
}

func TestReceive_WithoutKeys(t *testing.T) {
	e := newEnv(t)
	e.corruptGrant()
	e.mustAccept(e.event(oauth+"tokens-revoked", nil))
	doc, err := e.docs.Get(t.Context(), "grants", ada.Sub)
	check(t, err)
	if doc.Fields["revokedAt"] == nil {
		t.Error("a record that cannot be opened was not marked")
	}
}

// corruptGrant makes Ada's record impossible to open.
func (e *env) corruptGrant() {
	e.t.Helper()
	doc, err := e.docs.Get(e.t.Context(), "grants", ada.Sub)
	check(e.t, err)
	doc.Fields["sealed"] = []byte("of no key")
	_, err = e.docs.Replace(e.t.Context(), "grants", ada.Sub, doc.Fields, doc.Version)
	check(e.t, err)
}

func TestReceive_OlderAndUnknownClient(t *testing.T) {
	e := newEnv(t)
	e.mustAccept(e.event(oauth+"tokens-revoked", object{"aud": "older-client"}))
	if g, _ := e.grant(ada); g.RevokedAt.IsZero() {
		t.Error("event for an older client was ignored")
	}
	e.post(e.event(oauth+"tokens-revoked", object{"aud": "yet-another"}))
	log := e.log.String()
	if !strings.Contains(log, "not in OAUTH_CLIENT_ID") || strings.Contains(log, "alarm=") {
		t.Errorf("log: %s", log)
	}
}

func TestReceive_DuplicateName(t *testing.T) {
	e := newEnv(t)
	const subject = `{"iss":"https://accounts.google.com/","sub":"`
	for name, text := range map[string]string{
		"twice":      `{"subject":` + subject + grace.Sub + `"},"subject":` + subject + ada.Sub + `"}}`,
		"upper case": `{"SUBJECT":` + subject + ada.Sub + `"}}`,
	} {
		e.post(e.google.SignEvent(events(oauth+"tokens-revoked", json.RawMessage(text))))
		if g, _ := e.grant(ada); marks(g) != "" {
			t.Errorf("%s: the grant changed", name)
		}
	}
}

func TestReceive_SlashInSub(t *testing.T) {
	e := newEnv(t)
	for _, sub := range []string{"1/acts/2", "../grants/1", "", strings.Repeat("1", 256)} {
		got := e.post(e.google.SignSecurityEvent(oauth+"tokens-revoked", google.Person{Sub: sub}, nil))
		if got.Code != http.StatusAccepted {
			t.Errorf("%.20s: got %d, want 202", sub, got.Code)
		}
	}
}

func TestReceive_StoreFails(t *testing.T) {
	byToken := func(e *env) string { return e.google.SignEvent(tokenEvent("prefix", token.Reveal()[:16])) }
	bySubject := func(e *env) string { return e.google.SignSecurityEvent(oauth+"tokens-revoked", ada, nil) }
	for name, sign := range map[string]func(*env) string{"by token": byToken, "by subject": bySubject} {
		t.Run(name, func(t *testing.T) {
			calls := 1
			for failsAt(t, sign, calls, false) && failsAt(t, sign, calls, true) {
				calls++
			}
			if calls < 3 {
				t.Errorf("only %d calls: the test doesn't reach the store", calls-1)
			}
		})
	}
}

// failsAt posts an event while one call of the store fails, and then again. It reports whether there was such a call.
func failsAt(t *testing.T, sign func(*env) string, call int, late bool) bool {
	t.Helper()
	e := newEnv(t)
	first := e.docs.Calls()
	e.inject = func(_ context.Context, c vaulttest.Call) error {
		if c.N == first+call && c.Applied == late {
			return fault.New(fault.Unavailable, fault.NoText)
		}
		return nil
	}
	event := sign(e)
	got := e.post(event)
	if got.Code == http.StatusAccepted && e.docs.Calls() < first+call {
		return false
	}
	if got.Code != http.StatusServiceUnavailable || got.Header().Get("Retry-After") != "30" {
		t.Errorf("call %d: got %d, want 503", call, got.Code)
	}
	e.mustAccept(event)
	if g, _ := e.grant(ada); g.RevokedAt.IsZero() {
		t.Errorf("call %d: the event was lost", call)
	}
	return true
}

func TestReceive_StorePanics(t *testing.T) {
	e := newEnv(t)
	e.inject = func(context.Context, vaulttest.Call) error { panic("a bug") }
	if got := e.post(e.event(oauth+"tokens-revoked", nil)); got.Code != http.StatusInternalServerError {
		t.Errorf("got %d, want 500", got.Code)
	}
}

// Google waits for an answer, so a slow store must not hold the request.
func TestReceive_Deadline(t *testing.T) {
	e := newEnv(t)
	e.inject = func(ctx context.Context, _ vaulttest.Call) error {
		deadline, ok := ctx.Deadline()
		if left := time.Until(deadline); !ok || left > 25*time.Second || left < 20*time.Second {
			t.Errorf("deadline: %v, %v", left, ok)
		}
		return nil
	}
	e.mustAccept(e.event(oauth+"tokens-revoked", nil))
}

func TestReceive_TooManyRequests(t *testing.T) {
	e := newEnv(t)
	event := e.event(oauth+"tokens-revoked", nil)
	started, release := make(chan struct{}, serve.MaxInFlight), make(chan struct{})
	e.inject = func(_ context.Context, c vaulttest.Call) error {
		if !c.Applied {
			started <- struct{}{}
			<-release
		}
		return fault.New(fault.Unavailable, fault.NoText)
	}
	var wg sync.WaitGroup
	for range serve.MaxInFlight {
		wg.Go(func() { e.post(event) })
	}
	for range serve.MaxInFlight {
		<-started
	}
	got := e.post(event)
	if got.Code != http.StatusServiceUnavailable || !strings.Contains(e.text(), "concurrency limit reached") {
		t.Errorf("got %d", got.Code)
	}
	close(release)
	wg.Wait()
}

func TestReceive_Log(t *testing.T) {
	stranger := google.Person{Sub: "7"}
	for name, c := range map[string]struct {
		token func(*env) string
		want  []string
	}{
		"revoked": {
			func(e *env) string { return e.google.SignSecurityEvent(oauth+"tokens-revoked", ada, nil) },
			[]string{`msg="security event" type=` + oauth + "tokens-revoked person=" + ada.User() +
				" outcome=revokedAt"},
		},
		"unknown person": {
			func(e *env) string { return e.google.SignSecurityEvent(oauth+"tokens-revoked", stranger, nil) },
			[]string{"person=users/7 outcome=unchanged"},
		},
		"by token": {
			func(e *env) string { return e.google.SignEvent(tokenEvent("prefix", token.Reveal()[:16])) },
			[]string{`msg="security event" type=` + oauth + "token-revoked found=1"},
		},
		"other type": {
			func(e *env) string { return e.google.SignSecurityEvent(risc+"account-enabled", ada, nil) },
			[]string{
				`msg="security event" type=` + risc + "account-enabled", "outcome=logged",
				"function=securityevent",
			},
		},
		"no subject": {
			func(e *env) string { return e.google.SignEvent(events(oauth+"tokens-revoked", object{})) },
			[]string{`level=ERROR msg="security event without a valid subject" type=` + oauth + "tokens-revoked"},
		},
		"invalid": {
			func(e *env) string { return e.google.SignEvent(events(oauth+"tokens-revoked", "x")) },
			[]string{`level=ERROR msg="invalid security event" type=` + oauth + "tokens-revoked", "error="},
		},
	} {
		e := newEnv(t)
		e.mustAccept(c.token(e))
		for _, want := range c.want {
			if !strings.Contains(e.text(), want) {
				t.Errorf("%s: %q is not in the log: %s", name, want, e.text())
			}
		}
	}
}

func TestReceive_KeysUnavailable(t *testing.T) {
	for _, endpoint := range []string{"risc", "certs"} {
		e := newEnv(t)
		e.google.Fail(endpoint, 503, 503, 503)
		event := e.google.SignSecurityEvent(oauth+"tokens-revoked", ada, nil)
		if got := e.post(event); got.Code != http.StatusServiceUnavailable {
			t.Errorf("%s: got %d, want 503", endpoint, got.Code)
		}
		e.ahead = 6 * time.Second // a failed fetch is retried after five
		e.mustAccept(event)
	}
}

func TestReceive_OtherRequests(t *testing.T) {
	e := newEnv(t)
	for _, c := range []struct{ method, path string }{{http.MethodGet, "/"}, {http.MethodPost, "/x"}} {
		response := httptest.NewRecorder()
		e.handler.ServeHTTP(response, httptest.NewRequestWithContext(t.Context(), c.method, c.path, nil))
		if response.Code != http.StatusNotFound {
			t.Errorf("%s %s: got %d", c.method, c.path, response.Code)
		}
	}
}

func FuzzSecurityEvent(f *testing.F) {
	e := newEnv(f)
	f.Add("tokens-revoked", `{"subject":{"iss":"https://accounts.google.com/","sub":"1"}}`)
	f.Add("token-revoked", `{"subject":{"token_identifier_alg":"prefix","token":"1//0"}}`)
	f.Add("", "null")
	f.Add("", "eyJhbGciOiJSUzI1NiIsImtpZCI6IngifQ.e30.AAAA")
	f.Fuzz(func(t *testing.T, kind, event string) {
		e.t = t
		if got := e.post(event); got.Code != http.StatusBadRequest {
			t.Errorf("unsigned: got %d", got.Code)
		}
		if !json.Valid([]byte(event)) {
			return
		}
		for _, prefix := range []string{risc, oauth} {
			got := e.post(e.google.SignEvent(events(prefix+kind, json.RawMessage(event))))
			if got.Code != http.StatusAccepted {
				t.Errorf("signed by Google: got %d", got.Code)
			}
		}
		named := strings.Contains(event, grace.Sub) || strings.Contains(event, "1//0another-refr")
		if g, ok := e.grant(grace); !named && (!ok || marks(g) != "") {
			t.Error("a grant that the event does not name has changed")
		}
	})
}
