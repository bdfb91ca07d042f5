package google

import (
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// keys are the signing keys of Google's accounts, of Chat, and of the service account with domain-wide delegation.
type keys struct {
	id, chat, account *rsa.PrivateKey
	idKid, chatKid    string
	previous          *keys // still published; nil if there are none
}

// initialKeys are generated once per process, because generating RSA keys is slow.
var initialKeys = sync.OnceValue(newKeys)

func newKeys() *keys {
	k := &keys{idKid: "id-" + rand.Text()[:8], chatKid: "chat-" + rand.Text()[:8]}
	for _, key := range []**rsa.PrivateKey{&k.id, &k.chat, &k.account} {
		generated, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err) // crypto/rand failed
		}
		*key = generated
	}
	return k
}

// RotateKeys replaces the keys of Google's accounts and of Chat. As at Google, the previous keys stay published.
func (s *Server) RotateKeys() {
	previous, next := s.keys.Load(), newKeys()
	next.account, next.previous = previous.account, previous
	s.keys.Store(next)
}

func (k *keys) signGoogle(claims map[string]any) string { return sign(k.id, k.idKid, claims) }
func (k *keys) signChat(claims map[string]any) string   { return sign(k.chat, k.chatKid, claims) }

func sign(key *rsa.PrivateKey, kid string, claims map[string]any) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key},
		(&jose.SignerOptions{}).WithHeader("kid", kid).WithType("JWT"))
	if err != nil {
		panic(err) // a bug in this file
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		panic(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		panic(err)
	}
	return token
}

// ChatToken returns the token of a classic event with the project number as its audience
// (workspace/chat/verify-requests-from-chat).
func (s *Server) ChatToken() string {
	now := s.Now()
	return s.recordSecret(s.keys.Load().signChat(map[string]any{
		"iss": "chat@system.gserviceaccount.com", "aud": s.ProjectNumber,
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}))
}

// AddOnToken returns the token of an add-on event for this endpoint.
func (s *Server) AddOnToken(endpoint string) string {
	now := s.Now()
	return s.recordSecret(s.SignGoogle(map[string]any{
		"iss": "https://accounts.google.com", "aud": endpoint,
		"azp": "100000000000000000901", "sub": "100000000000000000901",
		"email":          "service-" + s.ProjectNumber + "@gcp-sa-gsuiteaddons.iam.gserviceaccount.com",
		"email_verified": true, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}))
}

// SignGoogle signs claims with the key of Google's accounts. Tests use it for invalid tokens.
func (s *Server) SignGoogle(claims map[string]any) string {
	return s.keys.Load().signGoogle(claims)
}

// SignChat signs claims with Chat's key. Tests use it for invalid tokens.
func (s *Server) SignChat(claims map[string]any) string {
	return s.keys.Load().signChat(claims)
}

func (s *Server) recordSecret(secret string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secrets = append(s.secrets, secret)
	return secret
}

func (s *Server) idToken(p Person, nonce string, scopes []string) string {
	now := s.Now()
	claims := map[string]any{
		"iss": "https://accounts.google.com", "aud": s.ClientID, "azp": s.ClientID, "sub": p.Sub,
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	if nonce != "" {
		claims["nonce"] = nonce
	}
	if p.Domain != "" { // consumer accounts have none
		claims["hd"] = p.Domain
	}
	for _, scope := range scopes {
		if scope == emailScope {
			claims["email"], claims["email_verified"] = cmp.Or(s.newEmails[p.Sub], p.Email), !s.unverified[p.Sub]
		}
	}
	return s.keys.Load().signGoogle(claims)
}

func (s *Server) certs(w http.ResponseWriter, _ *http.Request) (int, string) {
	w.Header().Set("Cache-Control", "public, max-age=20000, must-revalidate")
	var set jose.JSONWebKeySet
	for k := s.keys.Load(); k != nil; k = k.previous {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: k.id.Public(), KeyID: k.idKid, Algorithm: "RS256", Use: "sig"})
	}
	return answer(w, http.StatusOK, set), ""
}

func (s *Server) chatCerts(w http.ResponseWriter, _ *http.Request) (int, string) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "chat.system.gserviceaccount.com"},
		NotBefore: s.Now().Add(-time.Hour), NotAfter: s.Now().Add(24 * time.Hour),
	}
	certs := map[string]string{}
	for k := s.keys.Load(); k != nil; k = k.previous {
		der, err := x509.CreateCertificate(rand.Reader, template, template, k.chat.Public(), k.chat)
		if err != nil {
			panic(err) // a bug in this file
		}
		certs[k.chatKid] = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	w.Header().Set("Cache-Control", "public, max-age=20000, must-revalidate")
	return answer(w, http.StatusOK, certs), ""
}

// answer writes a JSON response and returns its status.
func answer(w http.ResponseWriter, status int, body any) int {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may have disconnected
	return status
}
