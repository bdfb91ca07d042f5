package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/vault"
)

// callerToken returns the incident tool's Authorization header. Claims in change replace the usual ones.
func (w *world) callerToken(change map[string]any) string {
	now := w.clock.now()
	claims := map[string]any{
		"iss": "https://accounts.google.com", "aud": apiAudience, "azp": incidentUniqueID, "sub": incidentUniqueID,
		"email": incidentEmail, "email_verified": true, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	for k, v := range change {
		claims[k] = v
	}
	return "Bearer " + w.google.SignGoogle(claims)
}

// callResponse is a response of the API.
type callResponse struct {
	status int
	header http.Header
	text   string
	body   struct {
		Type, Detail, Invitation, Name, Address string
		Missing                                 []string
		Members                                 []struct{ Member, State string }
	}
}

// call creates a space through the API; an empty key sends no Idempotency-Key.
func (w *world) call(t *testing.T, authorization, key, body string) callResponse {
	t.Helper()
	r := request(t, http.MethodPost, w.address+"/createspace/v1/spaces", []byte(body))
	r.Header.Set("Authorization", authorization)
	r.Header.Set("Content-Type", "application/json")
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	out := callResponse{status: res.StatusCode, header: res.Header, text: string(text)}
	if err := json.Unmarshal(text, &out.body); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return out
}

const plan = `{"actAs":"ada@example.com","displayName":"Incident 7","spaceType":"SPACE",
 "members":["grace@example.com","users/100000000000000000103","kim@partner.example"]}`

func TestCaller_CreatesSpaceByEmail(t *testing.T) {
	t.Parallel()
	w := newUnapprovedWorld(t)
	refused := w.call(t, w.callerToken(nil), "incident-7", plan)
	if refused.status != 403 || refused.body.Type != "urn:deputy:problem:approval_required" ||
		refused.header.Get("Content-Type") != "application/problem+json" {
		t.Fatalf("got %d %s", refused.status, refused.text)
	}
	asked := []string{
		"CreateSpaces", "ReadSpaces", "EditSpaces", "ReadMembers", "ManageMembers", "PostMessages", "Meet",
	} // for the whole job
	if diff := cmp.Diff(asked, refused.body.Missing); diff != "" {
		t.Error(diff)
	}
	// Anyone can open the invitation, but only the person it asks can use it.
	other := w.browser(t, grace)
	other.wantText(other.consent(refused.body.Invitation, decision{account: grace}),
		"Wrong account", "You chose grace@example.com")
	b := w.browser(t, ada)
	b.wantText(b.answer(b.consent(refused.body.Invitation, decision{account: ada}), "allow"), "Allowed")

	for range 2 {
		created := w.call(t, w.callerToken(nil), "incident-7", plan)
		want := []struct{ Member, State string }{
			{"grace@example.com", "JOINED"},
			{"users/100000000000000000103", "JOINED"},
			{"kim@partner.example", "LEFT_OUT"},
		}
		diff := cmp.Diff(want, created.body.Members)
		if created.status != 201 || created.body.Name == "" || created.body.Address == "" || diff != "" {
			t.Fatalf("got %d %s %s", created.status, created.text, diff)
		}
	}
	if diff := cmp.Diff([]string{"Incident 7"}, w.spaces(ada)); diff != "" {
		t.Error(diff)
	}
	again := w.call(t, w.callerToken(nil), "another-key", plan)
	if again.status != 409 || again.body.Type != "urn:deputy:problem:conflict" ||
		!strings.Contains(again.body.Detail, "already exists") {
		t.Errorf("name taken: %d %s", again.status, again.text)
	}
	byID := w.call(t, w.callerToken(nil), "incident-8", `{"actAs":"users/`+ada.Sub+`","displayName":"Incident 8"}`)
	if byID.status != 201 {
		t.Errorf("by id: %d %s", byID.status, byID.text)
	}
	if log := w.log.String(); strings.Contains(log, "Incident 7") || strings.Contains(log, "invitation=") ||
		!strings.Contains(log, "caller="+incidentTool) {
		t.Errorf("log: %s", log)
	}
}

func TestCaller_ForgedToken(t *testing.T) {
	t.Parallel()
	w := newWorldWithCaller(t, caller())
	reads := w.docs.Reads()
	now := w.clock.now()
	good := w.callerToken(nil)
	for name, token := range map[string]string{
		"no token":            "",
		"another scheme":      "Basic eDp5",
		"nonsense":            "Bearer x",
		"signature removed":   good[:strings.LastIndex(good, ".")] + ".SIGNATURE_REMOVED_BY_GOOGLE",
		"another audience":    w.callerToken(map[string]any{"aud": apiAudience + "/"}),
		"two audiences":       w.callerToken(map[string]any{"aud": []string{apiAudience, "x"}}),
		"another issuer":      w.callerToken(map[string]any{"iss": "https://evil.example"}),
		"expired":             w.callerToken(map[string]any{"exp": now.Add(-time.Second).Unix()}),
		"not yet valid":       w.callerToken(map[string]any{"nbf": now.Add(time.Hour).Unix()}),
		"a person's ID token": w.callerToken(map[string]any{"email": "ada@example.com", "sub": ada.Sub}),
		"a look-alike":        w.callerToken(map[string]any{"email": incidentEmail + ".evil.example"}),
		"email not verified":  w.callerToken(map[string]any{"email_verified": false}),
		"no email, other sub": w.callerToken(map[string]any{"email": nil, "sub": "109000000000000000999"}),
		"signed by Chat's keys": "Bearer " + w.google.SignChat(map[string]any{
			"iss": "https://accounts.google.com", "aud": apiAudience, "sub": incidentUniqueID,
		}),
	} {
		got := w.call(t, token, "key-key-key", plan)
		challenge := `Bearer error="invalid_token"`
		if token == "" {
			challenge = "Bearer"
		}
		if got.status != 401 || got.body.Type != "urn:deputy:problem:unauthenticated" ||
			got.header.Get("WWW-Authenticate") != challenge || !strings.Contains(got.body.Detail, apiAudience) {
			t.Errorf("%s: got %d %s", name, got.status, got.text)
		}
	}
	if got := w.docs.Reads(); got != reads {
		t.Errorf("the store was read %d times", got-reads)
	}
	if got := w.call(t, w.callerToken(map[string]any{"email": nil}), "key-key-key", plan); got.status != 403 {
		t.Errorf("a token without an email claim: %d %s", got.status, got.text)
	}
}

func TestCaller_RecordLimits(t *testing.T) {
	t.Parallel()
	change := func(edit func(*callers.Caller)) callers.Caller {
		c := caller()
		edit(&c)
		return c
	}
	onlyPeople := func(people ...string) callers.Caller {
		return change(func(c *callers.Caller) { c.Domains, c.People = nil, people })
	}
	for name, c := range map[string]struct {
		record callers.Caller
		actAs  string
		want   int // 403 means that consent is asked for, 0 that the caller is denied
	}{
		"a domain": {caller(), "ada@example.com", 403},
		"no record": {change(func(c *callers.Caller) {
			c.UniqueID, c.Email = "109000000000000000009", "one@tools.iam.gserviceaccount.com"
		}), "ada@example.com", 0},
		"another email": {change(func(c *callers.Caller) {
			c.Email = "other@tools.iam.gserviceaccount.com"
		}), "ada@example.com", 0},
		"paused": {change(func(c *callers.Caller) { c.Paused = true }), "ada@example.com", 0},
		"another action": {change(func(c *callers.Caller) {
			c.Actions = []string{"spaces.delete"}
		}), "ada@example.com", 0},
		"no authority": {change(func(c *callers.Caller) {
			c.Authorities = []vault.Authority{"delegation"}
		}), "ada@example.com", 0},
		"another domain":      {caller(), "kim@partner.example", 0},
		"a look-alike domain": {caller(), "ada@evil.example.com", 0},
		"no person":           {onlyPeople(), "ada@example.com", 0},
		"one person":          {onlyPeople("ada@example.com"), "Ada@Example.com", 403},
		"another person":      {onlyPeople("ada@example.com"), "grace@example.com", 0},
		"a stranger's ID":     {caller(), "users/999", 403},
		"one person by ID":    {onlyPeople("users/999"), "users/999", 403},
		// The answer is the same for a connected person who has not approved the caller.
		"an ID with only a domain": {caller(), "users/" + grace.Sub, 403},
	} {
		w := newWorld(t)
		w.put(t, c.record)
		got := w.call(t, w.callerToken(nil), "key-key-key", `{"actAs":"`+c.actAs+`","displayName":"x"}`)
		wantType := "urn:deputy:problem:denied"
		if c.want != 0 {
			wantType = "urn:deputy:problem:approval_required"
		}
		if got.status != 403 || got.body.Type != wantType || (got.body.Invitation != "") != (c.want != 0) {
			t.Errorf("%s: got %d %s, want %s", name, got.status, got.text, wantType)
		}
	}
}

func TestCaller_ProbesWhoIsConnected(t *testing.T) {
	t.Parallel()
	c := caller()
	c.Domains = []string{"elsewhere.example"}
	w := newWorldWithCaller(t, c)
	b := w.browser(t, ada)
	b.connect()
	byID := func() string {
		return w.call(t, w.callerToken(nil), "key-key-key", `{"actAs":"`+grace.User()+`","displayName":"x"}`).body.Type
	}
	before := byID()
	w.browser(t, grace).connect()
	if after := byID(); after != before {
		t.Errorf("before she connected %s, afterwards %s", before, after)
	}
	connected := w.call(t, w.callerToken(nil), "key-key-key", `{"actAs":"ada@example.com","displayName":"x"}`)
	stranger := w.call(t, w.callerToken(nil), "key-key-key", `{"actAs":"grace@example.com","displayName":"x"}`)
	if connected.status != stranger.status || connected.body.Type != stranger.body.Type ||
		connected.body.Detail != stranger.body.Detail {
		t.Errorf("connected: %s, stranger: %s", connected.text, stranger.text)
	}
}

func TestCaller_InvalidBody(t *testing.T) {
	t.Parallel()
	w := newWorldWithCaller(t, caller())
	w.browser(t, ada).connect()
	const (
		asAda = `{"actAs":"ada@example.com"`
		named = asAda + `,"displayName":"x"`
		key   = "key-key-key"
	)
	for name, c := range map[string]struct{ key, body, want string }{
		"no key":           {"", plan, "Idempotency-Key"},
		"a short key":      {"x", plan, "Idempotency-Key"},
		"no JSON":          {key, "{", "isn't a valid JSON object"},
		"empty":            {key, "", "isn't a valid JSON object"},
		"two values":       {key, plan + plan, "isn't a valid JSON object"},
		"an unknown field": {key, named + `,"dryrun":true}`, "dryrun"},
		"a wrong type":     {key, asAda + `,"displayName":7}`, "displayName must be a JSON string"},
		"no actAs":         {key, `{"displayName":"x"}`, "actAs is missing"},
		"a path":           {key, `{"actAs":"users/1/../2","displayName":"x"}`, "actAs must be"},
		"no address":       {key, `{"actAs":"Ada Lovelace","displayName":"x"}`, "actAs must be"},
		"no name":          {key, asAda + `}`, "Enter a name"},
		"a long name":      {key, asAda + `,"displayName":"` + strings.Repeat("x", 129) + `"}`, "129 characters"},
		"another type": {
			key, named + `,"spaceType":"THREADED"}`,
			`spaceType can't be "THREADED"`,
		},
		"a named group":     {key, named + `,"spaceType":"GROUP_CHAT"}`, "takes only the fields actAs"},
		"an odd member":     {key, named + `,"members":["groups/1/2"]}`, "/members/0 is"},
		"a member's markup": {key, named + `,"members":["<b>@x.example"]}`, "/members/0 is"},
	} {
		got := w.call(t, w.callerToken(nil), c.key, c.body)
		if got.status != 400 || got.body.Type != "urn:deputy:problem:invalid_request" ||
			!strings.Contains(got.body.Detail, c.want) {
			t.Errorf("%s: got %d %.300s", name, got.status, got.text)
		}
	}
	if got := w.spaces(ada); got != nil {
		t.Errorf("spaces: %v", got)
	}
}
