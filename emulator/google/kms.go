package google

import (
	"cmp"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"hash/crc32"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// The methods of Cloud KMS that the emulator supports.
const (
	kmsEncrypt = "cloudkms.projects.locations.keyRings.cryptoKeys.encrypt"
	kmsDecrypt = "cloudkms.projects.locations.keyRings.cryptoKeys.decrypt"
)

const cloudPlatform = "https://www.googleapis.com/auth/cloud-platform"

// ServiceToken returns a new access token of the project's service account.
func (s *Server) ServiceToken() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	token := s.newSecret("ya29.c.", rand.Text())
	s.access[token] = accessToken{scopes: []string{cloudPlatform}, expires: s.Now().Add(accessTokenLifetime)}
	return token
}

// Token implements oauth2.TokenSource with ServiceToken.
func (s *Server) Token() (*oauth2.Token, error) {
	return &oauth2.Token{AccessToken: s.ServiceToken(), Expiry: s.Now().Add(accessTokenLifetime)}, nil
}

// metadata serves a workload's credentials (docs.cloud.google.com/compute/docs/metadata).
func (s *Server) metadata(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Metadata-Flavor", "Google")
	if r.Header.Get("Metadata-Flavor") != "Google" {
		http.Error(w, "Metadata-Flavor: Google is missing", http.StatusForbidden)
		return
	}
	switch strings.TrimPrefix(r.URL.Path, "/computeMetadata/v1/") {
	case "instance/service-accounts/default/token":
		token := s.ServiceToken()
		s.mu.Lock()
		lifetime := int(cmp.Or(s.reportedLifetime, accessTokenLifetime) / time.Second)
		s.mu.Unlock()
		body := map[string]any{"access_token": token, "expires_in": lifetime, "token_type": "Bearer"}
		answer(w, http.StatusOK, body)
	case "universe/universe-domain":
		_, _ = w.Write([]byte("googleapis.com"))
	default:
		http.NotFound(w, r)
	}
}

// crypt encrypts or decrypts with one AES-256-GCM key per key name. It requires and returns checksums as Cloud KMS does
// (docs.cloud.google.com/kms/docs/data-integrity-guidelines).
func (s *Server) crypt(method, path string, body []byte) (any, *apiError) {
	var in struct {
		Plaintext, Ciphertext             []byte
		AdditionalAuthenticatedData       []byte
		PlaintextCrc32c, CiphertextCrc32c string
		AdditionalAuthenticatedDataCrc32c string
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, invalid("Base64 decoding failed.")
	}
	name, _, _ := strings.Cut(path, ":")
	key := sha256.Sum256([]byte(s.ClientSecret + name)) // derived, so that no key is stored
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // the key is 32 bytes
	}
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	aad := in.AdditionalAuthenticatedData
	if method == kmsEncrypt {
		if in.PlaintextCrc32c != checksum(in.Plaintext) || in.AdditionalAuthenticatedDataCrc32c != checksum(aad) {
			return nil, invalid("The checksum in field plaintext_crc32c did not match the data in field plaintext.")
		}
		sealed := gcm.Seal(nil, nil, in.Plaintext, aad) //nolint:gosec // Seal generates a random nonce
		return map[string]any{
			"name": name + "/cryptoKeyVersions/1", "ciphertext": base64.StdEncoding.EncodeToString(sealed),
			"ciphertextCrc32c": checksum(sealed), "verifiedPlaintextCrc32c": true,
			"verifiedAdditionalAuthenticatedDataCrc32c": true, "protectionLevel": "SOFTWARE",
		}, nil
	}
	plain, err := gcm.Open(nil, nil, in.Ciphertext, aad)
	if err != nil {
		return nil, invalid("Decryption failed: verify that 'name' refers to the correct CryptoKey.")
	}
	return map[string]any{
		"plaintext": base64.StdEncoding.EncodeToString(plain), "plaintextCrc32c": checksum(plain),
		"usedPrimary": true, "protectionLevel": "SOFTWARE",
	}, nil
}

func checksum(b []byte) string {
	return strconv.FormatUint(uint64(crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))), 10)
}
