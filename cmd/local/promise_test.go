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

// A Google API that rejects valid tokens must not end a grant, whichever API it is.
func TestGrant_SurvivesTokenRejection(t *testing.T) {
	t.Parallel()
	for method, call := range map[string][3]string{
		"chat.spaces.setup":        {"POST", "/v1/spaces", `{"actAs":"ada@example.com","displayName":"x"}`},
		"chat.spaces.list":         {"GET", "/v1/spaces?actAs=ada@example.com", ""},
		"chat.spaces.members.list": {"GET", "/v1/spaces/AAAAteam/members?actAs=ada@example.com", ""},
		"chat.spaces.members.create": {
			"POST", "/v1/spaces/AAAAteam/members",
			`{"actAs":"ada@example.com","members":["alan@example.com"]}`,
		},
		"chat.spaces.messages.create": {
			"POST", "/v1/spaces/AAAAteam/messages",
			`{"actAs":"ada@example.com","text":"x"}`,
		},
		"chat.spaces.patch": {
			"PATCH", "/v1/spaces/AAAAteam?updateMask=description",
			`{"actAs":"ada@example.com","description":"x"}`,
		},
		"meet.spaces.create": {"POST", "/v1/spaces/AAAAteam/meetings", `{"actAs":"ada@example.com"}`},
	} {
		w := newConnectedWorld(t)
		for range 3 { // for three minutes
			w.google.Fail(method, 401, 401, 401, 401)
			if got := w.api(t, call[0], call[1], call[2]); got.status < 300 {
				t.Errorf("%s: %d %s", method, got.status, got.text)
			}
			w.google.ClearFaults()
			w.clock.advance(time.Minute)
		}
		g, err := w.vault.Grant(t.Context(), resource.Person(ada.User()))
		if err != nil || g.Status != vault.Connected || g.RefreshToken.Empty() ||
			len(g.Scopes) < len(capability.All()) || len(g.ValidApprovals()) != 1 {
			t.Errorf("%s: %s, %d scopes, %v", method, g.Status, len(g.Scopes), err)
		}
		if got := strings.Count(w.log.String(), `alarm="a Google API rejects tokens`); got != 1 {
			t.Errorf("%s: %d alarms", method, got)
		}
		if got := w.api(t, call[0], call[1], call[2]); got.status >= 300 {
			t.Errorf("%s, afterwards: %d %s", method, got.status, got.text)
		}
	}
}

