package chat_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"example.com/deputy/emulator/google"
	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
)

// direct is a transport to a handler, without a network.
type direct struct{ http.Handler }

// RoundTrip implements http.RoundTripper.
func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return w.Result(), nil
}

func newVerifier(t *testing.T) (*google.Server, *chat.Verifier) {
	t.Helper()
	g := google.New(google.Config{ClientID: "c", ClientSecret: "s", ProjectNumber: app.ProjectNumber, Now: time.Now})
	keys := func(endpoint string) *googleauth.KeySet {
		_, path, _ := strings.Cut(endpoint, ".com/")
		return googleauth.NewKeySet("http://google/"+path, direct{g.Handler()}, time.Now)
	}
	return g, chat.NewVerifier(app, keys(googleauth.Google.ChatCerts), keys(googleauth.Google.Certs), time.Now)
}

func TestVerifier(t *testing.T) {
	g, v := newVerifier(t)
	expires := time.Now().Add(time.Hour).Unix()
	classic := map[string]any{"iss": "chat@system.gserviceaccount.com", "aud": app.ProjectNumber, "exp": expires}
	addOn := map[string]any{
		"iss": "https://accounts.google.com", "aud": app.Endpoint, "exp": expires, "email_verified": true,
		"email": "service-1@gcp-sa-gsuiteaddons.iam.gserviceaccount.com",
	}
	with := func(claims map[string]any, name string, value any) map[string]any {
		claims = maps.Clone(claims)
		claims[name] = value
		return claims
	}
	bearer := func(token string) []string { return []string{"Bearer " + token} }
	const accepted fault.Kind = -1
	for name, c := range map[string]struct {
		headers []string
		format  chat.Format
		kind    fault.Kind
		log     string
	}{
		"classic":                 {bearer(g.SignChat(classic)), chat.Classic, accepted, ""},
		"scheme in small letters": {[]string{"bearer " + g.SignChat(classic)}, chat.Classic, accepted, ""},
		"add-on":                  {bearer(g.SignGoogle(addOn)), chat.AddOn, accepted, ""},

		"no header": {nil, 0, fault.Unauthenticated, "not exactly one"},
		"two headers": {
			[]string{"Bearer " + g.SignChat(classic), "Bearer x"},
			0, fault.Unauthenticated,
			"not exactly one",
		},
		"basic":      {[]string{"Basic " + g.SignChat(classic)}, 0, fault.Unauthenticated, "not exactly one"},
		"one part":   {bearer("x"), 0, fault.Unauthenticated, ""},
		"not base64": {bearer("a.!.c"), 0, fault.Unauthenticated, ""},
		"too long": {
			bearer(g.SignChat(with(classic, "x", strings.Repeat("x", 9_000)))), 0, fault.Unauthenticated,
			"",
		},

		"checked by Cloud Run": {
			bearer("eyJhbGciOiJSUzI1NiJ9.e30.SIGNATURE_REMOVED_BY_GOOGLE"), 0, fault.Unauthenticated,
			"turn it off with --no-invoker-iam-check",
		},

		"another app, classic": {bearer(g.SignChat(with(classic, "aud", "2"))), 0, fault.Unauthenticated, ""},
		"endpoint, classic":    {bearer(g.SignChat(with(classic, "aud", app.Endpoint))), 0, fault.Unauthenticated, ""},
		"another app, add-on":  {bearer(g.SignGoogle(with(addOn, "aud", "x"))), 0, fault.Unauthenticated, ""},
		"another project": {
			bearer(g.SignGoogle(with(addOn, "email", "service-2@gcp-sa-gsuiteaddons.iam.gserviceaccount.com"))),
			0, fault.Unauthenticated, "not this project's add-on",
		},
		"another service": {
			bearer(g.SignGoogle(with(addOn, "email", "service-1@example.iam.gserviceaccount.com"))),
			0, fault.Unauthenticated, "not this project's add-on",
		},
		"address not verified": {
			bearer(g.SignGoogle(with(addOn, "email_verified", false))), 0, fault.Unauthenticated,
			"not this project's add-on",
		},
		// Each issuer has its own keys.
		"classic, Google's key": {bearer(g.SignGoogle(classic)), 0, fault.Unauthenticated, ""},
		"add-on, Chat's key":    {bearer(g.SignChat(addOn)), 0, fault.Unauthenticated, ""},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
		r.Header["Authorization"] = c.headers
		got, err := v.Verify(r)
		if c.kind == accepted {
			if err != nil || got != c.format {
				t.Errorf("%s: %v, %v", name, got, err)
			}
			continue
		}
		if fault.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.log) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestVerifier_KeysUnavailable(t *testing.T) {
	g, v := newVerifier(t)
	g.Fail("certs", 503, 503, 503)
	g.Fail("chatcerts", 503, 503, 503)
	for name, token := range map[string]string{"classic": g.ChatToken(), "add-on": g.AddOnToken(app.Endpoint)} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		if _, err := v.Verify(r); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
}
