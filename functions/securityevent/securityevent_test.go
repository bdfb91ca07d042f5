package securityevent_test

import (
	"bytes"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
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
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/vault/memory"
)

const (
	risc  = "https://schemas.openid.net/secevent/risc/event-type/"
	oauth = "https://schemas.openid.net/secevent/oauth/event-type/"
)

var token = config.NewSecret("1//0marked-refresh-token-of-ada")

var ada, grace = google.People()[0], google.People()[1]

// world is the function against the stand-in for Google, with grants of Ada
// and Grace in the store.
type world struct {
	t       testing.TB
	google  *google.Server
	handler http.Handler
	vault   *vault.Vault // with keys, to look at what the function has done
	docs    *vaulttest.Faulty
	fate    func(n int, after bool) error
	log     bytes.Buffer
	mu      sync.Mutex
	ahead   time.Duration
}

func (w *world) now() time.Time { return time.Now().Add(w.ahead) }

func (w *world) Write(p []byte) (int, error) { w.mu.Lock(); defer w.mu.Unlock(); return w.log.Write(p) }

func begin(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, fate: func(int, bool) error { return nil }}
	at := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.google.Handler().ServeHTTP(rw, r) }))
	t.Cleanup(at.Close)
	w.google = google.New(google.Config{ClientID: "client", ClientSecret: "s", CertsAddress: at.URL + "/oauth2/v3/certs", Now: w.now})
	keyset, lookup, err := seal.Generate()
	check(t, err)
	keys, err := seal.New(keyset, lookup, "project", "client")
	check(t, err)
	w.docs = &vaulttest.Faulty{Docs: &memory.Docs{}, Inject: func(_ context.Context, c vaulttest.Call) error { return w.fate(c.N, c.After) }}
	w.vault = vault.New(w.docs, keys, w.now)
	for who, token := range map[google.Person]config.Secret{ada: token, grace: config.NewSecret("1//0another-refresh-token")} {
		_, err := w.vault.SaveGrant(t.Context(), vault.Grant{
			Person: resource.Person(who.User()), ClientID: "client", Status: vault.Connected, Connected: w.now().Add(-time.Hour), SignedIn: w.now().Add(-time.Hour), RefreshToken: token, AccessToken: config.NewSecret("ya29.x"),
			AccessExpiry: w.now().Add(time.Hour),
		})
		check(t, err)
	}
	log := logging.NewText(w)
	w.handler = securityevent.New(securityevent.Deps{
		Vault:  vault.New(w.docs, nil, w.now),
		Tokens: googleauth.NewEventVerifier(at.URL+"/.well-known/risc-configuration", []string{"older-client", "client"}, http.DefaultTransport, w.now), Log: log,
	})
	return w
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// deliver posts a token as Google does.
func (w *world) deliver(token string) *httptest.ResponseRecorder {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), http.MethodPost, "/", strings.NewReader(token))
	r.Header.Set("Content-Type", "application/secevent+jwt")
	answer := httptest.NewRecorder()
	w.handler.ServeHTTP(answer, r)
	return answer
}

func (w *world) accepted(token string) {
	w.t.Helper()
	if got := w.deliver(token); got.Code != http.StatusAccepted || got.Body.Len() != 0 {
		w.t.Errorf("got %d %q, want 202 and nothing", got.Code, got.Body)
	}
}

func (w *world) grant(p google.Person) (vault.Grant, bool) {
	w.t.Helper()
	g, err := w.vault.Grant(w.t.Context(), resource.Person(p.User()))
	if err != nil && fault.KindOf(err) != fault.NotFound {
		w.t.Fatal(err)
	}
	return g, err == nil
}

// marks names the marks of a grant that have moved.
func marks(g vault.Grant) string {
	var out []string
	for _, m := range []struct {
		name string
		at   time.Time
	}{{"revokedAt", g.RevokedAt}, {"sessionsAt", g.SessionsAt}, {"askAt", g.AskAt}} {
		if !m.at.IsZero() {
			out = append(out, m.name)
		}
	}
	return strings.Join(out, " ")
}

