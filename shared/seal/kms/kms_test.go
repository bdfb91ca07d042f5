package kms_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"google.golang.org/api/option"

	"example.com/deputy/emulator/google"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/seal/kms"
)

const key = "gcp-kms://projects/p/locations/global/keyRings/deputy/cryptoKeys/keysets"

// begin is a key of the stand-in; spoil may alter its answers.
func begin(t *testing.T, uri string, spoil func(body string) string) (*kms.AEAD, *google.Server) {
	t.Helper()
	standIn := google.New(google.Config{ClientSecret: "s", Now: time.Now})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		standIn.Handler().ServeHTTP(answer, r)
		w.WriteHeader(answer.Code)
		_, _ = w.Write([]byte(spoil(answer.Body.String())))
	}))
	t.Cleanup(server.Close)
	source := oauth2.StaticTokenSource(&oauth2.Token{AccessToken: standIn.ServiceToken()})
	a, err := kms.New(t.Context(), uri, option.WithEndpoint(server.URL+"/"), option.WithTokenSource(source))
	if err != nil {
		t.Fatal(err)
	}
	return a, standIn
}

func asIs(body string) string { return body }

func TestAKeysetComesBackFromItsWrappingAndInNoOtherPlace(t *testing.T) {
	a, standIn := begin(t, key, asIs)
	keyset, lookup, err := seal.Generate()
	if err != nil {
		t.Fatal(err)
	}
	standIn.Fail("cloudkms.projects.locations.keyRings.cryptoKeys.encrypt", 503) // passes
	wrapped, err := seal.Wrap(t.Context(), seal.Keyset, keyset, a)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(wrapped.Reveal(), `"keyData"`) {
		t.Error("a key stands in it in clear")
	}
	got, err := seal.Unwrap(t.Context(), seal.Keyset, wrapped, a)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := seal.New(got, lookup, "p", "c"); err != nil {
		t.Error(err)
	}
	if _, err := seal.Unwrap(t.Context(), seal.Lookup, wrapped, a); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("under another name: %v", err)
	}
	for _, bad := range []config.Secret{config.NewSecret("SECRETPLAINTEXT"), config.NewSecret(`{"encryptedKeyset":"SECRET-NOT-BASE64"}`), keyset} {
		if _, err := seal.Unwrap(t.Context(), seal.Keyset, bad, a); err == nil || strings.Contains(err.Error(), "SECRET") || strings.Contains(err.Error(), "keyData") {
			t.Errorf("the error quotes what it was given, or there is none: %v", err)
		}
	}
	if _, err := seal.Unwrap(t.Context(), seal.Keyset, keyset, a); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("in clear text though a key is named: %v", err)
	}
	if _, err := seal.New(wrapped, lookup, "p", "c"); err == nil || !strings.Contains(err.Error(), "is KEYSET_KEK missing?") {
		t.Errorf("wrapped though no key is named: %v", err)
	}
	if _, err := seal.Wrap(t.Context(), seal.Keyset, config.NewSecret("x"), a); fault.KindOf(err) != fault.Invalid {
		t.Errorf("no keyset: %v", err)
	}
}

func TestAnAnswerDamagedOnTheWayIsNotUsed(t *testing.T) {
	keyset, _, err := seal.Generate()
	if err != nil {
		t.Fatal(err)
	}
	for what, spoil := range map[string]func(string) string{
		"a checksum": func(body string) string { return strings.Replace(body, `Crc32c":"`, `Crc32c":"9`, 1) },
		"its verification": func(body string) string {
			return strings.Replace(body, `"verifiedPlaintextCrc32c":true`, `"verifiedPlaintextCrc32c":false`, 1)
		},
		"all": func(string) string { return "<html>" },
	} {
		a, _ := begin(t, key, spoil)
		if _, err := seal.Wrap(t.Context(), seal.Keyset, keyset, a); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestANameThatIsNoKeyIsRefused(t *testing.T) {
	for _, uri := range []string{"", "x", "gcp-kms://projects/p", key + "/cryptoKeyVersions/1", "aws-kms://x"} {
		if _, err := kms.New(t.Context(), uri); err == nil || !strings.Contains(err.Error(), "must be gcp-kms://projects/PROJECT") {
			t.Errorf("%q: %v", uri, err)
		}
	}
}