func TestChat_TokenRejectionMessage(t *testing.T) {
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

// Attack: one caller's template shapes another caller's spaces.
func TestTemplate_OtherCallersTemplate(t *testing.T) {
	t.Parallel()
	w := newConnectedWorld(t)
	w.addTemplates(t, incident)
	put := w.api(t, "PUT", "/v1/templates/Trap",
		`{"displayName":"x {{title}}","members":["kim@partner.example"],"externalUserAllowed":true,`+
			`"firstMessage":"evil"}`)
	if put.status != http.StatusOK {
		t.Fatalf("%d %s", put.status, put.text)
	}
	if replaced := w.api(t, "PUT", "/v1/templates/Incident", `{"displayName":"mine"}`); replaced.problem() != "denied" {
		t.Errorf("operator's template replaced: %d %s", replaced.status, replaced.text)
	}
	if deleted := w.api(t, "DELETE", "/v1/templates/Incident", ""); deleted.problem() != "denied" {
		t.Errorf("operator's template deleted: %d %s", deleted.status, deleted.text)
	}
	// Another caller may run every action.
	other := caller()
	other.ID, other.UniqueID, other.Actions = "tickets", "109000000000000000007", allActions
	other.Email = "tickets@tools.iam.gserviceaccount.com"
	w.put(t, other)
	w.approve(t, other)
	otherToken := w.callerToken(map[string]any{"sub": other.UniqueID, "azp": other.UniqueID, "email": other.Email})
	setups := w.count("chat.spaces.setup")
	if got := w.api(t, "POST", "/v1/spaces", `{"actAs":"ada@example.com","template":"Trap","displayName":"x"}`,
		"Authorization", otherToken); got.problem() != "invalid_request" || w.count("chat.spaces.setup") != setups {
		t.Errorf("used: %d %s", got.status, got.text)
	}
	if got := w.api(t, "GET", "/v1/templates/Trap", "", "Authorization", otherToken); got.problem() != "not_found" {
		t.Errorf("read: %d %s", got.status, got.text)
	}
	if got := w.api(t, "GET", "/v1/templates", "", "Authorization", otherToken); strings.Contains(got.text, "Trap") ||
		!strings.Contains(got.text, "Incident") {
		t.Errorf("listed: %s", got.text)
	}
	w.api(t, "DELETE", "/v1/templates/Trap", "", "Authorization", otherToken)
	if got := w.api(t, "GET", "/v1/templates/Trap", ""); got.status != http.StatusOK {
		t.Errorf("deleted by another caller: %d %s", got.status, got.text)
	}
}

// A caller whose entry lists a person by ID must not use delegation for that
// person's email address: the address might belong to someone else.
func TestDelegation_EntryByIDRefusesEmail(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := caller()
	c.Actions, c.Authorities, c.Domains, c.People = allActions, []vault.Authority{callers.AuthorityDelegation}, nil,
		[]string{ada.User()}
	w.put(t, c)
	w.google.SetDelegation(delegationAccount, capability.CreateSpaces.Scope())
	for named, want := range map[string]string{"ada@example.com": "denied", ada.User(): "invalid_request"} {
		got := w.api(t, "POST", "/v1/spaces", `{"actAs":"`+named+`","authority":"delegation","displayName":"x"}`)
		if got.problem() != want || w.count("chat.spaces.setup") != 0 {
			t.Errorf("%s: %d %s", named, got.status, got.text)
		}
	}
}

// Attack: a caller names a person by an address that has passed to someone else.
// The refresh that learns of the new address must stop the operation.
func TestActAs_ReassignedEmail(t *testing.T) {
	t.Parallel()
	w := newConnectedWorld(t)
	w.google.ChangeEmail(ada, "ada.lovelace@example.com")
	w.clock.advance(2 * time.Hour) // the access token has expired
	if got := w.api(t, "POST", "/v1/spaces",
		`{"actAs":"ada@example.com","displayName":"x"}`); got.problem() != "approval_required" ||
		w.count("chat.spaces.setup") != 0 {
		t.Errorf("%d %s", got.status, got.text)
	}
	if got := w.api(t, "POST", "/v1/spaces", `{"actAs":"ada.lovelace@example.com","displayName":"x"}`,
		"Idempotency-Key", "another-key"); got.status != http.StatusCreated {
		t.Errorf("by the new address: %d %s", got.status, got.text)
	}
}

// Attack: a caller probes who is connected. Size, reads, writes, and calls are the same for every person.
func TestActAs_ConnectionNotRevealed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := caller()
	c.Actions = allActions
	w.put(t, c)
	w.browser(t, ada).connect()
	w.api(t, "GET", "/v1/templates", "") // fetches Google's keys
	type footprint struct {
		size          int
		reads, writes int64
		calls         int
	}
	measure := func(named string) footprint {
		t.Helper()
		reads, writes, calls := w.docs.Reads(), w.docs.Writes(), len(w.google.Calls())
		got := w.api(t, "POST", "/v1/spaces", `{"actAs":"`+named+`","displayName":"x"}`,
			"Idempotency-Key", "key-of-"+url.QueryEscape(named))
		if got.problem() != "approval_required" {
			t.Errorf("%s: %d %s", named, got.status, got.text)
		}
		return footprint{len(got.text), w.docs.Reads() - reads, w.docs.Writes() - writes, len(w.google.Calls()) - calls}
	}
	want := measure(ada.Email)
	for _, named := range []string{grace.Email, "nobody.at.all@example.com"} {
		if got := measure(named); got != want {
			t.Errorf("%s: %+v, connected %+v", named, got, want)
		}
	}
	if connected, unknown := measure(ada.User()), measure("users/100000000000000000999"); connected != unknown {
		t.Errorf("by ID: connected %+v, unknown %+v", connected, unknown)
	}
}