func tokenEvent(algorithm, value string) map[string]any {
	return map[string]any{"events": map[string]any{oauth + "token-revoked": map[string]any{"subject": map[string]any{
		"subject_type": "oauth_token", "token_type": "refresh_token", "token_identifier_alg": algorithm, "token": value,
	}}}}
}

func TestEachEventDoesWhatGoogleRequires(t *testing.T) {
	inner := sha512.Sum512([]byte(token.Reveal()))
	raw, hexed := sha512.Sum512(inner[:]), sha512.Sum512([]byte(hex.EncodeToString(inner[:])))
	about := func(kind string, more map[string]any) func(*world) string {
		return func(w *world) string { return w.google.SecurityEvent(kind, ada, more) }
	}
	ofToken := func(algorithm, value string) func(*world) string {
		return func(w *world) string { return w.google.SignEvent(tokenEvent(algorithm, value)) }
	}
	const (
		revoked  = "revokedAt"
		sessions = "sessionsAt askAt"
		ask      = "askAt"
		kept     = ""
	)
	for name, c := range map[string]struct {
		token func(*world) string
		want  string // the marks that have moved
	}{
		"tokens-revoked":                          {about(oauth+"tokens-revoked", nil), revoked},
		"token-revoked by prefix":                 {ofToken("prefix", token.Reveal()[:16]), revoked},
		"token-revoked by hash":                   {ofToken("hash_base64_sha512_sha512", base64.StdEncoding.EncodeToString(raw[:])), revoked},
		"token-revoked by hash of hex":            {ofToken("hash_base64_sha512_sha512", base64.StdEncoding.EncodeToString(hexed[:])), revoked},
		"token-revoked by hash, another alphabet": {ofToken("hash_base64_sha512_sha512", base64.RawURLEncoding.EncodeToString(raw[:])), revoked},
		"token-revoked of an unknown token":       {ofToken("prefix", "1//0unknown-toke"), kept},
		"token-revoked without a token":           {ofToken("prefix", ""), kept},
		"token-revoked by another algorithm":      {ofToken("rot13", token.Reveal()[:16]), kept},
		"account-disabled":                        {about(risc+"account-disabled", map[string]any{"reason": "bulk-account"}), revoked},
		"account-disabled, hijacked":              {about(risc+"account-disabled", map[string]any{"reason": "hijacking"}), revoked},
		"account-purged":                          {about(risc+"account-purged", nil), revoked},
		"sessions-revoked":                        {about(risc+"sessions-revoked", nil), sessions},
		"account-credential-change-required":      {about(risc+"account-credential-change-required", nil), ask},
		"account-enabled":                         {about(risc+"account-enabled", nil), kept},
		"verification": {func(w *world) string {
			return w.google.SignEvent(map[string]any{"events": map[string]any{risc + "verification": map[string]any{"state": "x"}}})
		}, kept},
		"something new": {about("https://schemas.openid.net/secevent/new", nil), kept},
		"subject of another issuer": {about(oauth+"tokens-revoked", map[string]any{"subject": map[string]any{
			"subject_type": "iss-sub", "iss": "https://evil.example", "sub": ada.Sub,
		}}), kept},
		"subject by e-mail only": {about(oauth+"tokens-revoked", map[string]any{"subject": map[string]any{
			"subject_type": "id_token_claims", "iss": "https://accounts.google.com/", "email": ada.Email,
		}}), kept},
		"no event at all": {func(w *world) string {
			return w.google.SignEvent(map[string]any{"events": map[string]any{oauth + "tokens-revoked": "x"}})
		}, kept},
		"somebody unknown": {func(w *world) string {
			return w.google.SecurityEvent(oauth+"tokens-revoked", google.Person{Sub: "7"}, nil)
		}, kept},
	} {
		t.Run(name, func(t *testing.T) {
			w := begin(t)
			w.accepted(c.token(w))
			g, _ := w.grant(ada)
			if got := marks(g); got != c.want || !g.RefreshToken.Equal(token) {
				t.Errorf("moved %q, want %q", got, c.want)
			}
			if due := !g.Due.IsZero(); due != (c.want != kept) {
				t.Errorf("the sweep looks at it: %v", due)
			}
			if g, _ := w.grant(grace); marks(g) != kept {
				t.Error("another person's grant was touched")
			}
			if strings.Contains(w.log.String(), token.Reveal()[:16]) {
				t.Errorf("the token is in the log: %s", w.log.String())
			}
		})
	}
}

