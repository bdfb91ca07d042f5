package buildpack

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"google.golang.org/api/option"

	"example.com/deputy/emulator/chatpage"
	"example.com/deputy/emulator/google"
	"example.com/deputy/functions/chatevent"
	"example.com/deputy/internal/deployed"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/seal/kms"
	"example.com/deputy/shared/vault"
)

// hosts are the Google hosts that the binary uses.
var hosts = []string{
	"accounts.google.com", "oauth2.googleapis.com", "www.googleapis.com", "chat.googleapis.com", "chat.google.com",
	"cloudkms.googleapis.com", "iamcredentials.googleapis.com",
}

func TestDeployedBinary(t *testing.T) {
	emulator := os.Getenv("FIRESTORE_EMULATOR_HOST")
	if emulator == "" {
		t.Skip("NOT TESTED: the deployed binary. FIRESTORE_EMULATOR_HOST is not set; " +
			"./test.sh starts Google's emulator if it is installed")
	}
	for _, format := range []chatpage.Format{chatpage.Classic, chatpage.AddOn} {
		t.Run(string(format), func(t *testing.T) { testDeployed(t, format, emulator) })
	}
}

func testDeployed(t *testing.T, format chatpage.Format, emulator string) {
	chatURL, callbackURL := freeAddress(t), freeAddress(t)
	server := google.New(google.Config{
		ClientID: "c.apps.googleusercontent.com", ClientSecret: "GOCSPX-x",
		RedirectURIs:  []string{callbackURL + "/callback"},
		ProjectNumber: "123456789012", AppName: "Deputy", ChatAddress: "https://chat.google.com/?in=", Now: time.Now,
		CertsAddress: "https://www.googleapis.com/oauth2/v3/certs",
	})
	var commands []chatpage.Command
	for _, c := range chatevent.ConsoleCommands() {
		commands = append(commands, chatpage.Command{
			ID: c.ID, Name: c.Name, Args: c.Args, Description: c.Description, Dialog: c.OpensDialog,
		})
	}
	page := chatpage.New(chatpage.Config{
		App: "Deputy", Endpoint: chatURL, Address: "https://chat.google.com", Commands: commands, Google: server,
		Format: format, Now: time.Now,
	}).Handler()
	net, err := deployed.NewNetwork(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host == "chat.google.com" {
			page.ServeHTTP(w, r)
			return
		}
		server.Handler().ServeHTTP(w, r)
	}), hosts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(net.Close)

	keyset, lookup, metadata := newKeysets(t, server)
	client, err := json.Marshal(map[string]any{"web": map[string]any{
		"client_id": server.ClientID, "client_secret": server.ClientSecret, "redirect_uris": server.RedirectURIs,
	}})
	if err != nil {
		t.Fatal(err)
	}
	project := "deployed-" + strings.ToLower(rand.Text()[:8])
	callersFile := filepath.Join(t.TempDir(), "callers.yaml")
	writeCallers(t, callersFile)
	noSecrets := append(net.Environment(), "FIRESTORE_EMULATOR_HOST="+emulator, "GOOGLE_CLOUD_PROJECT="+project,
		"OAUTH_CLIENT_ID="+server.ClientID)
	env := slices.Concat(noSecrets, []string{
		"CALLERS=" + callersFile, "API_AUDIENCE=https://api.deputy.example.com",
		"KEYSET=" + keyset.Reveal(), "LOOKUP_KEYSET=" + lookup.Reveal(), "KEYSET_KEK=" + kek,
		"GCE_METADATA_HOST=" + metadata, "OAUTH_CLIENT=" + string(client), "OAUTH_CALLBACK_URL=" + callbackURL,
		"CHAT_PROJECT_NUMBER=123456789012", "CHAT_ENDPOINT_URL=" + chatURL,
	})
	events := deployAt(t, chatURL, "ChatEvent", env...)
	callback := deployAt(t, callbackURL, "OAuthCallback", env...)
	api, security := deploy(t, "CreateSpace", env...), deploy(t, "SecurityEvent", noSecrets...)
	for _, s := range []*service{events, callback, api, security} {
		for _, path := range []string{"/ready", "/ready/store"} {
			// A check of the store times out after three seconds, which a busy machine
			// may exceed, and its failure is cached for three more.
			status, body := s.get(http.MethodGet, path)
			for try := 0; status != http.StatusOK && try < 10; try++ {
				<-time.After(time.Second)
				status, body = s.get(http.MethodGet, path)
			}
			if status != http.StatusOK {
				t.Fatalf("%s: %d %s; log: %s", path, status, body, s.Log)
			}
		}
	}

	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport, err := net.Transport()
	if err != nil {
		t.Fatal(err)
	}
	p := person{t, &http.Client{Jar: jar, Transport: transport}, google.People()[0]}
	// The first consent, and one that widens it. Each continues the command.
	for _, step := range [][2]string{
		{"/createspace Launch plan", "Launch plan"}, {"/createspace With people @Grace Hopper", "Added"},
	} {
		command, want := step[0], step[1]
		page := p.allow(p.find(p.say(command), `class="button strong configure" href="([^"]*)"`))
		if !strings.Contains(page, "Space created") || !strings.Contains(page, want) ||
			strings.Contains(page, "requires configuration") {
			t.Fatalf("%s: page: %s\nevents: %s\ncallback: %s", command, page, events.Log, callback.Log)
		}
	}
	if page := p.say("/status"); !strings.Contains(page, "ada@example.com") {
		t.Errorf("/status: %s", page)
	}
	// The caller needs an approval; the person gives it through the link in the response.
	status, body := post(t, api.Address+"/v1/spaces", server, createRequest)
	if status != http.StatusForbidden {
		t.Fatalf("not approved: %d %s; log: %s", status, body, api.Log)
	}
	question := p.allow(p.find(body, `"invitation":"([^"]*)"`))
	allowed := p.post(p.find(question, `<form method="post" action="([^"]*)"`), url.Values{
		"token": {p.find(question, `name="token" value="([^"]*)"`)}, "answer": {"allow"},
	})
	if !strings.Contains(question, "Allow CI to act as you?") || !strings.Contains(allowed, "<h1>Allowed</h1>") {
		t.Errorf("approval: %s\n%s\nlog: %s", question, allowed, callback.Log)
	}
	status, body = post(t, api.Address+"/v1/spaces", server, createRequest)
	if status != http.StatusCreated || !strings.Contains(body, `"state":"JOINED"`) {
		t.Errorf("API: %d %s; log: %s", status, body, api.Log)
	}
	const delegationRequest = `{"actAs":"grace@example.com","authority":"delegation","displayName":"By delegation"}`
	status, body = post(t, api.Address+"/v1/spaces", server, delegationRequest)
	if status != http.StatusForbidden || !strings.Contains(body, "DELEGATION_SERVICE_ACCOUNT") {
		t.Errorf("delegation without configuration: %d %s; log: %s", status, body, api.Log)
	}
	server.SetDelegation(delegationAccount, capability.CreateSpaces.Scope())
	delegated := deploy(t, "CreateSpace", append(env, "DELEGATION_SERVICE_ACCOUNT="+delegationAccount)...)
	if status, body := delegated.get(http.MethodGet, "/ready"); status != http.StatusOK {
		t.Fatalf("/ready: %d %s; log: %s", status, body, delegated.Log)
	}
	status, body = post(t, delegated.Address+"/v1/spaces", server, delegationRequest)
	if status != http.StatusCreated {
		t.Errorf("delegation: %d %s; log: %s", status, body, delegated.Log)
	}
	if status, body := push(t, security.Address, server.SignEvent(map[string]any{
		"iat": time.Now().Add(time.Minute).Unix(), // after the consent above
		"events": map[string]any{"https://schemas.openid.net/secevent/oauth/event-type/tokens-revoked": map[string]any{
			"subject": map[string]any{
				"subject_type": "iss-sub", "iss": "https://accounts.google.com/", "sub": p.account.Sub,
			},
		}},
	})); status != http.StatusAccepted {
		t.Errorf("security event: %d %s; log: %s", status, body, security.Log)
	}
	security.waitForLog("outcome\":\"revokedAt")
	if n := server.Count("chatcerts"); n != 1 {
		t.Errorf("Chat's keys were fetched %d times", n)
	}
	hosts := net.Connections()
	for _, host := range []string{
		"oauth2.googleapis.com:443", "www.googleapis.com:443", "chat.googleapis.com:443", "accounts.google.com:443",
		"cloudkms.googleapis.com:443", "iamcredentials.googleapis.com:443",
	} {
		if hosts[host] == 0 {
			t.Errorf("no connection to %s: %v", host, hosts)
		}
	}
}

