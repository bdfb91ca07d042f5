package google

import (
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

// The methods of Cloud KMS that are played.
const (
	kmsEncrypt = "cloudkms.projects.locations.keyRings.cryptoKeys.encrypt"
	kmsDecrypt = "cloudkms.projects.locations.keyRings.cryptoKeys.decrypt"
)

const cloudPlatform = "https://www.googleapis.com/auth/cloud-platform"

// ServiceToken is an access token of the project's own service account.
func (s *Server) ServiceToken() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	token := s.secret("ya29.c.", rand.Text())
	s.access[token] = accessToken{scopes: []string{cloudPlatform}, expires: s.Now().Add(accessLife)}
	return token
}

// Token is ServiceToken as an oauth2.TokenSource.
func (s *Server) Token() (*oauth2.Token, error) {
	return &oauth2.Token{AccessToken: s.ServiceToken(), Expiry: s.Now().Add(accessLife)}, nil
}

// metadata is the part of the metadata server that gives a workload its
// credentials (docs.cloud.google.com/compute/docs/metadata).
func (s *Server) metadata(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Metadata-Flavor", "Google")
	if r.Header.Get("Metadata-Flavor") != "Google" {
		http.Error(w, "Metadata-Flavor: Google is missing", http.StatusForbidden)
		return
	}
	switch strings.TrimPrefix(r.URL.Path, "/computeMetadata/v1/") {
	case "instance/service-accounts/default/token":
		answer(w, http.StatusOK, map[string]any{"access_token": s.ServiceToken(), "expires_in": int(accessLife / time.Second), "token_type": "Bearer"})
	case "universe/universe-domain":
		_, _ = w.Write([]byte("googleapis.com"))
	default:
		http.NotFound(w, r)
	}
}

// crypt plays one symmetric key per name: AES-256-GCM with the checksums that
// the real one asks for and gives (docs.cloud.google.com/kms/docs/data-integrity-guidelines).
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
	key := sha256.Sum256([]byte(s.ClientSecret + name)) // the same for the life of the stand-in
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // the key is 32 bytes
	}
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	if method == kmsEncrypt {
		if in.PlaintextCrc32c != checksum(in.Plaintext) || in.AdditionalAuthenticatedDataCrc32c != checksum(in.AdditionalAuthenticatedData) {
			return nil, invalid("The checksum in field plaintext_crc32c did not match the data in field plaintext.")
		}
		sealed := gcm.Seal(nil, nil, in.Plaintext, in.AdditionalAuthenticatedData) //nolint:gosec // the nonce is random, and made inside
		return map[string]any{
			"name": name + "/cryptoKeyVersions/1", "ciphertext": base64.StdEncoding.EncodeToString(sealed), "ciphertextCrc32c": checksum(sealed),
			"verifiedPlaintextCrc32c": true, "verifiedAdditionalAuthenticatedDataCrc32c": true, "protectionLevel": "SOFTWARE",
		}, nil
	}
	plain, err := gcm.Open(nil, nil, in.Ciphertext, in.AdditionalAuthenticatedData)
	if err != nil {
		return nil, invalid("Decryption failed: verify that 'name' refers to the correct CryptoKey.")
	}
	return map[string]any{"plaintext": base64.StdEncoding.EncodeToString(plain), "plaintextCrc32c": checksum(plain), "usedPrimary": true, "protectionLevel": "SOFTWARE"}, nil
}

func checksum(b []byte) string {
	return strconv.FormatUint(uint64(crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))), 10)
}
