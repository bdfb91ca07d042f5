package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

// S1: whichever API refuses good tokens, nobody loses their grant, and people read
// that Google has trouble.
func TestNoAPIThatRefusesGoodTokensEndsAGrant(t *testing.T) {
	t.Parallel()
	for method, ask := range map[string][3]string{
		"chat.spaces.setup":           {"POST", "/v1/spaces", `{"actAs":"ada@example.com","displayName":"x"}`},
		"chat.spaces.list":            {"GET", "/v1/spaces?actAs=ada@example.com", ""},
		"chat.spaces.members.list":    {"GET", "/v1/spaces/AAAAteam/members?actAs=ada@example.com", ""},
		"chat.spaces.members.create":  {"POST", "/v1/spaces/AAAAteam/members", `{"actAs":"ada@example.com","members":["alan@example.com"]}`},
		"chat.spaces.messages.create": {"POST", "/v1/spaces/AAAAteam/messages", `{"actAs":"ada@example.com","text":"x"}`},
		"chat.spaces.patch":           {"PATCH", "/v1/spaces/AAAAteam?updateMask=description", `{"actAs":"ada@example.com","description":"x"}`},
		"meet.spaces.create":          {"POST", "/v1/spaces/AAAAteam/meetings", `{"actAs":"ada@example.com"}`},
	} {
		w := connectedWith(t)
		for range 3 { // minutes of it
			w.google.Fail(method, 401, 401, 401, 401)
			if got := w.api(t, ask[0], ask[1], ask[2]); got.status < 300 {
				t.Errorf("%s: %d %s", method, got.status, got.text)
			}
			w.google.ClearFaults()
			w.clock.advance(time.Minute)
		}
		g, err := w.vault.Grant(t.Context(), resource.Person(ada.User()))
		if err != nil || g.Status != vault.Connected || g.RefreshToken.Empty() || len(g.Scopes) < len(capability.All()) || len(g.ValidApprovals()) != 1 {
			t.Errorf("%s: %s, %d scopes, %v", method, g.Status, len(g.Scopes), err)
		}
		if got := strings.Count(w.log.String(), `alarm="a Google API rejects tokens`); got != 1 {
			t.Errorf("%s: %d alarms", method, got)
		}
		if got := w.api(t, ask[0], ask[1], ask[2]); got.status >= 300 {
			t.Errorf("%s, afterwards: %d %s", method, got.status, got.text)
		}
	}
}

func TestInChatPeopleReadThatGoogleHasTrouble(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser(t, ada)
	b.connect()
	if err := w.google.SetSwitch("401", true); err != nil {
		t.Fatal(err)
	}
	b.wantText(b.say("/createspace Launch plan"), "Google is unavailable right now")
	if err := w.google.SetSwitch("401", false); err != nil {
		t.Fatal(err)
	}
	b.wantText(b.say("/createspace Launch plan"), "Space created")
}

// S2: a template of one system must not make another's spaces.
func TestASystemsTemplateWorksForThatSystemAlone(t *testing.T) {
	t.Parallel()
	w := connectedWith(t)
	w.knows(t, incident)
	put := w.api(t, "PUT", "/v1/templates/Trap", `{"displayName":"x {{title}}","members":["kim@partner.example"],"externalUserAllowed":true,"firstMessage":"evil"}`)
	if put.status != http.StatusOK {
		t.Fatalf("%d %s", put.status, put.text)
	}
	if over := w.api(t, "PUT", "/v1/templates/Incident", `{"displayName":"mine"}`); over.problem() != "denied" {
		t.Errorf("over the operator's: %d %s", over.status, over.text)
	}
	if gone := w.api(t, "DELETE", "/v1/templates/Incident", ""); gone.problem() != "denied" {
		t.Errorf("the operator's removed: %d %s", gone.status, gone.text)
	}
	// Another system, with every right.
	other := caller()
	other.ID, other.UniqueID, other.Actions = "tickets", "109000000000000000007", everyAction
	other.Email = "tickets@tools.iam.gserviceaccount.com"
	w.put(t, other)
	w.approve(t, other)
	as := w.callerToken(map[string]any{"sub": other.UniqueID, "azp": other.UniqueID, "email": other.Email})
	setups := w.count("chat.spaces.setup")
	if got := w.api(t, "POST", "/v1/spaces", `{"actAs":"ada@example.com","template":"Trap","displayName":"x"}`, "Authorization", as); got.problem() != "invalid_request" || w.count("chat.spaces.setup") != setups {
		t.Errorf("used: %d %s", got.status, got.text)
	}
	if got := w.api(t, "GET", "/v1/templates/Trap", "", "Authorization", as); got.problem() != "not_found" {
		t.Errorf("read: %d %s", got.status, got.text)
	}
	if got := w.api(t, "GET", "/v1/templates", "", "Authorization", as); strings.Contains(got.text, "Trap") || !strings.Contains(got.text, "Incident") {
		t.Errorf("listed: %s", got.text)
	}
	w.api(t, "DELETE", "/v1/templates/Trap", "", "Authorization", as)
	if got := w.api(t, "GET", "/v1/templates/Trap", ""); got.status != http.StatusOK {
		t.Errorf("removed by another: %d %s", got.status, got.text)
	}
}

