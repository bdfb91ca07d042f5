package kms_test

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
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

// newAEAD returns an AEAD with a key of the emulator; alter may change response bodies.
func newAEAD(t *testing.T, uri string, alter func(body string) string) (*kms.AEAD, *google.Server) {
	t.Helper()
	emulator := google.New(google.Config{ClientSecret: "s", Now: time.Now})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		response := httptest.NewRecorder()
		emulator.Handler().ServeHTTP(response, r)
		w.WriteHeader(response.Code)
		_, _ = w.Write([]byte(alter(response.Body.String())))
	}))
	t.Cleanup(server.Close)
	source := oauth2.StaticTokenSource(&oauth2.Token{AccessToken: emulator.ServiceToken()})
	a, err := kms.New(t.Context(), uri, option.WithEndpoint(server.URL+"/"), option.WithTokenSource(source))
	if err != nil {
		t.Fatal(err)
	}
	return a, emulator
}

func unchanged(body string) string { return body }

func TestWrap(t *testing.T) {
	a, emulator := newAEAD(t, key, unchanged)
	keyset, lookup, err := seal.Generate()
	if err != nil {
		t.Fatal(err)
	}
	emulator.Fail("cloudkms.projects.locations.keyRings.cryptoKeys.encrypt", 503) // is retried
	wrapped, err := seal.Wrap(t.Context(), seal.Keyset, keyset, a)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(wrapped.Reveal(), `"keyData"`) {
		t.Error("the wrapped keyset contains a key in clear text")
	}
	got, err := seal.Unwrap(t.Context(), seal.Keyset, wrapped, a)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := seal.New(got, lookup, "p", "c"); err != nil {
		t.Error(err)
	}
	if _, err := seal.Unwrap(t.Context(), seal.Lookup, wrapped, a); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("with the other name: %v", err)
	}
	for _, bad := range []config.Secret{
		config.NewSecret("SECRETPLAINTEXT"), config.NewSecret(`{"encryptedKeyset":"SECRET-NOT-BASE64"}`), keyset,
	} {
		_, err := seal.Unwrap(t.Context(), seal.Keyset, bad, a)
		if err == nil || strings.Contains(err.Error(), "SECRET") || strings.Contains(err.Error(), "keyData") {
			t.Errorf("no error, or it quotes the input: %v", err)
		}
	}
	if _, err := seal.Unwrap(t.Context(), seal.Keyset, keyset, a); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("a clear-text keyset with a KEK: %v", err)
	}
	_, err = seal.New(wrapped, lookup, "p", "c")
	if err == nil || !strings.Contains(err.Error(), "is KEYSET_KEK missing?") {
		t.Errorf("a wrapped keyset without a KEK: %v", err)
	}
	if _, err := seal.Wrap(t.Context(), seal.Keyset, config.NewSecret("x"), a); fault.KindOf(err) != fault.Invalid {
		t.Errorf("not a keyset: %v", err)
	}
}

func TestWrap_CorruptResponse(t *testing.T) {
	keyset, _, err := seal.Generate()
	if err != nil {
		t.Fatal(err)
	}
	for name, alter := range map[string]func(string) string{
		"checksum": func(body string) string { return strings.Replace(body, `Crc32c":"`, `Crc32c":"9`, 1) },
		"not verified": func(body string) string {
			return strings.Replace(body, `"verifiedPlaintextCrc32c":true`, `"verifiedPlaintextCrc32c":false`, 1)
		},
		"context not verified": func(body string) string {
			return strings.Replace(body, `"verifiedAdditionalAuthenticatedDataCrc32c":true`,
				`"verifiedAdditionalAuthenticatedDataCrc32c":false`, 1)
		},
		"not base64": func(body string) string { return strings.Replace(body, `"ciphertext":"`, `"ciphertext":"!`, 1) },
		"not JSON":   func(string) string { return "<html>" },
	} {
		a, _ := newAEAD(t, key, alter)
		if _, err := seal.Wrap(t.Context(), seal.Keyset, keyset, a); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestUnwrap_CorruptResponse(t *testing.T) {
	keyset, _, err := seal.Generate()
	if err != nil {
		t.Fatal(err)
	}
	corrupt := false
	a, emulator := newAEAD(t, key, func(body string) string {
		if !corrupt {
			return body
		}
		return strings.Replace(body, `Crc32c":"`, `Crc32c":"9`, 1)
	})
	wrapped, err := seal.Wrap(t.Context(), seal.Keyset, keyset, a)
	if err != nil {
		t.Fatal(err)
	}
	const decrypt = "cloudkms.projects.locations.keyRings.cryptoKeys.decrypt"
	emulator.FailAs(decrypt, google.Fault{Status: 403, Message: "no permission"})
	_, err = a.DecryptWithContext(t.Context(), []byte("x"), nil)
	if fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "kms.Decrypt") ||
		!strings.Contains(err.Error(), "no permission") {
		t.Errorf("the operator must read Google's message: %v", err)
	}
	corrupt = true
	if _, err := seal.Unwrap(t.Context(), seal.Keyset, wrapped, a); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("checksum: %v", err)
	}
	if got := emulator.Count(decrypt); got != 4 {
		t.Errorf("%d calls, want 1 and 3", got)
	}
}