// Attack: another site's page makes the browser send requests to this program.
func TestPage_CrossSiteRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	googleAddress := strings.TrimSuffix(w.google.CertsAddress, "/oauth2/v3/certs")
	for _, listener := range []string{w.address, googleAddress} {
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

// A secret in an unknown path must not reach the log.
func TestLog_UnknownPath(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{
		"/oauthcallback/start%3Finvitation=MARKED", "/oauthcallback/export/MARKED", "/oauthcallback/callback/MARKED",
		"/createspace/v1/people/MARKED@example.com/x",
		"/securityevent/MARKED", "/oauthcallback/" + strings.Repeat("x", 500<<10) + "MARKED",
	} {
		res, err := http.DefaultClient.Do(request(t, http.MethodGet, w.address+path, nil))
		if err != nil {
			continue // the server rejects such a long address
		}
		_ = res.Body.Close()
	}
	if log := w.log.String(); strings.Contains(log, "MARKED") || len(log) > 16<<10 ||
		!strings.Contains(log, "/{unknown}") {
		t.Errorf("%d bytes: %.2000s", len(log), log)
	}
}

// Each effect of a request needs its own action and its own approval.
func TestAPI_EachEffectNeedsActionAndApproval(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		path, body string
		needs      []string
	}{
		"a first message": {
			"/v1/spaces", `{"actAs":"ada@example.com","displayName":"x","firstMessage":"hello"}`,
			[]string{callers.CreateSpaces, callers.CreateMessages},
		},
		"a reuse": {
			"/v1/spaces", `{"actAs":"ada@example.com","displayName":"Team","onDuplicate":"REUSE"}`,
			[]string{callers.CreateSpaces, callers.ReadSpaces, callers.ReadMembers},
		},
		"a meeting": {
			"/v1/spaces/AAAAteam/meetings", `{"actAs":"ada@example.com"}`,
			[]string{callers.CreateMeetings, callers.CreateMessages},
		},
	} {
		for _, missing := range c.needs {
			w := newConnectedWorld(t)
			limited := caller()
			limited.Actions = nil
			for _, action := range c.needs {
				if action != missing {
					limited.Actions = append(limited.Actions, action)
				}
			}
			w.put(t, limited)
			calls := len(w.google.Calls())
			if got := w.api(t, "POST", c.path, c.body); got.problem() != "denied" {
				t.Errorf("%s without the action %s: %d %s", name, missing, got.status, got.text)
			}
			// All actions, but no approval of this one.
			limited.Actions = c.needs
			w.put(t, limited)
			g, err := w.vault.Grant(t.Context(), resource.Person(ada.User()))
			if err != nil {
				t.Fatal(err)
			}
			g.WithdrawApproval(incidentTool, "user")
			var approved []string
			for _, action := range c.needs {
				if action != missing {
					approved = append(approved, action)
				}
			}
			g.Approve(incidentTool, "user", approved, w.clock.now())
			if _, err := w.vault.SaveGrant(t.Context(), g); err != nil {
				t.Fatal(err)
			}
			if got := w.api(t, "POST", c.path, c.body); got.problem() != "approval_required" {
				t.Errorf("%s without the approval %s: %d %s", name, missing, got.status, got.text)
			}
			for _, call := range w.google.Calls()[calls:] {
				if strings.HasPrefix(call.Method, "chat") && call.Method != "chatcerts" ||
					strings.HasPrefix(call.Method, "meet") {
					t.Errorf("%s without %s: unexpected call to Google: %s", name, missing, call.Method)
				}
			}
		}
	}
}