// S4: an entry that names an id does not let a system act for whoever has an
// address.
func TestAnEntryThatNamesAnIdDelegatesForNoAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := caller()
	c.Actions, c.Authorities, c.Domains, c.People = everyAction, []vault.Authority{callers.AuthorityDelegation}, nil, []string{ada.User()}
	w.put(t, c)
	w.google.SetDelegation(delegationAccount, capability.CreateSpaces.Scope())
	for named, want := range map[string]string{"ada@example.com": "denied", ada.User(): "invalid_request"} {
		got := w.api(t, "POST", "/v1/spaces", `{"actAs":"`+named+`","authority":"delegation","displayName":"x"}`)
		if got.problem() != want || w.count("chat.spaces.setup") != 0 {
			t.Errorf("%s: %d %s", named, got.status, got.text)
		}
	}
}

// S4: a refresh that tells of a new address must not act as its former owner.
func TestAnAddressThatPassedOnStopsTheActThatLearnsIt(t *testing.T) {
	t.Parallel()
	w := connectedWith(t)
	w.google.ChangeEmail(ada, "ada.lovelace@example.com")
	w.clock.advance(2 * time.Hour) // the access token is over
	if got := w.api(t, "POST", "/v1/spaces", `{"actAs":"ada@example.com","displayName":"x"}`); got.problem() != "approval_required" || w.count("chat.spaces.setup") != 0 {
		t.Errorf("%d %s", got.status, got.text)
	}
	if got := w.api(t, "POST", "/v1/spaces", `{"actAs":"ada.lovelace@example.com","displayName":"x"}`, "Idempotency-Key", "another-key"); got.status != http.StatusCreated {
		t.Errorf("by the new address: %d %s", got.status, got.text)
	}
}

// S5: the answer tells a system nothing of whom it names.
func TestEqualBytesAndEqualCallsForWhoIsConnectedAndWhoIsNot(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := caller()
	c.Actions = everyAction
	w.put(t, c)
	w.browser(t, ada).connect()
	w.api(t, "GET", "/v1/templates", "") // for the keys
	type seen struct {
		size          int
		reads, writes int64
		calls         int
	}
	ask := func(named string) seen {
		t.Helper()
		reads, writes, calls := w.docs.Reads(), w.docs.Writes(), len(w.google.Calls())
		got := w.api(t, "POST", "/v1/spaces", `{"actAs":"`+named+`","displayName":"x"}`, "Idempotency-Key", "key-of-"+url.QueryEscape(named))
		if got.problem() != "approval_required" {
			t.Errorf("%s: %d %s", named, got.status, got.text)
		}
		return seen{len(got.text), w.docs.Reads() - reads, w.docs.Writes() - writes, len(w.google.Calls()) - calls}
	}
	want := ask(ada.Email)
	for _, named := range []string{grace.Email, "nobody.at.all@example.com"} {
		if got := ask(named); got != want {
			t.Errorf("%s: %+v, connected %+v", named, got, want)
		}
	}
	if known, stranger := ask(ada.User()), ask("users/100000000000000000999"); known != stranger {
		t.Errorf("by id: connected %+v, stranger %+v", known, stranger)
	}
}

