package googleauth_test

import (
	"strings"
	"testing"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
)

// FuzzParseClient checks that an accepted file has what a client needs, and that no error quotes a secret.
func FuzzParseClient(f *testing.F) {
	f.Add(`{"web":{"client_id":"c","client_secret":"MARKED","redirect_uris":["https://a.example/callback"]}}`)
	f.Add(`{"installed":{"client_id":"c","client_secret":"MARKED"}}`)
	f.Add(`{"type":"service_account","private_key":"MARKED"}`)
	f.Fuzz(func(t *testing.T, text string) {
		c, err := googleauth.ParseAnyClient(config.NewSecret(text))
		if err == nil {
			if c.ID == "" || c.Secret.Empty() && !c.Desktop {
				t.Errorf("%q: accepted without what it needs", text)
			}
			return
		}
		if fault.KindOf(err) != fault.Invalid || strings.Contains(err.Error(), "MARKED") {
			t.Errorf("%q: got %v", text, err)
		}
	})
}
