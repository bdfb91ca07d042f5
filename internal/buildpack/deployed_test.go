package buildpack

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"example.com/deputy/emulator/chatpage"
	"example.com/deputy/emulator/google"
	"example.com/deputy/internal/deployed"
	"example.com/deputy/shared/capability"
)

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
	binary, err := build()
	if err != nil {
		t.Fatal(err)
	}
	bed := deployed.NewBed(t, binary, emulator, format)
	server := bed.Google
	events, callback, api := bed.Start("ChatEvent"), bed.Start("OAuthCallback"), bed.Start("CreateSpace")
	var noSecrets []string
	for _, variable := range bed.Env {
		if !strings.Contains(variable, "KEYSET") && !strings.HasPrefix(variable, "OAUTH_CLIENT=") {
			noSecrets = append(noSecrets, variable)
		}
	}
	security, err := deployed.Start(binary, freeAddress(t), "SecurityEvent", noSecrets...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(security.Stop)
	for _, running := range []*deployed.Service{events, callback, api, security} {
		s := &service{running, t}
		for _, path := range []string{"/startup", "/ready"} {
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

	p := newPerson(t, bed, google.People()[0])
	// The first consent continues the command. One that widens it leads back to a card.
	page := p.allow(p.find(p.say("/createspace With people @Grace Hopper"),
		`class="button strong configure" href="([^"]*)"`))
	if !strings.Contains(page, "Space created") || !strings.Contains(page, "Added") ||
		strings.Contains(page, "requires configuration") {
		t.Fatalf("page: %s\nevents: %s\ncallback: %s", page, events.Log, callback.Log)
	}
	wider := p.allow(p.find(p.say("/meet"), `href="([^"]*start\?invitation=[^"]*)"[^>]*>Allow<`))
	if page := p.say("/meet"); !strings.Contains(wider, "connected") || !strings.Contains(page, "meet.google.com") {
		t.Fatalf("a wider consent: %s\n%s", wider, page)
	}
	if page := p.say("/status"); !strings.Contains(page, "ada@example.com") {
		t.Errorf("/status: %s", page)
	}
	// The caller needs an approval; the person gives it through the link in the response.
	status, body := post(t, bed, api, createRequest)
	if status != http.StatusForbidden {
		t.Fatalf("not approved: %d %s; log: %s", status, body, api.Log)
	}
	question, allowed := p.approve(body)
	if !strings.Contains(question, "Allow CI to act as you?") || !strings.Contains(allowed, "<h1>Allowed</h1>") {
		t.Errorf("approval: %s\n%s\nlog: %s", question, allowed, callback.Log)
	}
	status, body = post(t, bed, api, createRequest)
	if status != http.StatusCreated || !strings.Contains(body, `"state":"JOINED"`) {
		t.Errorf("API: %d %s; log: %s", status, body, api.Log)
	}
	const delegationRequest = `{"actAs":"grace@example.com","authority":"delegation","displayName":"By delegation"}`
	status, body = post(t, bed, api, delegationRequest)
	if status != http.StatusForbidden || !strings.Contains(body, "DELEGATION_SERVICE_ACCOUNT") {
		t.Errorf("delegation without configuration: %d %s; log: %s", status, body, api.Log)
	}
	server.SetDelegation(delegationAccount, capability.CreateSpaces.Scope())
	delegated := bed.Start("CreateSpace", "DELEGATION_SERVICE_ACCOUNT="+delegationAccount)
	status, body = post(t, bed, delegated, delegationRequest)
	if status != http.StatusCreated {
		t.Errorf("delegation: %d %s; log: %s", status, body, delegated.Log)
	}
	if status, body, err := bed.Push(t.Context(), security.Address, server.SignEvent(map[string]any{
		"iat": time.Now().Add(time.Minute).Unix(), // after the consent above
		"events": map[string]any{"https://schemas.openid.net/secevent/oauth/event-type/tokens-revoked": map[string]any{
			"subject": map[string]any{
				"subject_type": "iss-sub", "iss": "https://accounts.google.com/", "sub": p.account.Sub,
			},
		}},
	})); err != nil || status != http.StatusAccepted {
		t.Errorf("security event: %d %s, %v; log: %s", status, body, err, security.Log)
	}
	(&service{security, t}).waitForLog("outcome\":\"revokedAt")
	if n := server.Count("chatcerts"); n != 1 {
		t.Errorf("Chat's keys were fetched %d times", n)
	}
	hosts := bed.Connections()
	for _, host := range []string{
		"oauth2.googleapis.com:443", "www.googleapis.com:443", "chat.googleapis.com:443", "accounts.google.com:443",
		"cloudkms.googleapis.com:443", "iamcredentials.googleapis.com:443", "firestore.googleapis.com:443",
	} {
		if hosts[host] == 0 {
			t.Errorf("no connection to %s: %v", host, hosts)
		}
	}
}

const delegationAccount = "deputy@deployed.iam.gserviceaccount.com"

// post calls the API with one idempotency key per request.
func post(t *testing.T, bed *deployed.Bed, api *deployed.Service, body string) (int, string) {
	t.Helper()
	key := fmt.Sprintf("build-%04d", len(body))
	status, text, err := bed.Call(t.Context(), http.MethodPost, api.Address+"/v1/spaces", key, body)
	if err != nil {
		t.Fatal(err)
	}
	return status, text
}

const createRequest = `{"actAs":"ada@example.com","displayName":"From a system","members":["grace@example.com"]}`

// person is a Google user with a browser.
type person struct {
	t       *testing.T
	client  *http.Client
	account google.Person
}

func newPerson(t *testing.T, bed *deployed.Bed, account google.Person) person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport, err := bed.Transport()
	if err != nil {
		t.Fatal(err)
	}
	return person{t, &http.Client{Jar: jar, Transport: transport}, account}
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

// approve follows the invitation in a response of the API, and allows everything.
func (p person) approve(response string) (question, allowed string) {
	p.t.Helper()
	question = p.get(p.find(response, `"invitation":"([^"]*)"`))
	for range 2 { // again for a refresh token, if the link asks for more than she has allowed
		if strings.Contains(question, "wants to access your account") {
			question = p.submitConsent(question)
		}
	}
	return question, p.post(p.find(question, `<form method="post" action="([^"]*)"`), url.Values{
		"token": {p.find(question, `name="token" value="([^"]*)"`)}, "answer": {"allow"},
		"action": p.findAll(question, `name="action" value="([^"]*)"`),
	})
}

func (p person) submitConsent(page string) string {
	p.t.Helper()
	return p.post(consentAddress, p.consentForm(page))
}

const consentAddress = "https://accounts.google.com/o/oauth2/v2/consent"

// consentForm returns the form of Google's page, with everything allowed.
func (p person) consentForm(page string) url.Values {
	p.t.Helper()
	form := url.Values{
		"request": {p.find(page, `name="request" value="([^"]*)"`)}, "account": {p.account.Sub}, "decision": {"allow"},
	}
	for _, m := range regexp.MustCompile(`name="scope" value="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		form.Add("scope", m[1])
	}
	return form
}

// get opens an address. On Deputy's page before a first consent, it goes on with only what the command needs.
func (p person) get(address string) string {
	p.t.Helper()
	page := p.read(p.client.Get(address))
	if strings.Contains(page, "ask=needed") {
		page = p.read(p.client.Get(p.find(page, `href="([^"]*ask=needed)"`)))
	}
	return page
}

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

// findAll returns the matches of a pattern, perhaps none.
func (p person) findAll(page, pattern string) (out []string) {
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(page, -1) {
		out = append(out, html.UnescapeString(m[1]))
	}
	return out
}

func (p person) find(page, pattern string) string {
	p.t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(page)
	if m == nil {
		p.t.Fatalf("%s is not on the page: %s", pattern, page)
	}
	return html.UnescapeString(m[1])
}