// S10: a page of another site makes the browser send requests here.
func TestAnotherSitesPageCannotAct(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	back := strings.TrimSuffix(w.google.CertsAddress, "/oauth2/v3/certs")
	for _, listener := range []string{w.address, back} {
		for name, c := range map[string]struct{ header, value, host string }{
			"cross-site":     {"Sec-Fetch-Site", "cross-site", ""},
			"another origin": {"Origin", "https://evil.example", ""},
			"another host":   {"X-Nothing", "x", "evil.example"},
		} {
			r := request(t, http.MethodPost, listener+"/send", []byte("as="+ada.Sub))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set(c.header, c.value)
			if c.host != "" {
				r.Host = c.host
			}
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			if res.StatusCode != http.StatusForbidden {
				t.Errorf("%s, %s: %d", listener, name, res.StatusCode)
			}
		}
	}
}

// S14: links and codes in a mangled path must not reach the log.
func TestNoPathThatNothingMatchesIsLogged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{
		"/oauthcallback/start%3Finvitation=MARKED", "/oauthcallback/export/MARKED", "/oauthcallback/callback/MARKED", "/createspace/v1/people/MARKED@example.com/x",
		"/securityevent/MARKED", "/oauthcallback/" + strings.Repeat("x", 500<<10) + "MARKED",
	} {
		res, err := http.DefaultClient.Do(request(t, http.MethodGet, w.address+path, nil))
		if err != nil {
			continue // the server takes no such address at all
		}
		_ = res.Body.Close()
	}
	if log := w.log.String(); strings.Contains(log, "MARKED") || len(log) > 16<<10 || !strings.Contains(log, "/{unknown}") {
		t.Errorf("%d bytes: %.2000s", len(log), log)
	}
}

// S15: each effect needs its own right, and its own approval.
func TestEachEffectNeedsItsOwnRightAndApproval(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		path, body string
		needs      []string
	}{
		"a first message": {"/v1/spaces", `{"actAs":"ada@example.com","displayName":"x","firstMessage":"hello"}`, []string{callers.CreateSpaces, callers.CreateMessages}},
		"a reuse":         {"/v1/spaces", `{"actAs":"ada@example.com","displayName":"Team","onDuplicate":"REUSE"}`, []string{callers.CreateSpaces, callers.ReadSpaces, callers.ReadMembers}},
		"a meeting":       {"/v1/spaces/AAAAteam/meetings", `{"actAs":"ada@example.com"}`, []string{callers.CreateMeetings, callers.CreateMessages}},
	} {
		for _, without := range c.needs {
			w := connectedWith(t)
			all := caller()
			all.Actions = nil
			for _, action := range c.needs {
				if action != without {
					all.Actions = append(all.Actions, action)
				}
			}
			w.put(t, all)
			calls := len(w.google.Calls())
			if got := w.api(t, "POST", c.path, c.body); got.problem() != "denied" {
				t.Errorf("%s without the right %s: %d %s", name, without, got.status, got.text)
			}
			// The right, and an approval of all the others.
			all.Actions = c.needs
			w.put(t, all)
			g, err := w.vault.Grant(t.Context(), resource.Person(ada.User()))
			if err != nil {
				t.Fatal(err)
			}
			g.WithdrawApproval(incidentTool, "user")
			var given []string
			for _, action := range c.needs {
				if action != without {
					given = append(given, action)
				}
			}
			g.Approve(incidentTool, "user", given, w.clock.now())
			if _, err := w.vault.SaveGrant(t.Context(), g); err != nil {
				t.Fatal(err)
			}
			if got := w.api(t, "POST", c.path, c.body); got.problem() != "approval_required" {
				t.Errorf("%s without the approval %s: %d %s", name, without, got.status, got.text)
			}
			for _, call := range w.google.Calls()[calls:] {
				if strings.HasPrefix(call.Method, "chat") && call.Method != "chatcerts" || strings.HasPrefix(call.Method, "meet") {
					t.Errorf("%s without %s: Google was asked: %s", name, without, call.Method)
				}
			}
		}
	}
}

