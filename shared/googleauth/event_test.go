package googleauth_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/emulator/google"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
)

const eventConfigURL = "http://google/.well-known/risc-configuration"

// newEvents returns an emulator that signs events, and a verifier of them for two clients.
func newEvents() (*google.Server, *googleauth.EventVerifier) {
	g := google.New(google.Config{
		ClientID: "client", ClientSecret: "s", CertsAddress: "http://google/oauth2/v3/certs", Now: time.Now,
	})
	clients := []string{"older", "client"}
	return g, googleauth.NewEventVerifier(eventConfigURL, clients, handlerTransport{g.Handler()}, time.Now)
}

func TestEventVerifier_Valid(t *testing.T) {
	g, v := newEvents()
	for name, aud := range map[string]any{"client": "client", "older": "older", "list": []string{"x", "client"}} {
		claims := map[string]any{"aud": aud, "jti": "id", "iat": 1.5, "events": map[string]any{"kind": "x"}}
		got, err := v.Verify(t.Context(), config.NewSecret(g.SignEvent(claims)))
		want := googleauth.EventToken{
			Issuer: "https://accounts.google.com/", ID: "id", IssuedAt: time.UnixMilli(1500),
			Events: map[string]json.RawMessage{"kind": json.RawMessage(`"x"`)},
		}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", name, err, diff)
		}
	}
}

func TestEventVerifier_Invalid(t *testing.T) {
	g, v := newEvents()
	with := func(name string, value any) string {
		return g.SignEvent(map[string]any{"events": map[string]any{"kind": "x"}, name: value})
	}
	valid := with("jti", "id")
	other := with("jti", "x")
	otherSignature := valid[:strings.LastIndex(valid, ".")] + other[strings.LastIndex(other, "."):]
	for name, c := range map[string]struct {
		token string
		want  error
	}{
		"not a JWT":       {"x", googleauth.ErrInvalidJWT},
		"Chat's key":      {g.SignChat(map[string]any{"iss": "x"}), googleauth.ErrUnknownKey},
		"other signature": {otherSignature, googleauth.ErrSignature},
		"ID token":        {with("iss", "https://accounts.google.com"), googleauth.ErrIssuer},
		"other client":    {with("aud", "other"), googleauth.ErrAudience},
		"other clients":   {with("aud", []string{"a", "b"}), googleauth.ErrAudience},
		"no audience":     {with("aud", nil), googleauth.ErrAudience},
		"number":          {with("aud", 7), googleauth.ErrMalformed},
		"no ID":           {with("jti", nil), googleauth.ErrMalformed},
		"no time":         {with("iat", nil), googleauth.ErrMalformed},
		"time zero":       {with("iat", 0), googleauth.ErrMalformed},
		"negative time":   {with("iat", -1), googleauth.ErrMalformed},
		"no events":       {with("events", nil), googleauth.ErrMalformed},
		"empty events":    {with("events", map[string]any{}), googleauth.ErrMalformed},
		"events not text": {with("events", "x"), googleauth.ErrMalformed},
	} {
		got, err := v.Verify(t.Context(), config.NewSecret(c.token))
		if !errors.Is(err, c.want) || fault.KindOf(err) != fault.Unauthenticated || got.Events != nil {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestEventVerifier_Configuration(t *testing.T) {
	g, _ := newEvents()
	token := g.SignEvent(map[string]any{"events": map[string]any{"kind": "x"}})
	for _, text := range []string{
		"x", "{}", `{"issuer":"https://accounts.google.com/"}`, `{"jwks_uri":"http://google/oauth2/v3/certs"}`,
	} {
		v := googleauth.NewEventVerifier(eventConfigURL, []string{"client"}, body(text), time.Now)
		_, err := v.Verify(t.Context(), config.NewSecret(token))
		if fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "no issuer or jwks_uri") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// Google may move its keys to another address.
func TestEventVerifier_KeysMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := newEvents()
		path, fetches := "/one", map[string]int{}
		mux := http.NewServeMux()
		mux.HandleFunc("/config", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"issuer":"https://accounts.google.com/","jwks_uri":"http://google` + path + `"}`))
		})
		mux.HandleFunc("/{name}", func(w http.ResponseWriter, r *http.Request) {
			fetches[r.URL.Path]++
			r.URL.Path = "/oauth2/v3/certs"
			g.Handler().ServeHTTP(w, r)
		})
		v := googleauth.NewEventVerifier("http://google/config", []string{"client"}, handlerTransport{mux}, time.Now)
		verify := func() {
			t.Helper()
			token := g.SignEvent(map[string]any{"events": map[string]any{"kind": "x"}})
			if _, err := v.Verify(t.Context(), config.NewSecret(token)); err != nil {
				t.Error(err)
			}
		}
		verify()
		verify()
		path = "/two"
		time.Sleep(5 * time.Minute) // by the bubble's clock: the configuration expires
		verify()
		if diff := cmp.Diff(map[string]int{"/one": 1, "/two": 1}, fetches); diff != "" {
			t.Error(diff)
		}
	})
}
