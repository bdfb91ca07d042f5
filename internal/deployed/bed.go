package deployed

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"google.golang.org/api/option"

	"example.com/deputy/emulator/chatpage"
	"example.com/deputy/emulator/google"
	"example.com/deputy/functions/chatevent"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/seal/kms"
	"example.com/deputy/shared/vault"
)

// The caller of Bed's API, who may act with both authorities.
const (
	CallerID    = "109000000000000000001"
	CallerEmail = "ci@tools.iam.gserviceaccount.com"
	Audience    = "https://api.deputy.example.com"
)

const kek = "gcp-kms://projects/deployed/locations/global/keyRings/deputy/cryptoKeys/keysets"

// MetadataHost is the host of the metadata server for Break.
const MetadataHost = "metadata"

// Bed is Deputy on its production path: the binary as deployed, over TLS and with tokens from a metadata server,
// Google's Firestore emulator, and the emulator of Google's other services and of Chat.
type Bed struct {
	*Network
	Google               *google.Server
	ChatURL, CallbackURL string   // where ChatEvent and OAuthCallback must run
	Env                  []string // of every function
	t                    testing.TB
	page                 http.Handler
	binary               string
}

// NewBed returns a Bed whose functions are not yet started. firestore is the address of Google's Firestore emulator, as
// in FIRESTORE_EMULATOR_HOST.
func NewBed(t testing.TB, binary, firestore string, format chatpage.Format) *Bed {
	t.Helper()
	b := &Bed{t: t, binary: binary, ChatURL: freeAddress(t), CallbackURL: freeAddress(t)}
	b.Google = google.New(google.Config{
		ClientID: "c.apps.googleusercontent.com", ClientSecret: "GOCSPX-x",
		RedirectURIs:  []string{b.CallbackURL + "/callback"},
		ProjectNumber: "123456789012", AppName: "Deputy", ChatAddress: "https://chat.google.com/?in=", Now: time.Now,
		CertsAddress: "https://www.googleapis.com/oauth2/v3/certs",
	})
	store, services := Firestore(firestore), b.Google.Handler()
	network, err := NewNetwork(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Host {
		case "chat.google.com":
			b.page.ServeHTTP(w, r)
		case FirestoreHost:
			store.ServeHTTP(w, r)
		default:
			services.ServeHTTP(w, r)
		}
	}), FirestoreHost, "accounts.google.com", "oauth2.googleapis.com", "www.googleapis.com", "chat.googleapis.com",
		"chat.google.com", "cloudidentity.googleapis.com", "cloudkms.googleapis.com", "iamcredentials.googleapis.com",
		"meet.googleapis.com")
	if err != nil {
		t.Fatal(err)
	}
	b.Network = network
	t.Cleanup(network.Close)
	transport, err := network.Transport()
	if err != nil {
		t.Fatal(err)
	}
	var commands []chatpage.Command
	for _, c := range chatevent.ConsoleCommands() {
		commands = append(commands, chatpage.Command{
			ID: c.ID, Name: c.Name, Args: c.Args, Description: c.Description, Dialog: c.OpensDialog,
		})
	}
	b.page = chatpage.New(chatpage.Config{
		App: "Deputy", Endpoint: b.ChatURL, Address: "https://chat.google.com", Commands: commands, Google: b.Google,
		Format: format, Now: time.Now, Transport: transport,
	}).Handler()
	metadata, stop, err := network.ServePlain(MetadataHost, services)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	b.Env = append(b.environment(), "GCE_METADATA_HOST="+metadata)
	return b
}