func TestWhatIsNotGooglesEventIsRefusedAndDoesNothing(t *testing.T) {
	events := map[string]any{oauth + "tokens-revoked": map[string]any{"subject": map[string]any{"subject_type": "iss-sub", "iss": "https://accounts.google.com/", "sub": ada.Sub}}}
	signed := func(change map[string]any) func(*world) string {
		return func(w *world) string {
			all := map[string]any{"events": events}
			for name, value := range change {
				all[name] = value
			}
			return w.google.SignEvent(all)
		}
	}
	for name, c := range map[string]struct {
		token func(*world) string
		err   string
	}{
		"nothing":  {func(*world) string { return "" }, "invalid_request"},
		"no token": {func(*world) string { return "{}" }, "invalid_request"},
		"alg none": {func(*world) string { return "eyJhbGciOiJub25lIn0.e30." }, "invalid_request"},
		"Chat's key": {func(w *world) string {
			return w.google.SignChat(map[string]any{"iss": "https://accounts.google.com/", "aud": "client", "events": events})
		}, "invalid_key"},
		"an altered signature":        {func(w *world) string { s := signed(nil)(w); return s[:len(s)-6] + "AAAAAA" }, "authentication_failed"},
		"an ID token":                 {signed(map[string]any{"iss": "https://accounts.google.com"}), "invalid_issuer"},
		"another client's":            {signed(map[string]any{"aud": "another"}), "invalid_audience"},
		"nobody's":                    {signed(map[string]any{"aud": nil}), "invalid_audience"},
		"without jti":                 {signed(map[string]any{"jti": nil}), "invalid_request"},
		"without iat":                 {signed(map[string]any{"iat": nil}), "invalid_request"},
		"without events":              {signed(map[string]any{"events": nil}), "invalid_request"},
		"claims of the wrong type":    {signed(map[string]any{"events": "x"}), "invalid_request"},
		"larger than 64 KiB":          {signed(map[string]any{"padding": strings.Repeat("x", 64<<10)}), "invalid_request"},
		"a list that is not for us":   {signed(map[string]any{"aud": []string{"a", "b"}}), "invalid_audience"},
		"an audience of another type": {signed(map[string]any{"aud": 7}), "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			w := begin(t)
			got := w.deliver(c.token(w))
			var body struct{ Err, Description string }
			if err := json.Unmarshal(got.Body.Bytes(), &body); err != nil || got.Code != http.StatusBadRequest || body.Err != c.err || body.Description == "" {
				t.Errorf("got %d %s, want 400 and %s", got.Code, got.Body, c.err)
			}
			if g, _ := w.grant(ada); marks(g) != "" {
				t.Error("it had an effect")
			}
		})
	}
}

func TestAnEventForSeveralClientsAndWithoutExpiryIsTaken(t *testing.T) {
	w := begin(t)
	w.accepted(w.google.SignEvent(map[string]any{"aud": []string{"another", "client"}, "events": map[string]any{risc + "verification": map[string]any{}}}))
}

func TestAVerificationShowsItsStateInTheLogAndNoMoreOfIt(t *testing.T) {
	w := begin(t)
	w.accepted(w.google.SignEvent(map[string]any{"events": map[string]any{risc + "verification": map[string]any{"state": strings.Repeat("x", 64) + "é and more"}}}))
	if log := w.log.String(); !strings.Contains(log, "state="+strings.Repeat("x", 64)+" ") {
		t.Errorf("log: %s", log)
	}
}

// at is a claim of a time.
func at(t time.Time) map[string]any { return map[string]any{"iat": t.Unix()} }

func (w *world) event(kind string, change map[string]any) string {
	all := map[string]any{"events": map[string]any{kind: map[string]any{"subject": map[string]any{"subject_type": "iss-sub", "iss": "https://accounts.google.com/", "sub": ada.Sub}}}}
	for name, value := range change {
		all[name] = value
	}
	return w.google.SignEvent(all)
}

