package googleauth_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"example.com/deputy/shared/googleauth"
)

// Attacks with names that encoding/json takes for others, and with names given twice (hashicorp/cap#191). Another
// signer of valid tokens could let such a claim through.
func TestAttack_ClaimNames(t *testing.T) {
	s := newSigner(t)
	s.set(200, "k1")
	v := s.verifier()
	text, err := json.Marshal(map[string]any{
		"iss": googleauth.Issuer, "aud": "aud", "sub": "1", "email": "ada@example.com", "email_verified": false,
		"hd": "example.com", "exp": s.now().Unix() + 3600,
	})
	if err != nil {
		t.Fatal(err)
	}
	plain := strings.TrimSuffix(string(text), "}")
	good := s.sign(jose.RS256, s.key, "k1", json.RawMessage(plain+`,"azp":"x"}`))
	if _, err := v.Verify(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	for _, claim := range []string{
		`"SUB":"2"`, `"\u017fub":"2"`, `"Email_Verified":true`, `"EMAIL":"eve@example.com"`, `"HD":"evil.example"`,
		`"Iss":"https://evil.example"`, `"AUD":"x"`, `"eXp":1`, `"NBF":1`, `"Nonce":"x"`,
		`"sub":"2"`, `"s\u0075b":"2"`, `"email_verified":true`, `"aud":"aud"`, `"x":{"y":1,"y":2}`,
	} {
		token := s.sign(jose.RS256, s.key, "k1", json.RawMessage(plain+","+claim+"}"))
		if got, err := v.Verify(t.Context(), token); !errors.Is(err, googleauth.ErrInvalidJWT) {
			t.Errorf("%s: %+v, %v", claim, got, err)
		}
	}
}