const delegationAccount = "deputy@deployed.iam.gserviceaccount.com"

const kek = "gcp-kms://projects/deployed/locations/global/keyRings/deputy/cryptoKeys/keysets"

// newKeysets returns new keysets, wrapped with a key of the emulator's Cloud KMS, and the
// address of its metadata server, which gives the binary its credentials.
func newKeysets(t *testing.T, server *google.Server) (keyset, lookup config.Secret, metadata string) {
	t.Helper()
	plain := httptest.NewServer(server.Handler())
	t.Cleanup(plain.Close)
	source := oauth2.StaticTokenSource(&oauth2.Token{AccessToken: server.ServiceToken()})
	key, err := kms.New(t.Context(), kek, option.WithEndpoint(plain.URL+"/"), option.WithTokenSource(source))
	if err != nil {
		t.Fatal(err)
	}
	keyset, lookup, err = seal.Generate()
	if err == nil {
		keyset, err = seal.Wrap(t.Context(), seal.Keyset, keyset, key)
	}
	if err == nil {
		lookup, err = seal.Wrap(t.Context(), seal.Lookup, lookup, key)
	}
	if err != nil {
		t.Fatal(err)
	}
	return keyset, lookup, strings.TrimPrefix(plain.URL, "http://")
}

// push delivers a security event as Google does.
func push(t *testing.T, address, token string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+"/", strings.NewReader(token))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/secevent+jwt")
	return send(t, r)
}