// Each change of trust is logged, and reads appear in the person's activity once an hour.
func TestAudit_TrustChanges(t *testing.T) {
	t.Parallel()
	w := newWorldWithCaller(t, caller())
	w.browser(t, grace).connect()
	if !strings.Contains(w.log.String(), "action=connect person="+grace.User()) {
		t.Error("the consent is not logged")
	}
	unknown := w.callerToken(map[string]any{
		"sub":   "109000000000000000099",
		"email": "stranger@evil.iam.gserviceaccount.com",
	})
	w.api(t, "POST", "/v1/spaces", `{"actAs":"ada@example.com","displayName":"x"}`, "Authorization", unknown)
	if !strings.Contains(w.log.String(), "109000000000000000099") {
		t.Error("the unknown caller is not logged")
	}
	reader := newConnectedWorld(t)
	for range 3 {
		reader.api(t, "GET", "/v1/spaces?actAs=ada@example.com", "")
	}
	if activities := reader.activities(t); len(activities) != 1 || activities[0].Action != callers.ReadSpaces {
		t.Errorf("reads in an hour: %v", activities)
	}
	reader.clock.advance(time.Hour)
	reader.api(t, "GET", "/v1/spaces?actAs=ada@example.com", "")
	if activities := reader.activities(t); len(activities) != 2 {
		t.Errorf("an hour later: %v", activities)
	}
}

// Attack: a caller without the admin authority invites people to grant administrator scopes.
func TestInvite_AdminCapabilities(t *testing.T) {
	t.Parallel()
	const body = `{"capabilities":["AdminDelete"]}`
	for authority, want := range map[string]bool{
		string(callers.AuthorityUser):  false,
		string(callers.AuthorityAdmin): true,
	} {
		w := newWorld(t)
		c := caller()
		c.Actions, c.Authorities = []string{callers.InvitePeople}, []vault.Authority{callers.AuthorityUser}
		if want {
			c.Authorities = append(c.Authorities, vault.Authority(authority))
		}
		w.put(t, c)
		got := w.api(t, "POST", "/v1/people/ada@example.com/connection", body)
		if invited := got.body["invitation"] != nil; invited != want {
			t.Errorf("%s: %d %s", authority, got.status, got.text)
		}
	}
}

// Attack: another site's form posts a body that looks like JSON.
func TestAPI_NonJSONContentType(t *testing.T) {
	t.Parallel()
	w := newConnectedWorld(t)
	for _, kind := range []string{
		"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
		"application/jsonx", "x", "",
	} {
		got := w.api(t, "POST", "/v1/spaces", `{"actAs":"ada@example.com","displayName":"x"}`, "Content-Type", kind)
		if got.status != http.StatusUnsupportedMediaType || got.problem() != "unsupported_media_type" {
			t.Errorf("%q: %d %s", kind, got.status, got.text)
		}
	}
	for _, body := range []string{
		`{"actAs":"ada@example.com","displayName":"a","displayName":"b"}`,
		`{"actAs":"ada@example.com","DisplayName":"x"}`, "{\"actAs\":\"ada@example.com\",\"displayName\":\"\xff\"}",
	} {
		if got := w.api(t, "POST", "/v1/spaces", body); got.problem() != "invalid_request" {
			t.Errorf("%s: %d %s", body, got.status, got.text)
		}
	}
	if got := w.spaces(ada); got != nil {
		t.Errorf("created: %v", got)
	}
	if got := w.api(t, "POST", "/v1/spaces", `{"actAs":"ada@example.com","displayName":"x"}`,
		"Content-Type", "application/json; charset=utf-8"); got.status != http.StatusCreated {
		t.Errorf("JSON: %d %s", got.status, got.text)
	}
}

