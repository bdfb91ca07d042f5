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

// keys are what the stand-in signs with: one key for ID tokens, one for Chat,
// and one of the service account that people's organization delegates to.
type keys struct {
	id, chat, account *rsa.PrivateKey
	idKid, chatKid    string
	before            *keys // that are still published; nil for none
}

// freshKeys are made once a run: making them is slow.
var freshKeys = sync.OnceValue(newKeys)

func newKeys() *keys {
	k := &keys{idKid: "id-" + rand.Text()[:8], chatKid: "chat-" + rand.Text()[:8]}
	for _, key := range []**rsa.PrivateKey{&k.id, &k.chat, &k.account} {
		made, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err) // only without randomness
		}
		*key = made
	}
	return k
}

// Rotate signs with new keys from now on. Those before are published as well,
// as Google does for some days; the service account's stays.
func (s *Server) Rotate() {
	before, now := s.keys.Load(), newKeys()
	now.account, now.before = before.account, before
	s.keys.Store(now)
}

func (k *keys) signID(claims map[string]any) string   { return sign(k.id, k.idKid, claims) }
func (k *keys) signChat(claims map[string]any) string { return sign(k.chat, k.chatKid, claims) }

func sign(key *rsa.PrivateKey, kid string, claims map[string]any) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key},
		(&jose.SignerOptions{}).WithHeader("kid", kid).WithType("JWT"))
	if err != nil {
		panic(err) // a mistake in this file
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

// ChatToken is what Chat sends with a classic event whose audience is the
// project's number (chat-protocol.md 3.1).
func (s *Server) ChatToken() string {
	now := s.Now()
	return s.keep(s.keys.Load().signChat(map[string]any{
		"iss": "chat@system.gserviceaccount.com", "aud": s.ProjectNumber,
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}))
}

// AddOnToken is what Chat sends with an event of an add-on to this endpoint.
func (s *Server) AddOnToken(endpoint string) string {
	now := s.Now()
	return s.keep(s.SignGoogle(map[string]any{
		"iss": "https://accounts.google.com", "aud": endpoint, "azp": "100000000000000000901", "sub": "100000000000000000901",
		"email":          "service-" + s.ProjectNumber + "@gcp-sa-gsuiteaddons.iam.gserviceaccount.com",
		"email_verified": true, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}))
}

// SignGoogle signs any claims as Google's accounts do, for tests of what must
// be refused.
func (s *Server) SignGoogle(claims map[string]any) string {
	return s.keys.Load().signID(claims)
}

// SignChat signs any claims with Chat's key, for tests of what must be refused.
func (s *Server) SignChat(claims map[string]any) string {
	return s.keys.Load().signChat(claims)
}

func (s *Server) keep(secret string) string {
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
			claims["email"], claims["email_verified"] = cmp.Or(s.renamed[p.Sub], p.Email), !s.unverified[p.Sub]
		}
	}
	return s.keys.Load().signID(claims)
}

func (s *Server) certs(w http.ResponseWriter, _ *http.Request) (int, string) {
	w.Header().Set("Cache-Control", "public, max-age=20000, must-revalidate")
	var set jose.JSONWebKeySet
	for k := s.keys.Load(); k != nil; k = k.before {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: k.id.Public(), KeyID: k.idKid, Algorithm: "RS256", Use: "sig"})
	}
	return answer(w, http.StatusOK, set), ""
}

func (s *Server) chatCerts(w http.ResponseWriter, _ *http.Request) (int, string) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "chat.system.gserviceaccount.com"},
		NotBefore: s.Now().Add(-time.Hour), NotAfter: s.Now().Add(24 * time.Hour),
	}
	texts := map[string]string{}
	for k := s.keys.Load(); k != nil; k = k.before {
		der, err := x509.CreateCertificate(rand.Reader, template, template, k.chat.Public(), k.chat)
		if err != nil {
			panic(err) // a mistake in this file
		}
		texts[k.chatKid] = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	w.Header().Set("Cache-Control", "public, max-age=20000, must-revalidate")
	return answer(w, http.StatusOK, texts), ""
}

func answer(w http.ResponseWriter, status int, body any) int {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client has gone: nobody to tell
	return status
}