const createRequest = `{"actAs":"ada@example.com","displayName":"From a system","members":["grace@example.com"]}`

const callerID, callerEmail = "109000000000000000001", "ci@tools.iam.gserviceaccount.com"

// writeCallers writes the callers file.
func writeCallers(t *testing.T, name string) {
	t.Helper()
	text, err := callers.Edit(nil, func(d *callers.Draft) error {
		return d.Put(callers.Caller{
			ID: "ci", UniqueID: callerID, Email: callerEmail, Name: "CI", Actions: []string{"spaces.create"},
			Domains: []string{"example.com"}, Authorities: []vault.Authority{"user", "delegation"},
		})
	})
	if err == nil {
		err = os.WriteFile(name, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// post calls the API as that caller.
func post(t *testing.T, address string, server *google.Server, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Idempotency-Key", fmt.Sprintf("build-%04d", len(body))) // one key per request
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+server.SignGoogle(map[string]any{
		"iss": "https://accounts.google.com", "aud": "https://api.deputy.example.com", "sub": callerID,
		"email": callerEmail, "email_verified": true,
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}))
	return send(t, r)
}

func send(t *testing.T, r *http.Request) (int, string) {
	t.Helper()
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// person is a Google user with a browser.
type person struct {
	t       *testing.T
	client  *http.Client
	account google.Person
}

func (p person) say(text string) string {
	p.t.Helper()
	form := url.Values{"as": {p.account.Sub}, "in": {"DM" + p.account.Sub}, "text": {text}}
	return p.post("https://chat.google.com/send", form)
}

// allow gives consent on Google's page, and again if a second consent is required for a refresh token.
func (p person) allow(link string) string {
	p.t.Helper()
	page := p.submitConsent(p.get(link))
	if strings.Contains(page, "wants to access your account") {
		page = p.submitConsent(page)
	}
	return page
}

func (p person) submitConsent(page string) string {
	p.t.Helper()
	form := url.Values{
		"request": {p.find(page, `name="request" value="([^"]*)"`)}, "account": {p.account.Sub}, "decision": {"allow"},
	}
	for _, m := range regexp.MustCompile(`name="scope" value="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		form.Add("scope", m[1])
	}
	return p.post("https://accounts.google.com/o/oauth2/v2/consent", form)
}

func (p person) get(address string) string { p.t.Helper(); return p.read(p.client.Get(address)) }

func (p person) post(address string, form url.Values) string {
	p.t.Helper()
	return p.read(p.client.PostForm(address, form))
}

func (p person) read(res *http.Response, err error) string {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(body)
}

func (p person) find(page, pattern string) string {
	p.t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(page)
	if m == nil {
		p.t.Fatalf("%s is not on the page: %s", pattern, page)
	}
	return html.UnescapeString(m[1])
}