func TestAnEventThatIsSentAgainIsAcknowledgedAndDoesNothingMore(t *testing.T) {
	w := begin(t)
	event := w.event(risc+"sessions-revoked", nil)
	w.accepted(event)
	g, _ := w.grant(ada)
	writes := w.docs.Calls()
	w.accepted(event)
	if again, _ := w.grant(ada); !again.SessionsAt.Equal(g.SessionsAt) || w.docs.Calls()-writes > 4 {
		t.Errorf("sessions over at %v, then %v; %d calls", g.SessionsAt, again.SessionsAt, w.docs.Calls()-writes)
	}
}

func TestEventsOutOfOrderMoveAMarkOnlyForward(t *testing.T) {
	w := begin(t)
	late, early := w.now().Add(-time.Minute), w.now().Add(-30*time.Minute)
	w.accepted(w.event(oauth+"tokens-revoked", at(late)))
	w.accepted(w.event(oauth+"tokens-revoked", at(early)))
	if g, _ := w.grant(ada); g.RevokedAt.Unix() != late.Unix() {
		t.Errorf("revoked at %v, want %v", g.RevokedAt, late)
	}
}

func TestAnEventFromTheFutureCountsFromNow(t *testing.T) {
	w := begin(t)
	w.accepted(w.event(oauth+"tokens-revoked", at(w.now().Add(240*time.Hour))))
	if g, _ := w.grant(ada); g.RevokedAt.IsZero() || g.RevokedAt.After(w.now()) {
		t.Errorf("revoked at %v: it would end every later consent", g.RevokedAt)
	}
}

func TestAnEventAboutSomebodyNotStoredLeavesNothing(t *testing.T) {
	w := begin(t)
	w.accepted(w.google.SecurityEvent(oauth+"tokens-revoked", google.Person{Sub: "7"}, nil))
	if left, err := w.docs.List(t.Context(), "grants", "", 10); err != nil || len(left) != 2 {
		t.Errorf("%d grants, %v", len(left), err)
	}
}

func TestTheFunctionWorksWithoutAnyKeyOrSecret(t *testing.T) {
	w := begin(t)
	w.spoil()
	w.accepted(w.event(oauth+"tokens-revoked", nil))
	doc, err := w.docs.Get(t.Context(), "grants", ada.Sub)
	check(t, err)
	if doc.Fields["revokedAt"] == nil {
		t.Error("a record that does not open is not marked")
	}
}

// spoil makes Ada's record one that no key opens.
func (w *world) spoil() {
	w.t.Helper()
	doc, err := w.docs.Get(w.t.Context(), "grants", ada.Sub)
	check(w.t, err)
	doc.Fields["sealed"] = []byte("of no key")
	_, err = w.docs.Replace(w.t.Context(), "grants", ada.Sub, doc.Fields, doc.Version)
	check(w.t, err)
}

func TestAnEventOfAnOlderClientCountsAndAnUnknownOneIsNamedWithoutAnAlarm(t *testing.T) {
	w := begin(t)
	w.accepted(w.event(oauth+"tokens-revoked", map[string]any{"aud": "older-client"}))
	if g, _ := w.grant(ada); g.RevokedAt.IsZero() {
		t.Error("it was not taken")
	}
	w.deliver(w.event(oauth+"tokens-revoked", map[string]any{"aud": "yet-another"}))
	if log := w.log.String(); !strings.Contains(log, "OAUTH_CLIENT_ID does not name") || strings.Contains(log, "alarm=") {
		t.Errorf("log: %s", log)
	}
}

func TestAnEventWithANameTwiceIsNotTaken(t *testing.T) {
	w := begin(t)
	for name, text := range map[string]string{
		"twice":        `{"subject":{"iss":"https://accounts.google.com/","sub":"` + grace.Sub + `"},"subject":{"iss":"https://accounts.google.com/","sub":"` + ada.Sub + `"}}`,
		"another case": `{"SUBJECT":{"iss":"https://accounts.google.com/","sub":"` + ada.Sub + `"}}`,
	} {
		w.deliver(w.google.SignEvent(map[string]any{"events": map[string]any{oauth + "tokens-revoked": json.RawMessage(text)}}))
		if g, _ := w.grant(ada); marks(g) != "" {
			t.Errorf("%s: it had an effect", name)
		}
	}
}

