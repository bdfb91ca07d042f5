package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/deputy/shared/resource"
)

// Each forged event gets 401 with no body, has no effect, and leaves one log line that names the failed check.
func TestEvent_ForgedToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	now, endpoint := w.clock.now(), w.address+"/chatevent"
	sender := "service-" + projectNumber + "@gcp-sa-gsuiteaddons.iam.gserviceaccount.com"
	token := func(sign func(map[string]any) string, claims, change map[string]any) string {
		all := map[string]any{"iat": now.Unix(), "exp": now.Add(time.Hour).Unix()}
		for _, m := range []map[string]any{claims, change} {
			for k, v := range m {
				all[k] = v
			}
		}
		return "Bearer " + sign(all)
	}
	classicClaims := map[string]any{"iss": "chat@system.gserviceaccount.com", "aud": projectNumber}
	classic := func(change map[string]any) string { return token(w.google.SignChat, classicClaims, change) }
	addOn := func(change map[string]any) string {
		return token(w.google.SignGoogle, map[string]any{
			"iss": "https://accounts.google.com", "aud": endpoint, "email": sender, "email_verified": true, "sub": "9",
		}, change)
	}
	help := command(ada, "spaces/DM/messages/m1", 4, "")
	addOnHelp := map[string]any{"chat": map[string]any{
		"user":              map[string]any{"name": ada.User()},
		"appCommandPayload": map[string]any{"appCommandMetadata": map[string]any{"appCommandId": "4"}},
	}}
	for authorization, event := range map[string]any{classic(nil): help, addOn(nil): addOnHelp} {
		status, body := w.sendWith(t, event, authorization)
		if status != http.StatusOK || !strings.Contains(body, "What Deputy can do") {
			t.Fatalf("a valid event: %d %s", status, body)
		}
	}

	good := classic(nil)
	signature := strings.LastIndex(good, ".")
	const (
		none     = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0" // {"alg":"none","typ":"JWT"}
		notAddOn = "not this project's add-on"
	)
	used := w.docs.Reads() + w.docs.Writes()
	for name, c := range map[string]struct {
		authorization string
		event         any
		why           string
	}{
		"no token":       {"", help, "not exactly one bearer token"},
		"another scheme": {"Basic eDp5", help, "not exactly one bearer token"},
		"not a token":    {"Bearer nonsense", help, "not a compact JWT"},
		"alg none": {
			"Bearer " + none + "." + strings.Split(good, ".")[1] + ".",
			help, "unexpected signature algorithm",
		},
		"truncated":         {good[:len(good)-200], help, "signature"},
		"signature cut off": {good[:signature+1], help, "signature"},
		"signature removed by IAM": {
			good[:signature] + ".SIGNATURE_REMOVED_BY_GOOGLE",
			help, "no-invoker-iam-check",
		},
		"expired":       {classic(map[string]any{"exp": now.Add(-time.Minute).Unix()}), help, "expired"},
		"not yet valid": {classic(map[string]any{"nbf": now.Add(time.Hour).Unix()}), help, "issued in the future"},
		"issued tomorrow": {
			classic(map[string]any{"iat": now.Add(24 * time.Hour).Unix()}),
			help, "issued in the future",
		},
		"another project": {classic(map[string]any{"aud": "999999999999"}), help, "another audience"},
		"two audiences": {
			classic(map[string]any{"aud": []string{projectNumber, "x"}}),
			help, "another audience",
		},
		"classic, address as audience": {classic(map[string]any{"aud": endpoint}), help, "another audience"},
		"classic account, Google's key": {
			addOn(map[string]any{"email": "chat@system.gserviceaccount.com"}),
			help, notAddOn,
		},
		"Google's key, Chat's issuer": {
			token(w.google.SignGoogle, classicClaims, nil),
			help, "unknown key id",
		},
		"add-on: another project": {
			addOn(map[string]any{"email": "service-999@gcp-sa-gsuiteaddons.iam.gserviceaccount.com"}),
			addOnHelp, notAddOn,
		},
		"add-on: look-alike": {addOn(map[string]any{"email": sender + ".evil.example"}), addOnHelp, notAddOn},
		"add-on: another service account": {
			addOn(map[string]any{"email": "x@evil.iam.gserviceaccount.com"}),
			addOnHelp, notAddOn,
		},
		"add-on: email not verified": {addOn(map[string]any{"email_verified": false}), addOnHelp, notAddOn},
		"add-on: no email":           {addOn(map[string]any{"email": nil}), addOnHelp, notAddOn},
		"add-on: address with a slash": {
			addOn(map[string]any{"aud": endpoint + "/"}),
			addOnHelp, "another audience",
		},
		"add-on: the project number": {
			addOn(map[string]any{"aud": projectNumber}),
			addOnHelp, "another audience",
		},
		"add-on: another issuer": {
			addOn(map[string]any{"iss": "https://accounts.google.com.evil.example"}),
			addOnHelp, "another issuer",
		},
		"add-on body, classic token": {good, addOnHelp, "format does not match its sender"},
		"classic body, add-on token": {addOn(nil), help, "format does not match its sender"},
	} {
		before, calls := len(w.log.String()), len(w.google.Calls())
		status, body := w.sendWith(t, c.event, c.authorization)
		if status != http.StatusUnauthorized || body != "" {
			t.Errorf("%s: got %d %q, want 401 and no body", name, status, body)
		}
		line := w.log.String()[before:]
		if strings.Count(line, "\n") != 1 || !strings.Contains(line, c.why) {
			t.Errorf("%s: the log line does not name the check %q: %s", name, c.why, line)
		}
		if got := w.google.Calls()[calls:]; len(got) > 1 { // at most one fetch of keys
			t.Errorf("%s: calls: %v", name, got)
		}
	}
	if w.docs.Reads()+w.docs.Writes() != used {
		t.Error("the store was used")
	}
}