// If KMS does not decrypt, the operator reads its own answer. That the keyset is wrong would lead to new keysets, and
// everyone would have to connect again.
func TestUnwrap_KMSFails(t *testing.T) {
	keyset, _, err := seal.Generate()
	if err != nil {
		t.Fatal(err)
	}
	a, emulator := newAEAD(t, key, unchanged)
	wrapped, err := seal.Wrap(t.Context(), seal.Keyset, keyset, a)
	if err != nil {
		t.Fatal(err)
	}
	const decrypt = "cloudkms.projects.locations.keyRings.cryptoKeys.decrypt"
	for _, failure := range []google.Fault{
		{Status: 403, Message: "Permission 'cloudkms.cryptoKeyVersions.useToDecrypt' denied"},
		{Status: 400, Canonical: "FAILED_PRECONDITION", Message: "not enabled, current state is: DISABLED"},
		{Status: 404, Message: "CryptoKey not found"},
		{Status: 503, Message: "The service is currently unavailable"},
	} {
		emulator.FailAs(decrypt, failure)
		if failure.Status == 503 { // is tried three times
			emulator.FailAs(decrypt, failure, failure)
		}
		_, err := seal.Unwrap(t.Context(), seal.Keyset, wrapped, a)
		if fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), failure.Message) ||
			strings.Contains(err.Error(), "not a keyset") {
			t.Errorf("%d: %v", failure.Status, err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		a, err := kms.New(t.Context(), key, option.WithHTTPClient(&http.Client{Transport: hangingTransport{}}))
		if err != nil {
			t.Fatal(err)
		}
		_, err = seal.Unwrap(t.Context(), seal.Keyset, wrapped, a)
		if fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "deadline exceeded") ||
			strings.Contains(err.Error(), "not a keyset") {
			t.Errorf("no answer: %v", err)
		}
	})
}

// hangingTransport never answers.
type hangingTransport struct{}

func (hangingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestWrap_NoResponse(t *testing.T) {
	keyset, _, err := seal.Generate()
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		a, err := kms.New(t.Context(), key, option.WithHTTPClient(&http.Client{Transport: hangingTransport{}}))
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		_, err = seal.Wrap(t.Context(), seal.Keyset, keyset, a)
		// Three attempts of five seconds, with pauses of less than a second.
		if took := time.Since(start); fault.KindOf(err) != fault.Unavailable || took < 15*time.Second ||
			took > 16*time.Second {
			t.Errorf("after %v: %v", took, err)
		}
	})
}

func TestNew_NoCredentials(t *testing.T) {
	missing := option.WithAuthCredentialsFile(option.ServiceAccount, filepath.Join(t.TempDir(), "none.json"))
	if _, err := kms.New(t.Context(), key, missing); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("got %v", err)
	}
}

func TestNew_InvalidURI(t *testing.T) {
	for _, uri := range []string{"", "x", "gcp-kms://projects/p", key + "/cryptoKeyVersions/1", "aws-kms://x"} {
		_, err := kms.New(t.Context(), uri)
		if err == nil || !strings.Contains(err.Error(), "must be gcp-kms://projects/PROJECT") {
			t.Errorf("%q: %v", uri, err)
		}
	}
}