// S20: every change of trust leaves a line, and reads are shown to the person.
func TestEveryChangeOfTrustLeavesALine(t *testing.T) {
	t.Parallel()
	w := newWorldWithCaller(t, caller())
	w.browser(t, grace).connect()
	if !strings.Contains(w.log.String(), "act=connect person="+grace.User()) {
		t.Error("a consent left no line")
	}
	stranger := w.callerToken(map[string]any{"sub": "109000000000000000099", "email": "stranger@evil.iam.gserviceaccount.com"})
	w.api(t, "POST", "/v1/spaces", `{"actAs":"ada@example.com","displayName":"x"}`, "Authorization", stranger)
	if !strings.Contains(w.log.String(), "109000000000000000099") {
		t.Error("an unknown caller left no line")
	}
	read := connectedWith(t)
	for range 3 {
		read.api(t, "GET", "/v1/spaces?actAs=ada@example.com", "")
	}
	if acts := read.acts(t); len(acts) != 1 || acts[0].Action != callers.ReadSpaces {
		t.Errorf("reads in an hour: %v", acts)
	}
	read.clock.advance(time.Hour)
	read.api(t, "GET", "/v1/spaces?actAs=ada@example.com", "")
	if acts := read.acts(t); len(acts) != 2 {
		t.Errorf("an hour later: %v", acts)
	}
}

// S21: an invitation must not ask for more than the system's authorities.
func TestOnlyASystemWithThatAuthorityInvitesAdministrators(t *testing.T) {
	t.Parallel()
	const ask = `{"capabilities":["AdminDelete"]}`
	for authority, want := range map[string]bool{string(callers.AuthorityUser): false, string(callers.AuthorityAdmin): true} {
		w := newWorld(t)
		c := caller()
		c.Actions, c.Authorities = []string{callers.InvitePeople}, []vault.Authority{callers.AuthorityUser}
		if want {
			c.Authorities = append(c.Authorities, vault.Authority(authority))
		}
		w.put(t, c)
		got := w.api(t, "POST", "/v1/people/ada@example.com/connection", ask)
		if invited := got.body["invitation"] != nil; invited != want {
			t.Errorf("%s: %d %s", authority, got.status, got.text)
		}
	}
}

// S23: a form that another site's page sends carries a body that looks like JSON.
func TestABodyThatIsNotSaidToBeJSONIsNotTaken(t *testing.T) {
	t.Parallel()
	w := connectedWith(t)
	for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonx", "x", ""} {
		got := w.api(t, "POST", "/v1/spaces", `{"actAs":"ada@example.com","displayName":"x"}`, "Content-Type", kind)
		if got.status != http.StatusUnsupportedMediaType || got.problem() != "unsupported_media_type" {
			t.Errorf("%q: %d %s", kind, got.status, got.text)
		}
	}
	for _, body := range []string{`{"actAs":"ada@example.com","displayName":"a","displayName":"b"}`, `{"actAs":"ada@example.com","DisplayName":"x"}`, "{\"actAs\":\"ada@example.com\",\"displayName\":\"\xff\"}"} {
		if got := w.api(t, "POST", "/v1/spaces", body); got.problem() != "invalid_request" {
			t.Errorf("%s: %d %s", body, got.status, got.text)
		}
	}
	if got := w.spaces(ada); got != nil {
		t.Errorf("made: %v", got)
	}
	if got := w.api(t, "POST", "/v1/spaces", `{"actAs":"ada@example.com","displayName":"x"}`, "Content-Type", "application/json; charset=utf-8"); got.status != http.StatusCreated {
		t.Errorf("JSON: %d %s", got.status, got.text)
	}
}