// A person disconnects during a create. After reconnecting, a retry does the remaining steps.
func TestCreate_DisconnectMidway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tr *trial
		var once sync.Once
		tr = newTrial(t, &failure{
			name: "disconnect",
			wire: func(r *http.Request, passOn http.RoundTripper) (*http.Response, error) {
				res, err := passOn.RoundTrip(r)
				if strings.HasSuffix(r.URL.Path, "/spaces:setup") {
					once.Do(func() {
						if _, err := tr.grants.Disconnect(t.Context(), resource.Person(ada.User())); err != nil {
							t.Error(err)
						}
					})
				}
				return res, err
			},
		}, true)
		tr.allow(capability.All()...)
		tr.approveAll()
		create := func() *httptest.ResponseRecorder {
			return tr.do(http.MethodPost, "/createspace/v1/spaces",
				`{"actAs":"`+ada.User()+
					`","displayName":"Launch plan","members":["grace@example.com"],"firstMessage":"Welcome"}`,
				"Authorization", tr.callerToken(), "Idempotency-Key", "build-1234", "Content-Type", "application/json")
		}
		tr.arm(1)
		if got := create(); got.Code != http.StatusAccepted {
			t.Fatalf("%d %s", got.Code, got.Body)
		}
		tr.clearFaults()
		tr.allow(capability.All()...)
		tr.approveAll()
		tr.clock.advance(time.Minute)
		got := create()
		if got.Code != http.StatusCreated || !strings.Contains(got.Body.String(), `"state":"JOINED"`) ||
			strings.Contains(got.Body.String(), "FAILED") || strings.Contains(got.Body.String(), "UNCHECKED") ||
			tr.countPlans() != 1 {
			t.Errorf("after reconnecting: %d %s, %d spaces", got.Code, got.Body, tr.countPlans())
		}
	})
}

// Of concurrent changes with the same ETag, exactly one succeeds.
func TestUpdate_ConcurrentSameETag(t *testing.T) {
	t.Parallel()
	w := newConnectedWorld(t)
	tag := w.api(t, "GET", "/v1/spaces/AAAAteam?actAs=ada@example.com", "").header.Get("ETag")
	if err := w.google.SetSwitch("slow", true); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	results := make([]apiResponse, 3)
	for i := range results {
		wg.Go(func() {
			body := fmt.Sprintf(`{"actAs":"ada@example.com","description":"by %d"}`, i)
			results[i] = w.api(t, "PATCH", "/v1/spaces/AAAAteam?updateMask=description", body, "If-Match", tag,
				"Idempotency-Key", fmt.Sprint("writer-number-", i))
		})
	}
	wg.Wait()
	if err := w.google.SetSwitch("slow", false); err != nil {
		t.Fatal(err)
	}
	winners := 0
	for i, got := range results {
		switch got.status {
		case http.StatusOK:
			winners++
			now := w.api(t, "GET", "/v1/spaces/AAAAteam?actAs=ada@example.com", "")
			if now.body["description"] != fmt.Sprint("by ", i) {
				t.Errorf("%d won, and the description is %v", i, now.body["description"])
			}
		case http.StatusConflict, http.StatusPreconditionFailed:
		default:
			t.Errorf("%d: %d %s", i, got.status, got.text)
		}
	}
	if winners != 1 {
		t.Errorf("%d changes succeeded, want 1", winners)
	}
}

// A retry gets the stored result even if the person has disconnected since.
func TestIdempotency_ResultAfterDisconnect(t *testing.T) {
	t.Parallel()
	w := newConnectedWorld(t)
	const body = `{"actAs":"ada@example.com","displayName":"x"}`
	first := w.api(t, "POST", "/v1/spaces", body)
	if _, err := w.grants.Disconnect(t.Context(), resource.Person(ada.User())); err != nil {
		t.Fatal(err)
	}
	if again := w.api(t, "POST", "/v1/spaces", body); again.status != http.StatusCreated || again.text != first.text ||
		w.count("chat.spaces.setup") != 1 {
		t.Errorf("%d %s", again.status, again.text)
	}
	if other := w.api(t, "POST", "/v1/spaces", `{"actAs":"ada@example.com","displayName":"y"}`,
		"Idempotency-Key", "another-key"); other.problem() != "approval_required" {
		t.Errorf("another key: %d %s", other.status, other.text)
	}
}

func TestInvite_PersonByID(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(t, caller())
	got := w.api(t, "POST", "/v1/spaces", `{"actAs":"users/100000000000000000999","displayName":"x"}`)
	if got.problem() != "approval_required" || got.body["invitation"] == nil {
		t.Errorf("%d %s", got.status, got.text)
	}
}

