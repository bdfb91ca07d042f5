package googleauth_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"example.com/deputy/emulator/google"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
)

// FuzzIDToken verifies arbitrary text, and arbitrary claims that Google has signed.
// Only Google's unexpired tokens for this audience are valid.
func FuzzIDToken(f *testing.F) {
	emulator := google.New(google.Config{ClientID: "client", Now: time.Now})
	server := httptest.NewServer(emulator.Handler())
	f.Cleanup(server.Close)
	keys := googleauth.NewKeySet(server.URL+"/oauth2/v3/certs", http.DefaultTransport, time.Now)
	v := googleauth.NewVerifier(googleauth.Issuer, keys, time.Now, "client")
	f.Add(`{"iss":"https://accounts.google.com","aud":"client","sub":"1","exp":32503680000,"iat":1}`)
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := v.Verify(t.Context(), config.NewSecret(text)); fault.KindOf(err) != fault.Unauthenticated {
			t.Errorf("unsigned: %v", err)
		}
		var claims map[string]any
		if json.Unmarshal([]byte(text), &claims) != nil {
			return
		}
		got, err := v.Verify(t.Context(), config.NewSecret(emulator.SignGoogle(claims)))
		if err != nil {
			if fault.KindOf(err) != fault.Unauthenticated {
				t.Errorf("signed: %v", err)
			}
			return
		}
		var want struct { // encoding/json matches names in any case, like the verifier
			Iss, Sub string
			Aud      any
		}
		_ = json.Unmarshal([]byte(text), &want) // valid JSON, see above
		if want.Iss != "https://accounts.google.com" && want.Iss != "accounts.google.com" {
			t.Errorf("issuer %q is accepted", want.Iss)
		}
		list, _ := want.Aud.([]any)
		if want.Aud != "client" && (len(list) != 1 || list[0] != "client") {
			t.Errorf("audience %v is accepted", want.Aud)
		}
		if got.Subject != want.Sub {
			t.Errorf("subject: got %q, want %q", got.Subject, want.Sub)
		}
	})
}