func TestASubWithASlashNamesNobody(t *testing.T) {
	w := begin(t)
	for _, sub := range []string{"1/acts/2", "../grants/1", "", strings.Repeat("1", 256)} {
		if got := w.deliver(w.google.SecurityEvent(oauth+"tokens-revoked", google.Person{Sub: sub}, nil)); got.Code != http.StatusAccepted {
			t.Errorf("%.20s: got %d, want 202", sub, got.Code)
		}
	}
}

func TestWhenTheStoreFailsGoogleIsToldToSendAgainAndNothingIsMissed(t *testing.T) {
	for calls := 1; ; calls++ {
		for _, after := range []bool{false, true} {
			w := begin(t)
			first := w.docs.Calls()
			w.fate = func(n int, late bool) error {
				if n == first+calls && late == after {
					return fault.New(fault.Unavailable, fault.None)
				}
				return nil
			}
			event := w.google.SecurityEvent(oauth+"tokens-revoked", ada, nil)
			got := w.deliver(event)
			if got.Code == http.StatusAccepted && w.docs.Calls() < first+calls {
				if calls < 3 {
					t.Errorf("only %d calls: this test looks at the wrong place", calls-1)
				}
				return
			}
			if got.Code != http.StatusServiceUnavailable || got.Header().Get("Retry-After") == "" {
				t.Errorf("call %d: got %d, want 503", calls, got.Code)
			}
			w.accepted(event)
			if g, _ := w.grant(ada); g.RevokedAt.IsZero() {
				t.Errorf("call %d: the event was missed", calls)
			}
		}
	}
}

func TestWithoutGooglesKeysAnEventIsSentAgain(t *testing.T) {
	for _, what := range []string{"risc", "certs"} {
		w := begin(t)
		w.google.Fail(what, 503)
		event := w.google.SecurityEvent(oauth+"tokens-revoked", ada, nil)
		if got := w.deliver(event); got.Code != http.StatusServiceUnavailable {
			t.Errorf("%s: got %d, want 503", what, got.Code)
		}
		w.ahead = 6 * time.Second // a failed fetch rests for five
		w.accepted(event)
	}
}

func TestOtherRequestsAreSentAway(t *testing.T) {
	w := begin(t)
	for _, c := range []struct{ method, path string }{{http.MethodGet, "/"}, {http.MethodPost, "/x"}} {
		answer := httptest.NewRecorder()
		w.handler.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), c.method, c.path, nil))
		if answer.Code != http.StatusNotFound {
			t.Errorf("%s %s: got %d", c.method, c.path, answer.Code)
		}
	}
}

func FuzzSecurityEvent(f *testing.F) {
	w := begin(f)
	f.Add("tokens-revoked", `{"subject":{"iss":"https://accounts.google.com/","sub":"1"}}`)
	f.Add("token-revoked", `{"subject":{"token_identifier_alg":"prefix","token":"1//0"}}`)
	f.Add("", "null")
	f.Add("", "eyJhbGciOiJSUzI1NiIsImtpZCI6IngifQ.e30.AAAA")
	f.Fuzz(func(t *testing.T, kind, event string) {
		w.t = t
		if got := w.deliver(event); got.Code != http.StatusBadRequest {
			t.Errorf("as the body itself: got %d", got.Code)
		}
		if !json.Valid([]byte(event)) {
			return
		}
		for _, prefix := range []string{risc, oauth} {
			if got := w.deliver(w.google.SignEvent(map[string]any{"events": map[string]any{prefix + kind: json.RawMessage(event)}})); got.Code != http.StatusAccepted {
				t.Errorf("signed by Google: got %d", got.Code)
			}
		}
		named := strings.Contains(event, grace.Sub) || strings.Contains(event, "1//0another-refr")
		if g, ok := w.grant(grace); !named && (!ok || marks(g) != "") {
			t.Error("a grant that the event does not name has ended")
		}
	})
}