// A retry must not create a second meeting.
func TestMeeting_RetryReusesMeeting(t *testing.T) {
	t.Parallel()
	w := newConnectedWorld(t)
	w.google.Fail("chat.spaces.messages.create", 503, 503, 503, 503)
	w.api(t, "POST", "/v1/spaces/AAAAteam/meetings", `{"actAs":"ada@example.com"}`)
	w.google.ClearFaults()
	second := w.api(t, "POST", "/v1/spaces/AAAAteam/meetings", `{"actAs":"ada@example.com"}`)
	if second.status != http.StatusCreated || w.count("meet.spaces.create") != 1 ||
		!strings.Contains(second.text, "https://meet.google.com/") {
		t.Errorf("%d %s, %d meetings", second.status, second.text, w.count("meet.spaces.create"))
	}
}

// Google Chat has threads only in named spaces.
func TestSay_NoThreadInGroupChat(t *testing.T) {
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
			t.Errorf("the call names a thread: %+v", call)
		}
	}
}

// What people type is in Chat's markup, whatever the app's markup setting is.
func TestSay_ChatMarkupSetting(t *testing.T) {
	t.Parallel()
	for _, chatMarkup := range []bool{false, true} {
		w := newWorld(t)
		if err := w.google.SetSwitch("chat-markup", chatMarkup); err != nil {
			t.Fatal(err)
		}
		b := w.browser(t, ada)
		b.space = "AAAAteam"
		b.connectWith("/say *important* <https://a.example|the page>")
		page := b.chat()
		if !strings.Contains(page.body, "<b>important</b>") &&
			!strings.Contains(page.body, "<strong>important</strong>") ||
			!strings.Contains(page.body, ">the page</a>") {
			at := strings.Index(page.body, "important")
			t.Errorf("chat-markup %v: %s", chatMarkup, page.body[max(0, at-200):min(len(page.body), at+300)])
		}
	}
}

// A token that matches two entries identifies no caller.
func TestCaller_TokenMatchesTwoEntries(t *testing.T) {
	t.Parallel()
	w := newConnectedWorld(t)
	byAddress := caller()
	byAddress.UniqueID, byAddress.Actions = "", allActions
	w.put(t, byAddress)
	if got := w.api(t, "GET", "/v1/templates", ""); got.status != http.StatusOK {
		t.Fatalf("one entry: %d %s", got.status, got.text)
	}
	byID := caller()
	byID.ID, byID.Email, byID.Actions = "another", "", allActions
	w.put(t, byID)
	if got := w.api(t, "GET", "/v1/templates", ""); got.problem() != "denied" {
		t.Errorf("two entries: %d %s", got.status, got.text)
	}
}

// The same for the APIs that only commands in Chat use.
func TestGrant_SurvivesCalendarRejection(t *testing.T) {
	t.Parallel()
	for method, command := range map[string]string{
		"calendar.events.list": "/kickoff tomorrow 10:00", "calendar.events.insert": "/kickoff tomorrow 10:00",
		"cloudidentity.groups.lookup": "/createspace Launch plan groups/oncall@example.com",
	} {
		for _, status := range []int{401, 403} {
			w := newConnectedWorld(t)
			b := w.browser(t, ada)
			b.space = "AAAAteam"
			w.google.Fail(method, status, status, status, status)
			b.say(command)
			attempts := 4 - w.google.PendingFaults(method)
			w.google.ClearFaults()
			g, err := w.vault.Grant(t.Context(), resource.Person(ada.User()))
			if err != nil || g.Status != vault.Connected || len(g.Scopes) < len(capability.All()) {
				t.Errorf("%s %d: %s, %d scopes, %v", method, status, g.Status, len(g.Scopes), err)
			}
			if attempts == 0 && method != "cloudidentity.groups.lookup" {
				t.Errorf("%s was not called", method)
			}
		}
	}
}
