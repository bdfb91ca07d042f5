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

// FuzzIDToken verifies any text, and any claims that Google has signed: only
// those count that are for us, of Google, and not over.
func FuzzIDToken(f *testing.F) {
	standIn := google.New(google.Config{ClientID: "client", Now: time.Now})
	server := httptest.NewServer(standIn.Handler())
	f.Cleanup(server.Close)
	v := googleauth.NewVerifier(googleauth.Issuer, "client", googleauth.NewKeySet(server.URL+"/oauth2/v3/certs", http.DefaultTransport, time.Now), time.Now)
	f.Add(`{"iss":"https://accounts.google.com","aud":"client","sub":"1","exp":32503680000,"iat":1}`)
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := v.Verify(t.Context(), config.NewSecret(text)); fault.KindOf(err) != fault.Unauthenticated {
			t.Errorf("any text: %v", err)
		}
		var claims map[string]any
		if json.Unmarshal([]byte(text), &claims) != nil {
			return
		}
		got, err := v.Verify(t.Context(), config.NewSecret(standIn.SignGoogle(claims)))
		if err != nil {
			if fault.KindOf(err) != fault.Unauthenticated {
				t.Errorf("signed: %v", err)
			}
			return
		}
		var said struct { // encoding/json takes names in any case, and so does the verifier
			Iss, Sub string
			Aud      any
		}
		_ = json.Unmarshal([]byte(text), &said) // was read once already
		if said.Iss != "https://accounts.google.com" && said.Iss != "accounts.google.com" {
			t.Errorf("issuer %q counts", said.Iss)
		}
		list, _ := said.Aud.([]any)
		if said.Aud != "client" && (len(list) != 1 || list[0] != "client") {
			t.Errorf("audience %v counts", said.Aud)
		}
		if got.Subject != said.Sub {
			t.Errorf("subject %q of %q", got.Subject, said.Sub)
		}
	})
}