// A3: who disconnects while a space is made loses nothing of it for ever.
func TestADisconnectDuringACreateLeavesTheRestForLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tr *trial
		var once sync.Once
		tr = newTrial(t, &failure{name: "she disconnects", wire: func(r *http.Request, passOn http.RoundTripper) (*http.Response, error) {
			res, err := passOn.RoundTrip(r)
			if strings.HasSuffix(r.URL.Path, "/spaces:setup") {
				once.Do(func() {
					if _, err := tr.grants.Disconnect(t.Context(), resource.Person(ada.User())); err != nil {
						t.Error(err)
					}
				})
			}
			return res, err
		}}, true)
		tr.allowed(capability.All()...)
		tr.everything()
		create := func() *httptest.ResponseRecorder {
			return tr.do(http.MethodPost, "/createspace/v1/spaces", `{"actAs":"`+ada.User()+`","displayName":"Launch plan","members":["grace@example.com"],"firstMessage":"Welcome"}`,
				"Authorization", tr.callerToken(), "Idempotency-Key", "build-1234", "Content-Type", "application/json")
		}
		tr.arm(1)
		if got := create(); got.Code != http.StatusAccepted {
			t.Fatalf("%d %s", got.Code, got.Body)
		}
		tr.clearFaults()
		tr.allowed(capability.All()...)
		tr.everything()
		tr.clock.advance(time.Minute)
		got := create()
		if got.Code != http.StatusCreated || !strings.Contains(got.Body.String(), `"state":"JOINED"`) || strings.Contains(got.Body.String(), "FAILED") || strings.Contains(got.Body.String(), "UNCHECKED") || tr.countPlans() != 1 {
			t.Errorf("after she came back: %d %s, %d spaces", got.Code, got.Body, tr.countPlans())
		}
	})
}

// A4: of several that hold one ETag, one wins.
func TestOfSeveralChangesWithOneETagOneWins(t *testing.T) {
	t.Parallel()
	w := connectedWith(t)
	tag := w.api(t, "GET", "/v1/spaces/AAAAteam?actAs=ada@example.com", "").header.Get("ETag")
	if err := w.google.SetSwitch("slow", true); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	results := make([]answered, 3)
	for i := range results {
		all.Go(func() {
			body := fmt.Sprintf(`{"actAs":"ada@example.com","description":"by %d"}`, i)
			results[i] = w.api(t, "PATCH", "/v1/spaces/AAAAteam?updateMask=description", body, "If-Match", tag, "Idempotency-Key", fmt.Sprint("writer-number-", i))
		})
	}
	all.Wait()
	if err := w.google.SetSwitch("slow", false); err != nil {
		t.Fatal(err)
	}
	won := 0
	for i, got := range results {
		switch got.status {
		case http.StatusOK:
			won++
			if now := w.api(t, "GET", "/v1/spaces/AAAAteam?actAs=ada@example.com", ""); now.body["description"] != fmt.Sprint("by ", i) {
				t.Errorf("%d won, and the description is %v", i, now.body["description"])
			}
		case http.StatusConflict, http.StatusPreconditionFailed:
		default:
			t.Errorf("%d: %d %s", i, got.status, got.text)
		}
	}
	if won != 1 {
		t.Errorf("%d won", won)
	}
}

// A6: a lost answer can be had again, whatever the person has done since.
func TestAFinishedKeyGivesItsAnswerAfterADisconnect(t *testing.T) {
	t.Parallel()
	w := connectedWith(t)
	const body = `{"actAs":"ada@example.com","displayName":"x"}`
	first := w.api(t, "POST", "/v1/spaces", body)
	if _, err := w.grants.Disconnect(t.Context(), resource.Person(ada.User())); err != nil {
		t.Fatal(err)
	}
	if again := w.api(t, "POST", "/v1/spaces", body); again.status != http.StatusCreated || again.text != first.text || w.count("chat.spaces.setup") != 1 {
		t.Errorf("%d %s", again.status, again.text)
	}
	if other := w.api(t, "POST", "/v1/spaces", `{"actAs":"ada@example.com","displayName":"y"}`, "Idempotency-Key", "another-key"); other.problem() != "approval_required" {
		t.Errorf("something new: %d %s", other.status, other.text)
	}
}

// A11: a person named by id is invited, like one named by address.
func TestAPersonNamedByIdGetsAnInvitation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(t, caller())
	got := w.api(t, "POST", "/v1/spaces", `{"actAs":"users/100000000000000000999","displayName":"x"}`)
	if got.problem() != "approval_required" || got.body["invitation"] == nil {
		t.Errorf("%d %s", got.status, got.text)
	}
}