// environment returns the settings of every function.
func (b *Bed) environment() []string {
	b.t.Helper()
	client, err := json.Marshal(map[string]any{"web": map[string]any{
		"client_id": b.Google.ClientID, "client_secret": b.Google.ClientSecret, "redirect_uris": b.Google.RedirectURIs,
	}})
	if err != nil {
		b.t.Fatal(err)
	}
	file := filepath.Join(b.t.TempDir(), "callers.yaml")
	text, err := callers.Edit(nil, func(d *callers.Draft) error {
		return d.Put(callers.Caller{
			ID: "ci", UniqueID: CallerID, Email: CallerEmail, Name: "CI",
			Actions: []string{"spaces.create", "spaces.read", "spaces.update", "templates.write"},
			Domains: []string{"example.com"}, Authorities: []vault.Authority{"user", "delegation"},
		})
	})
	if err == nil {
		err = os.WriteFile(file, text, 0o600)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	keyset, lookup := b.newKeysets()
	return append(b.Environment(),
		"GOOGLE_CLOUD_PROJECT=deployed-"+strings.ToLower(rand.Text()[:8]), "OAUTH_CLIENT_ID="+b.Google.ClientID,
		"CALLERS="+file, "API_AUDIENCE="+Audience, "KEYSET="+keyset, "LOOKUP_KEYSET="+lookup, "KEYSET_KEK="+kek,
		"OAUTH_CLIENT="+string(client), "OAUTH_CALLBACK_URL="+b.CallbackURL,
		"CHAT_PROJECT_NUMBER=123456789012", "CHAT_ENDPOINT_URL="+b.ChatURL)
}

// newKeysets returns new keysets, wrapped with a key of the emulator's Cloud KMS.
func (b *Bed) newKeysets() (keyset, lookup string) {
	b.t.Helper()
	plain := httptest.NewServer(b.Google.Handler())
	defer plain.Close()
	source := oauth2.StaticTokenSource(&oauth2.Token{AccessToken: b.Google.ServiceToken()})
	key, err := kms.New(b.t.Context(), kek, option.WithEndpoint(plain.URL+"/"), option.WithTokenSource(source))
	if err != nil {
		b.t.Fatal(err)
	}
	one, two, err := seal.Generate()
	if err == nil {
		one, err = seal.Wrap(b.t.Context(), seal.Keyset, one, key)
	}
	if err == nil {
		two, err = seal.Wrap(b.t.Context(), seal.Lookup, two, key)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return one.Reveal(), two.Reveal()
}

// Start runs a function until the test ends, and waits until it listens.
func (b *Bed) Start(target string, env ...string) *Service {
	b.t.Helper()
	address := map[string]string{"ChatEvent": b.ChatURL, "OAuthCallback": b.CallbackURL}[target]
	if address == "" {
		address = freeAddress(b.t)
	}
	s, err := Start(b.binary, address, target, append(b.Env, env...)...)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(s.Stop)
	if status, body, err := s.Get(b.t.Context(), http.MethodGet, "/health"); err != nil || status != http.StatusOK {
		b.t.Fatalf("%s: %d %s, %v; log: %s", target, status, body, err, s.Log)
	}
	return s
}

func freeAddress(t testing.TB) string {
	t.Helper()
	address, err := FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// Event is an event of Chat and how the app responded.
type Event struct {
	Status  int             `json:"status"` // 0 without a response
	Reply   json.RawMessage `json:"reply"`
	Problem string          `json:"problem"` // why Chat rejects the reply
	Took    time.Duration   `json:"-"`
}

// Say sends a message of a person in a space, or if space is empty, in the direct message with the app.
func (b *Bed) Say(p google.Person, space, text string) Event {
	b.t.Helper()
	return b.play(map[string]string{"as": p.Email, "in": space, "type": "message", "text": text})
}

// Click clicks the last button with this text in the person's direct message with the app.
func (b *Bed) Click(p google.Person, button string) Event {
	b.t.Helper()
	return b.play(map[string]string{"as": p.Email, "type": "click", "button": button})
}

func (b *Bed) play(action map[string]string) Event {
	b.t.Helper()
	var out Event
	start := time.Now()
	b.script("/script/events", action, &out)
	out.Took = time.Since(start)
	return out
}

func (b *Bed) script(path string, in, out any) {
	b.t.Helper()
	text, err := json.Marshal(in)
	if err != nil {
		b.t.Fatal(err)
	}
	r, w := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(text)), httptest.NewRecorder()
	b.page.ServeHTTP(w, r.WithContext(context.WithoutCancel(b.t.Context())))
	if err := json.Unmarshal(w.Body.Bytes(), out); err != nil || w.Code != http.StatusOK {
		b.t.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
}

// StartLink returns the link to Deputy's consent in a reply to an event, or "".
func (e Event) StartLink() string {
	return startLink.FindString(strings.ReplaceAll(string(e.Reply), `\u0026`, "&"))
}

var startLink = regexp.MustCompile(`https?://[^"]*/start\?[^"]*`)

// Consent follows a link to Google's consent page, allows everything, and returns the page that follows.
func (b *Bed) Consent(p google.Person, link string) string {
	b.t.Helper()
	var out struct{ Page string }
	b.script("/script/consents", map[string]string{"as": p.Email, "address": link}, &out)
	return out.Page
}

// Call calls the API at address as the caller, with an idempotency key unless it is empty.
func (b *Bed) Call(ctx context.Context, method, address, key, body string) (int, string, error) {
	r, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+b.CallerToken())
	return send(r)
}

// CallerToken returns an ID token of the caller.
func (b *Bed) CallerToken() string {
	return b.Google.SignGoogle(map[string]any{
		"iss": "https://accounts.google.com", "aud": Audience, "sub": CallerID,
		"email": CallerEmail, "email_verified": true,
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	})
}

// Push delivers a security event as Google does.
func (b *Bed) Push(ctx context.Context, address, token string) (int, string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address+"/", strings.NewReader(token))
	if err != nil {
		return 0, "", err
	}
	r.Header.Set("Content-Type", "application/secevent+jwt")
	return send(r)
}

func send(r *http.Request) (int, string, error) {
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, "", fmt.Errorf("deployed: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	return res.StatusCode, string(text), err
}