func TestEvent_TwoAuthorizationHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := request(t, http.MethodPost, w.address+"/chatevent", []byte(`{"type":"MESSAGE"}`))
	r.Header["Authorization"] = []string{"Bearer " + w.google.ChatToken(), "Bearer x"}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusUnauthorized {
		t.Errorf("got %d, want 401", res.StatusCode)
	}
}

func TestEvent_OddBody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, c := range map[string]struct {
		body string
		want int
	}{
		"null":      {"null", 200},
		"empty":     {"", 400},
		"not JSON":  {"{", 400},
		"a list":    {"[]", 400},
		"oversized": {`{"type":"` + strings.Repeat("x", 1<<20) + `"}`, 400},
	} {
		r := request(t, http.MethodPost, w.address+"/chatevent", []byte(c.body))
		r.Header.Set("Authorization", "Bearer "+w.google.ChatToken())
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != c.want {
			t.Errorf("%s: got %d, want %d", name, res.StatusCode, c.want)
		}
	}
}

func TestEvent_TruncatedBody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.browser(t, ada).connect()
	body := `{"type":"MESSAGE","user":{"name":"` + ada.User() + `"},` +
		`"message":{"name":"m","argumentText":"Plan","slashCommand":{"commandId":5}}}`
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.address, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, err = fmt.Fprintf(conn, "POST /chatevent HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\n"+
		"Content-Length: %d\r\n\r\n%s", w.google.ChatToken(), len(body)+1, body) // one byte short
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 400 ") {
		t.Errorf("got %q, %v", answer, err)
	}
	if got := w.spaces(ada); got != nil {
		t.Errorf("spaces: %v", got)
	}
}

func TestConsent_RefusalLogged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.twice = false
	b := w.browser(t, ada)
	link := func() string { return b.link(b.say("/connect"), "Configure") }
	last := func(path string) string {
		for _, u := range slices.Backward(b.visited) {
			if strings.HasSuffix(u.Path, path) {
				return u.String()
			}
		}
		return ""
	}
	for _, step := range []struct {
		why string
		do  func()
	}{
		{"link_expired", func() { b.open(w.address + "/oauthcallback/start?invitation=forged") }},
		{"link_expired", func() { b.open(w.address + "/oauthcallback/callback?state=forged&code=x") }},
		{"declined: access_denied", func() { b.consent(link(), decision{account: ada, deny: true}) }},
		{"wrong_account: another person consented", func() { b.consent(link(), decision{account: grace}) }},
		{"wrong_account: again: another person consented", func() { b.open(last("/callback")) }},
		{"other_browser", func() { w.browser(t, grace).submit(b.open(link()), decision{account: ada}) }},
		{"google_refused: redirect from another issuer", func() {
			b.open(strings.Replace(b.callbackURL(link()), "accounts.google.com", "evil.example", 1))
		}},
	} {
		before := len(w.log.String())
		step.do()
		refusals := 0
		for line := range strings.Lines(w.log.String()[before:]) {
			if strings.Contains(line, "function=oauthcallback") && strings.Contains(line, "outcome=invalid") {
				refusals++
				if !strings.Contains(line, step.why) {
					t.Errorf("%s: the log line is %s", step.why, line)
				}
			}
		}
		if refusals != 1 {
			t.Errorf("%s: log lines: got %d, want 1", step.why, refusals)
		}
	}
	if _, err := w.docs.Get(t.Context(), "grants", ada.Sub); err == nil {
		t.Error("a grant was stored")
	}
}

// callbackURL consents at link and returns the callback's address without opening it.
func (b *browser) callbackURL(link string) string {
	b.t.Helper()
	page := b.open(link)
	redirect := b.client.CheckRedirect
	defer func() { b.client.CheckRedirect = redirect }()
	target := ""
	b.client.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		target = r.URL.String()
		return http.ErrUseLastResponse
	}
	b.submit(page, decision{account: b.person})
	return target
}

func TestButton_ForgedFromInvitation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser(t, ada)
	invitation, err := url.Parse(b.link(b.say("/connect"), "Configure"))
	if err != nil {
		t.Fatal(err)
	}
	reply := w.send(t, map[string]any{
		"type": "CARD_CLICKED", "user": map[string]any{"name": ada.User()},
		"space":  map[string]any{"name": "spaces/DM" + ada.Sub},
		"common": map[string]any{"parameters": map[string]any{"value": invitation.Query().Get("invitation")}},
	})
	if !strings.Contains(reply, "This button has expired") {
		t.Errorf("got %s", reply)
	}
}

func TestDirectMessage_CardIsPrivate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.browser(t, ada).connect()
	commandInDM := func(id int) map[string]any {
		e := command(ada, "spaces/two/messages/m1", id, "")
		e["space"] = map[string]any{"name": "spaces/two", "spaceType": "DIRECT_MESSAGE", "singleUserBotDm": false}
		e["configCompleteRedirectUrl"] = w.address + "/complete?token=x"
		return e
	}
	for _, id := range []int{2, 3, 4, 5, 7} {
		got := w.send(t, commandInDM(id))
		if !strings.Contains(got, `"privateMessageViewer":{"name":"`+ada.User()+`"}`) {
			t.Errorf("command %d: both people see %s", id, got)
		}
	}
	w.send(t, spaceEvent(ada, "REMOVED_FROM_SPACE", "SPACE"))
	if g, err := w.vault.Grant(t.Context(), resource.Person(ada.User())); err != nil || !g.RemovedAt.IsZero() {
		t.Errorf("the grant counts as removed: %v, %v", g.RemovedAt, err)
	}
}