// C2: a repetition must not open a second room.
func TestARepeatedMeetingNamesTheRoomThatWasOpened(t *testing.T) {
	t.Parallel()
	w := connectedWith(t)
	w.google.Fail("chat.spaces.messages.create", 503, 503, 503, 503)
	w.api(t, "POST", "/v1/spaces/AAAAteam/meetings", `{"actAs":"ada@example.com"}`)
	w.google.ClearFaults()
	second := w.api(t, "POST", "/v1/spaces/AAAAteam/meetings", `{"actAs":"ada@example.com"}`)
	if second.status != http.StatusCreated || w.count("meet.spaces.create") != 1 || !strings.Contains(second.text, "https://meet.google.com/") {
		t.Errorf("%d %s, %d rooms", second.status, second.text, w.count("meet.spaces.create"))
	}
}

// C5: threads exist in named spaces only.
func TestNoThreadIsNamedInAGroupConversation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser(t, ada)
	b.space = w.google.CreateGroupChat(ada, grace).ID
	b.connectWith("/say Hello there")
	if got := w.count("chat.spaces.messages.create"); got != 1 {
		t.Fatalf("%d messages", got)
	}
	for _, call := range w.google.Calls() {
		if call.Method == "chat.spaces.messages.create" && strings.Contains(fmt.Sprintf("%+v", call), "thread") {
			t.Errorf("a thread is named: %+v", call)
		}
	}
}

// C7: the app's setting changes nothing of what people typed.
func TestWhatPeopleTypedIsInChatsSyntaxWhateverTheAppsSetting(t *testing.T) {
	t.Parallel()
	for _, chats := range []bool{false, true} {
		w := newWorld(t)
		if err := w.google.SetSwitch("chat-markup", chats); err != nil {
			t.Fatal(err)
		}
		b := w.browser(t, ada)
		b.space = "AAAAteam"
		b.connectWith("/say *important* <https://a.example|the page>")
		page := b.chat()
		if !strings.Contains(page.body, "<b>important</b>") && !strings.Contains(page.body, "<strong>important</strong>") || !strings.Contains(page.body, ">the page</a>") {
			t.Errorf("Chat's own: %v: %s", chats, page.body[max(0, strings.Index(page.body, "important")-200):min(len(page.body), strings.Index(page.body, "important")+300)])
		}
	}
}

// A token that fits two entries of the file: nobody knows which of them calls.
func TestATokenThatFitsTwoEntriesIsDenied(t *testing.T) {
	t.Parallel()
	w := connectedWith(t)
	byAddress := caller()
	byAddress.UniqueID, byAddress.Actions = "", everyAction
	w.put(t, byAddress)
	if got := w.api(t, "GET", "/v1/templates", ""); got.status != http.StatusOK {
		t.Fatalf("one entry: %d %s", got.status, got.text)
	}
	byID := caller()
	byID.ID, byID.Email, byID.Actions = "another", "", everyAction
	w.put(t, byID)
	if got := w.api(t, "GET", "/v1/templates", ""); got.problem() != "denied" {
		t.Errorf("two entries: %d %s", got.status, got.text)
	}
}

// S1: also the APIs that only Chat's commands use.
func TestCalendarAndGroupsThatRefuseGoodTokensEndNoGrant(t *testing.T) {
	t.Parallel()
	for method, command := range map[string]string{
		"calendar.events.list": "/kickoff tomorrow 10:00", "calendar.events.insert": "/kickoff tomorrow 10:00", "cloudidentity.groups.lookup": "/createspace Launch plan groups/oncall@example.com",
	} {
		for _, status := range []int{401, 403} {
			w := connectedWith(t)
			b := w.browser(t, ada)
			b.space = "AAAAteam"
			w.google.Fail(method, status, status, status, status)
			b.say(command)
			tried := 4 - w.google.PendingFaults(method)
			w.google.ClearFaults()
			g, err := w.vault.Grant(t.Context(), resource.Person(ada.User()))
			if err != nil || g.Status != vault.Connected || len(g.Scopes) < len(capability.All()) {
				t.Errorf("%s %d: %s, %d scopes, %v", method, status, g.Status, len(g.Scopes), err)
			}
			if tried == 0 && method != "cloudidentity.groups.lookup" {
				t.Errorf("%s was not asked", method)
			}
		}
	}
}
