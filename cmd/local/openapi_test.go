package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/google/go-cmp/cmp"

	"example.com/deputy/emulator/google"
	"example.com/deputy/internal/apitest"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/resource"
)

// apiResponse is an API response that was checked against the document.
type apiResponse struct {
	status int
	header http.Header
	text   string
	body   map[string]any
}

// problem returns the problem type without its prefix, or "" if there is none.
func (a apiResponse) problem() string {
	kind, _ := a.body["type"].(string)
	return strings.TrimPrefix(kind, "urn:deputy:problem:")
}

// api calls an operation as the incident tool. It checks the response, and a
// request that succeeded, against the document.
func (w *world) api(t *testing.T, method, path, body string, header ...string) apiResponse {
	t.Helper()
	r := request(t, method, w.address+"/createspace"+path, []byte(body))
	r.Header.Set("Authorization", w.callerToken(nil))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if method != http.MethodGet {
		r.Header.Set("Idempotency-Key", "the-key-of-"+t.Name())
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
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
	out := apiResponse{status: res.StatusCode, header: res.Header, text: string(text)}
	if len(text) > 0 {
		if err := json.Unmarshal(text, &out.body); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
	}
	_, routes := apitest.Document()
	documented := request(t, method, path, []byte(body))
	documented.Header = r.Header
	route, params, err := routes.FindRoute(documented)
	if err != nil {
		return out // not in the document: the test checks the response
	}
	in := &openapi3filter.RequestValidationInput{
		Request: documented, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc},
	}
	if out.status < 400 {
		if err := openapi3filter.ValidateRequest(t.Context(), in); err != nil {
			t.Errorf("%s %s: the accepted request does not match the document: %v", method, path, err)
		}
	}
	answer := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: out.status,
		Header: res.Header, Options: &openapi3filter.Options{IncludeResponseStatus: true},
	}
	answer.SetBodyBytes(text)
	if err := openapi3filter.ValidateResponse(t.Context(), answer); err != nil {
		t.Errorf("%s %s: the response does not match the document: %v\n%s", method, path, err, text)
	}
	return out
}

var allActions = []string{
	"spaces.create", "spaces.read", "spaces.update", "spaces.delete", "members.read", "members.write",
	"messages.create", "meetings.create",
	"people.read", "people.invite", "people.disconnect", "templates.read", "templates.write", "sweep",
}

// newConnectedWorld starts a program with the incident tool, which may run every
// action. Ada is connected with all capabilities and has approved the tool.
func newConnectedWorld(t *testing.T, change ...func(*callers.Caller)) *world {
	t.Helper()
	c := caller()
	c.Actions = allActions
	for _, apply := range change {
		apply(&c)
	}
	w := newWorldWithCaller(t, c)
	b := w.browser(t, ada)
	link, err := w.consent.Invite(t.Context(), resource.Named(ada.User()), config.Secret{}, capability.All()...)
	if err != nil {
		t.Fatal(err)
	}
	b.consent(link.Reveal(), decision{account: ada})
	return w
}

func TestOpenAPI_ValidWithAllCapabilities(t *testing.T) {
	doc, _ := apitest.Document()
	var want []string
	for _, c := range capability.All() {
		want = append(want, string(c))
	}
	var got []string
	for _, v := range doc.Components.Schemas["Capability"].Value.Enum {
		got = append(got, v.(string))
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("capabilities: %s", diff)
	}
}

func TestAPI_SpaceLifecycle(t *testing.T) {
	t.Parallel()
	w := newConnectedWorld(t)
	w.google.SetStrict(0) // the usual shapes of answers
	n := 0
	api := func(method, path, content string, header ...string) apiResponse {
		t.Helper()
		n++
		return w.api(t, method, path, content,
			append([]string{"Idempotency-Key", fmt.Sprint("step-number-", n)}, header...)...)
	}
	created := api("POST", "/v1/spaces", `{"actAs":"ada@example.com","displayName":"Incident 7",
		"description":"Mail is down","guidelines":"Facts first","access":"DISCOVERABLE","kind":"ANNOUNCEMENTS",
		"externalUserAllowed":true,"history":"HISTORY_OFF","firstMessage":"What do we know?","addTheApp":true,
		"members":["`+grace.User()+`","kim@partner.example","nobody@example.com","groups/g1"]}`)
	if created.status != http.StatusCreated {
		t.Fatalf("%d %s", created.status, created.text)
	}
	states := map[string]string{}
	for _, m := range created.body["members"].([]any) {
		states[m.(map[string]any)["member"].(string)] = m.(map[string]any)["state"].(string)
	}
	if diff := cmp.Diff(map[string]string{
		grace.User(): "JOINED", "kim@partner.example": "INVITED",
		"nobody@example.com": "LEFT_OUT", "groups/g1": "LEFT_OUT",
	}, states); diff != "" {
		t.Error(diff)
	}
	name := created.body["name"].(string)
	at := "/v1/" + name
	query := "?actAs=" + url.QueryEscape("ada@example.com")

	got := api("GET", at+query, "")
	for field, want := range map[string]any{
		"name": name, "displayName": "Incident 7", "description": "Mail is down", "guidelines": "Facts first",
		"access": "DISCOVERABLE", "externalUserAllowed": true, "history": "HISTORY_OFF",
	} {
		if got.body[field] != want {
			t.Errorf("%s: got %v, want %v", field, got.body[field], want)
		}
	}
	changed := api("PATCH", at+"?updateMask=displayName,description,access",
		`{"actAs":"ada@example.com","displayName":"Incident 7, solved","access":"PRIVATE"}`)
	for field, want := range map[string]any{
		"displayName": "Incident 7, solved", "description": nil,
		"guidelines": "Facts first", "access": "PRIVATE",
	} {
		if changed.body[field] != want {
			t.Errorf("after the change, %s: got %v, want %v", field, changed.body[field], want)
		}
	}
	added := api("POST", at+"/members",
		`{"actAs":"ada@example.com","members":["alan@example.com","someone@else.example"]}`)
	if text := added.text; !strings.Contains(text, `{"member":"alan@example.com","state":"JOINED"}`) ||
		!strings.Contains(text, `"state":"FAILED"`) {
		t.Errorf("added: %s", text)
	}
	if role := api("PATCH", at+"/members/alan@example.com",
		`{"actAs":"ada@example.com","role":"MANAGER"}`); role.body["role"] != "MANAGER" {
		t.Errorf("role: %s", role.text)
	}
	for range 2 { // removing a former member succeeds
		if removed := api("DELETE", at+"/members/"+grace.Sub+query, ""); removed.status != http.StatusNoContent {
			t.Errorf("removed: %d %s", removed.status, removed.text)
		}
	}
	var members []string
	page := api("GET", at+"/members"+query+"&pageSize=2", "")
	for {
		for _, m := range page.body["members"].([]any) {
			members = append(members, m.(map[string]any)["member"].(string))
		}
		next, ok := page.body["nextPageToken"].(string)
		if !ok {
			break
		}
		page = api("GET", at+"/members"+query+"&pageSize=2&pageToken="+next, "")
	}
	if len(members) != 3 || members[0] != ada.User() || slices.Contains(members, grace.User()) {
		t.Errorf("members: %v", members)
	}
	const message = `{"actAs":"ada@example.com","text":"It is over."}`
	posted := api("POST", at+"/messages", message, "Idempotency-Key", "it-is-over")
	again := api("POST", at+"/messages", message, "Idempotency-Key", "it-is-over")
	if posted.status != http.StatusCreated || posted.body["name"] != again.body["name"] {
		t.Errorf("messages: %s, %s", posted.text, again.text)
	}
	meeting := api("POST", at+"/meetings", `{"actAs":"ada@example.com","text":"Retrospective:"}`)
	if text, _ := meeting.body["text"].(string); !strings.HasPrefix(text,
		"Retrospective: Meet: https://meet.google.com/") {
		t.Errorf("meeting: %s", meeting.text)
	}
	if wrong := api("DELETE", at+query+"&confirm=Incident+7", ""); wrong.status != http.StatusBadRequest ||
		!strings.Contains(wrong.text, "Nothing was deleted") {
		t.Errorf("confirmed with a wrong name: %d %s", wrong.status, wrong.text)
	}
	deleted := api("DELETE", at+query+"&confirm="+url.QueryEscape("Incident 7, solved"), "")
	if deleted.status != http.StatusNoContent || w.spaces(ada) != nil {
		t.Errorf("deleted: %d %s, %v", deleted.status, deleted.text, w.spaces(ada))
	}
	if absent := api("GET", at+query, ""); absent.problem() != "not_found" {
		t.Errorf("afterwards: %s", absent.text)
	}
	w.browser(t, ada).wantText(w.browser(t, ada).say("/status"), "Incidents", "Delete your spaces",
		"Post messages as you")
}

func TestAPI_ListAndSearchSpaces(t *testing.T) {
	t.Parallel()
	w := newConnectedWorld(t)
	for i := range 5 {
		w.api(t, "POST", "/v1/spaces", fmt.Sprintf(`{"actAs":"ada@example.com","displayName":"Plan %d"}`, i),
			"Idempotency-Key", fmt.Sprintf("plan-number-%d", i))
	}
	const query = "?actAs=ada@example.com"
	var names []string
	page := w.api(t, "GET", "/v1/spaces"+query+"&pageSize=2", "")
	for {
		for _, s := range page.body["spaces"].([]any) {
			names = append(names, s.(map[string]any)["displayName"].(string))
		}
		next, ok := page.body["nextPageToken"].(string)
		if !ok {
			break
		}
		wrong := w.api(t, "GET", "/v1/spaces"+query+"&query=x&pageSize=2&pageToken="+next, "")
		if wrong.problem() != "invalid_request" {
			t.Errorf("page token of another query: %s", wrong.text)
		}
		page = w.api(t, "GET", "/v1/spaces"+query+"&pageSize=2&pageToken="+next, "")
	}
	slices.Sort(names)
	if diff := cmp.Diff([]string{"Plan 0", "Plan 1", "Plan 2", "Plan 3", "Plan 4", "Team"}, names); diff != "" {
		t.Error(diff)
	}
	if found := w.api(t, "GET", "/v1/spaces"+query+"&query=plan+3", ""); len(found.body["spaces"].([]any)) != 1 {
		t.Errorf("found: %s", found.text)
	}
}

func TestAPI_ConnectionLifecycle(t *testing.T) {
	t.Parallel()
	w := newConnectedWorld(t)
	if got := w.api(t, "GET", "/v1/people/ada@example.com/connection", ""); got.body["connected"] != true ||
		len(got.body["capabilities"].([]any)) != len(capability.All()) {
		t.Errorf("ada: %s", got.text)
	}
	// An unknown ID gets the same answer as a person who is not connected.
	if got := w.api(t, "GET", "/v1/people/"+grace.Sub+"/connection", ""); got.body["connected"] != false {
		t.Errorf("grace, by id: %d %s", got.status, got.text)
	}
	if got := w.api(t, "GET", "/v1/people/grace@example.com/connection", ""); got.body["connected"] != false {
		t.Errorf("grace: %s", got.text)
	}
	invited := w.api(t, "POST", "/v1/people/grace@example.com/connection", `{"capabilities":["CreateSpaces"]}`)
	link, _ := invited.body["invitation"].(string)
	w.browser(t, ada).wantText(w.browser(t, ada).consent(link, decision{account: ada}), "Wrong account")
	w.browser(t, grace).wantText(w.browser(t, grace).consent(link, decision{account: grace}), "You're connected")
	if got := w.api(t, "DELETE", "/v1/people/grace@example.com/connection", ""); got.body["outcome"] != "revoked" {
		t.Errorf("disconnected: %s", got.text)
	}
}

func TestAPI_TemplateLifecycle(t *testing.T) {
	t.Parallel()
	w := newConnectedWorld(t)
	const body = `{"description":"What is broken","members":["grace@example.com","groups/g1"],` +
		`"kind":"ANNOUNCEMENTS","history":"HISTORY_ON","addTheApp":true}`
	for range 2 {
		if put := w.api(t, "PUT", "/v1/templates/Out%20of%20office", body); put.status != http.StatusOK ||
			put.body["name"] != "Out of office" {
			t.Fatalf("put: %d %s", put.status, put.text)
		}
	}
	if got := w.api(t, "GET", "/v1/templates/Out%20of%20office", ""); got.body["description"] != "What is broken" ||
		got.body["kind"] != "ANNOUNCEMENTS" {
		t.Errorf("read: %s", got.text)
	}
	if got := w.api(t, "GET", "/v1/templates", ""); len(got.body["templates"].([]any)) != 1 {
		t.Errorf("listed: %s", got.text)
	}
	if form := w.browser(t, ada).quickCommand(101); strings.Contains(form.visibleText(), "Out of office") {
		t.Error("the form lists a caller's template")
	}
	for range 2 {
		if got := w.api(t, "DELETE", "/v1/templates/Out%20of%20office", ""); got.status != http.StatusNoContent {
			t.Errorf("deleted: %d %s", got.status, got.text)
		}
	}
	if got := w.api(t, "GET", "/v1/templates/Out%20of%20office", ""); got.problem() != "not_found" {
		t.Errorf("afterwards: %s", got.text)
	}
}

// operationCalls returns one valid call of each operation, with the actions that it needs.
func operationCalls() map[string]struct{ action, method, path, body string } {
	const query, at = "?actAs=ada@example.com", "/v1/spaces/AAAAteam"
	return map[string]struct{ action, method, path, body string }{
		"create": {
			"spaces.create", "POST", "/v1/spaces",
			`{"actAs":"ada@example.com","displayName":"From a system"}`,
		},
		"list": {"spaces.read", "GET", "/v1/spaces" + query, ""},
		"get":  {"spaces.read", "GET", at + query, ""},
		"update": {
			"spaces.update", "PATCH", at + "?updateMask=description",
			`{"actAs":"ada@example.com","description":"x"}`,
		},
		"delete":  {"spaces.delete", "DELETE", at + query + "&confirm=Team", ""},
		"members": {"members.read", "GET", at + "/members" + query, ""},
		"add": {
			"members.write", "POST", at + "/members",
			`{"actAs":"ada@example.com","members":["alan@example.com"]}`,
		},
		"role": {
			"members.write", "PATCH", at + "/members/alan@example.com",
			`{"actAs":"ada@example.com","role":"MANAGER"}`,
		},
		"remove":     {"members.write", "DELETE", at + "/members/alan@example.com" + query, ""},
		"message":    {"messages.create", "POST", at + "/messages", `{"actAs":"ada@example.com","text":"Hello"}`},
		"meeting":    {"meetings.create,messages.create", "POST", at + "/meetings", `{"actAs":"ada@example.com"}`},
		"connection": {"people.read", "GET", "/v1/people/ada@example.com/connection", ""},
		"invite":     {"people.invite", "POST", "/v1/people/ada@example.com/connection", `{"capabilities":["Meet"]}`},
		"disconnect": {"people.disconnect", "DELETE", "/v1/people/ada@example.com/connection", ""},
		"templates":  {"templates.read", "GET", "/v1/templates", ""},
		"put":        {"templates.write", "PUT", "/v1/templates/x", `{}`},
		"unput":      {"templates.write", "DELETE", "/v1/templates/x", ""},
		"sweep":      {"sweep", "POST", "/v1/sweep", ""},
	}
}

func TestAPI_EachOperationNeedsItsAction(t *testing.T) {
	t.Parallel()
	for name, o := range operationCalls() {
		for state, want := range map[string]string{
			"allowed": "", "without its action": "denied", "paused": "denied",
			"another domain": "denied",
		} {
			c := caller()
			c.Actions = strings.Split(o.action, ",")
			switch state {
			case "without its action":
				c.Actions = slices.DeleteFunc(slices.Clone(allActions),
					func(action string) bool { return action == strings.Split(o.action, ",")[0] })
			case "paused":
				c.Paused = true
			case "another domain":
				c.Domains = []string{"another.example"}
			}
			w := newWorldWithCaller(t, c)
			link, err := w.consent.Invite(t.Context(), resource.Named(ada.User()), config.Secret{}, capability.All()...)
			if err != nil {
				t.Fatal(err)
			}
			w.browser(t, ada).consent(link.Reveal(), decision{account: ada})
			calls := len(w.google.Calls())
			got := w.api(t, o.method, o.path, o.body)
			if state == "another domain" && (strings.HasPrefix(o.action, "templates") || o.action == "sweep") {
				want = "" // the operation is for no person
			}
			if got.problem() != want || (want == "") != (got.status < 300) {
				t.Errorf("%s, %s: %d %s", name, state, got.status, got.text)
			}
			if extra := w.google.Calls()[calls:]; want != "" &&
				slices.ContainsFunc(extra, func(c google.Call) bool { return !strings.Contains(c.Method, "certs") }) {
				t.Errorf("%s, %s: unexpected calls to Google: %v", name, state, extra)
			}
			if want != "" && !strings.Contains(w.log.String(), "outcome=denied") {
				t.Errorf("%s, %s: the denial is not logged", name, state)
			}
		}
	}
}

func TestAPI_ConsentRequired(t *testing.T) {
	t.Parallel()
	for name, o := range operationCalls() {
		if !strings.Contains(o.path+o.body, "actAs") {
			continue
		}
		// By ID: Deputy does not know the email address before the consent.
		c := caller()
		c.Actions, c.People = allActions, []string{ada.User()}
		w := newWorldWithCaller(t, c)
		o.path, o.body = strings.Replace(o.path, "actAs=ada@example.com", "actAs="+ada.User(), 1),
			strings.Replace(o.body, "ada@example.com", ada.User(), 1)
		got := w.api(t, o.method, o.path, o.body)
		link, _ := got.body["invitation"].(string)
		if got.problem() != "consent_required" || link == "" || got.body["missing"] == nil {
			t.Errorf("%s: %d %s", name, got.status, got.text)
			continue
		}
		w.browser(t, ada).consent(link, decision{account: ada})
		if after := w.api(t, o.method, o.path, o.body); after.status >= 300 {
			t.Errorf("%s, after the consent: %d %s", name, after.status, after.text)
		}
	}
}

func TestAPI_GoogleErrors(t *testing.T) {
	t.Parallel()
	methods := map[string]string{
		"create": "chat.spaces.setup", "list": "chat.spaces.list", "get": "chat.spaces.get",
		"update": "chat.spaces.get", "delete": "chat.spaces.delete",
		"members": "chat.spaces.members.list", "add": "chat.spaces.members.create", "role": "chat.spaces.members.patch",
		"remove":  "chat.spaces.members.delete",
		"message": "chat.spaces.messages.create", "meeting": "meet.spaces.create",
	}
	for name, method := range methods {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := operationCalls()[name]
			w := newConnectedWorld(t)
			for status, want := range map[int]string{403: "denied", 429: "rate_limited", 500: "unavailable"} {
				w.google.Fail(method, status, status, status, status)
				got := w.api(t, o.method, o.path, o.body)
				if got.problem() != want || (want == "denied") == (got.header.Get("Retry-After") != "") {
					t.Errorf("%d: %d %s", status, got.status, got.text)
				}
				if want == "denied" { // Deputy does not retry a denied call; use up the remaining faults
					for w.google.PendingFaults(method) > 0 {
						w.api(t, o.method, o.path, o.body)
					}
				}
			}
			for want, fault := range map[string]google.Fault{
				"denied":       {Status: 400, Canonical: "FAILED_PRECONDITION"},
				"unavailable":  {Status: 403, Reason: "SERVICE_DISABLED", Service: "chat.googleapis.com"},
				"rate_limited": {Status: 403, Reason: "RATE_LIMIT_EXCEEDED"},
			} {
				w.google.FailAs(method, slices.Repeat([]google.Fault{fault}, 4)...)
				if got := w.api(t, o.method, o.path, o.body); got.problem() != want {
					t.Errorf("%+v: %d %s", fault, got.status, got.text)
				}
				w.google.ClearFaults()
			}
		})
	}
}

func TestAPI_InvalidRequests(t *testing.T) {
	t.Parallel()
	w := newConnectedWorld(t)
	const good = `{"actAs":"ada@example.com","displayName":"x"}`
	calls := len(w.google.Calls())
	for name, c := range map[string]struct{ method, path, body, want string }{
		"unknown field": {
			"POST", "/v1/spaces",
			`{"actAs":"ada@example.com","displayName":"x","dryrun":true}`, "invalid_request",
		},
		"unknown parameter": {"POST", "/v1/spaces?dryRun=true", good, "invalid_request"},
		"repeated parameter": {
			"GET", "/v1/spaces?actAs=ada@example.com&actAs=grace@example.com", "",
			"invalid_request",
		},
		"no actAs": {"GET", "/v1/spaces", "", "invalid_request"},
		"unknown enum value": {
			"POST", "/v1/spaces",
			`{"actAs":"ada@example.com","displayName":"x","access":"OPEN"}`, "invalid_request",
		},
		"unknown authority": {
			"GET", "/v1/spaces?actAs=ada@example.com&authority=root", "",
			"invalid_request",
		},
		"page size too large": {
			"GET", "/v1/spaces?actAs=ada@example.com&pageSize=1001", "",
			"invalid_request",
		},
		"page size not a number": {
			"GET", "/v1/spaces?actAs=ada@example.com&pageSize=many", "",
			"invalid_request",
		},
		"forged page token": {
			"GET", "/v1/spaces?actAs=ada@example.com&pageToken=page-2", "",
			"invalid_request",
		},
		"two objects":     {"POST", "/v1/spaces", good + good, "invalid_request"},
		"no body":         {"POST", "/v1/spaces", "", "invalid_request"},
		"unexpected body": {"GET", "/v1/templates", "{}", "invalid_request"},
		"empty mask": {
			"PATCH", "/v1/spaces/AAAAteam?updateMask=", `{"actAs":"ada@example.com"}`,
			"invalid_request",
		},
		"mask with an unknown field": {
			"PATCH", "/v1/spaces/AAAAteam?updateMask=spaceType",
			`{"actAs":"ada@example.com"}`, "invalid_request",
		},
		"field outside the mask": {
			"PATCH", "/v1/spaces/AAAAteam?updateMask=description",
			`{"actAs":"ada@example.com","displayName":"x"}`, "invalid_request",
		},
		"blank name": {
			"PATCH", "/v1/spaces/AAAAteam?updateMask=displayName",
			`{"actAs":"ada@example.com","displayName":" "}`, "invalid_request",
		},
		"slash in the space ID": {"GET", "/v1/spaces/a%2Fb?actAs=ada@example.com", "", "invalid_request"},
		"thread of another space": {
			"POST", "/v1/spaces/AAAAteam/messages",
			`{"actAs":"ada@example.com","text":"x","thread":"spaces/other/threads/1"}`, "invalid_request",
		},
		"no members": {
			"POST", "/v1/spaces/AAAAteam/members",
			`{"actAs":"ada@example.com","members":[]}`, "invalid_request",
		},
		"invalid member": {
			"POST", "/v1/spaces/AAAAteam/members",
			`{"actAs":"ada@example.com","members":["users/ada/x"]}`, "invalid_request",
		},
		"field name in another case": {
			"POST", "/v1/spaces", `{"ACTAS":"ada@example.com","displayName":"x"}`,
			"invalid_request",
		},
		"null field": {
			"POST", "/v1/spaces",
			`{"actAs":"ada@example.com","displayName":"x","members":null}`, "invalid_request",
		},
		"null body": {"PUT", "/v1/templates/x", `null`, "invalid_request"},
		"no capabilities": {
			"POST", "/v1/people/ada@example.com/connection", `{"capabilities":[]}`,
			"invalid_request",
		},
		"first message too long": {
			"POST", "/v1/spaces",
			`{"actAs":"ada@example.com","displayName":"x","firstMessage":"` + strings.Repeat("x", 4001) + `"}`,
			"invalid_request",
		},
		"meeting text too long": {
			"POST", "/v1/spaces/AAAAteam/meetings",
			`{"actAs":"ada@example.com","text":"` + strings.Repeat("x", 4001) + `"}`, "invalid_request",
		},
		"query too long": {
			"GET", "/v1/spaces?actAs=ada@example.com&query=" + strings.Repeat("x", 201),
			"", "invalid_request",
		},
		"query with pages": {
			"GET", "/v1/spaces?actAs=ada@example.com&query=x&pageSize=2", "",
			"invalid_request",
		},
		"path traversal in the thread": {
			"POST", "/v1/spaces/AAAAteam/messages",
			`{"actAs":"ada@example.com","text":"x","thread":"spaces/AAAAteam/threads/a/../b"}`, "invalid_request",
		},
		"malformed query string":    {"GET", "/v1/spaces?actAs=ada@example.com&dry;Run=true", "", "invalid_request"},
		"invalid UTF-8 in the path": {"GET", "/v1/templates/%ff", "", "invalid_request"},
		"unknown path":              {"GET", "/v1/spaceships", "", "not_found"},
		"wrong method":              {"PUT", "/v1/spaces", good, "method_not_allowed"},
	} {
		got := w.api(t, c.method, c.path, c.body)
		if got.problem() != c.want || got.status < 400 || got.status >= 500 || got.body["detail"] == "" {
			t.Errorf("%s: %d %s", name, got.status, got.text)
		}
	}
	if got := w.api(t, "PUT", "/v1/spaces", good); got.header.Get("Allow") != "GET, POST" {
		t.Errorf("Allow: %q", got.header.Get("Allow"))
	}
	if extra := w.google.Calls()[calls:]; len(extra) > 1 { // one fetch of Google's keys
		t.Errorf("unexpected calls to Google: %v", extra)
	}
	res, err := http.Get(w.address + "/createspace/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil || !strings.Contains(string(text), "with the audience "+apiAudience) {
		t.Errorf("the document: %v, %d bytes", err, len(text))
	}
}

// The ETag of a creation guards the first change: no other writer was between.
func TestAPI_ETagOfNewSpace(t *testing.T) {
	t.Parallel()
	w := newConnectedWorld(t)
	create := func(key string, header ...string) apiResponse {
		return w.api(t, "POST", "/v1/spaces", `{"actAs": "ada@example.com", "displayName": "`+key+`"}`,
			append(header, "Idempotency-Key", key)...)
	}
	got := create("with-etag", "Prefer", "return=representation")
	path := fmt.Sprintf("/v1/%v?updateMask=description", got.body["name"])
	for i, want := range []int{http.StatusOK, http.StatusPreconditionFailed} {
		changed := w.api(t, "PATCH", path, `{"actAs": "ada@example.com", "description": "`+fmt.Sprint(i)+`"}`,
			"If-Match", got.header.Get("ETag"), "Idempotency-Key", "change-"+fmt.Sprint(i))
		if changed.status != want {
			t.Errorf("change %d: %d %s", i+1, changed.status, changed.text)
		}
	}
	if got := create("without-etag", "Prefer", "respond-async"); got.header.Get("ETag") != "" {
		t.Errorf("not asked for: %v", got.header)
	}
}

func TestCurl(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("NOT TESTED: the commands of docs/api.md. No curl was found; ./test.sh --all installs it")
	}
	w := newSandbox(t)
	text, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	script := "set -euo pipefail\n"
	for _, b := range blocks {
		script += b[1]
	}
	script = strings.ReplaceAll(script, "http://127.0.0.1:8765", w.address)
	cmd := exec.CommandContext(t.Context(), "bash", "-c", script)
	cmd.Dir = t.TempDir()
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Count(string(out), "urn:deputy:problem") != 1 { // the person hasn't approved yet
		t.Errorf("%v: %s", err, out)
	}
	doc, _ := apitest.Document()
	total := 0
	for _, item := range doc.Paths.Map() {
		total += len(item.Operations())
	}
	if got := strings.Count(script, "curl "); got < total {
		t.Errorf("%d commands for %d operations", got, total)
	}
}

func TestAPI_RateLimit(t *testing.T) {
	t.Parallel()
	c := caller()
	c.Actions, c.Rate = allActions, 3
	w := newWorldWithCaller(t, c)
	for n := range 5 {
		got := w.api(t, "GET", "/v1/templates", "")
		if limited := got.problem() == "rate_limited"; limited != (n >= 3) ||
			limited && got.header.Get("Retry-After") == "" {
			t.Errorf("request %d: %d %s", n+1, got.status, got.text)
		}
	}
	w.clock.advance(20 * time.Second)
	if got := w.api(t, "GET", "/v1/templates", ""); got.status != http.StatusOK {
		t.Errorf("after 20 s: %d %s", got.status, got.text)
	}
	if got := w.api(t, "GET", "/v1/templates", ""); got.problem() != "rate_limited" {
		t.Errorf("one more at once: %d %s", got.status, got.text)
	}
}

func TestAPI_PauseWithinAMinute(t *testing.T) {
	t.Parallel()
	for _, id := range []string{incidentTool, "all"} {
		c := caller()
		c.Actions = allActions
		w := newWorldWithCaller(t, c)
		if got := w.api(t, "GET", "/v1/templates", ""); got.status != http.StatusOK {
			t.Fatalf("before: %d %s", got.status, got.text)
		}
		w.editCallers(t, func(d *callers.Draft) error {
			if id == "all" {
				d.Pause(true)
				return nil
			}
			c.Paused = true
			return d.Put(c)
		})
		if got := w.api(t, "GET", "/v1/templates", ""); got.problem() != "denied" {
			t.Errorf("%s: %d %s", id, got.status, got.text)
		}
	}
}

func TestCreate_OnDuplicate(t *testing.T) {
	t.Parallel()
	w := newConnectedWorld(t)
	create := func(key, more string) apiResponse {
		t.Helper()
		return w.api(t, "POST", "/v1/spaces",
			`{"actAs":"ada@example.com","displayName":"Plan","members":["grace@example.com"],"firstMessage":"Hello"`+
				more+`}`, "Idempotency-Key", key)
	}
	first := create("key-number-1", "")
	if got := create("key-number-2", `,"onDuplicate":"FAIL"`); got.problem() != "conflict" {
		t.Errorf("fail: %d %s", got.status, got.text)
	}
	for _, key := range []string{"key-number-3", "key-number-3"} { // the second is a retry
		if got := create(key, `,"onDuplicate":"SUFFIX"`); got.body["displayName"] != "Plan 2" {
			t.Errorf("first suffix: %d %s", got.status, got.text)
		}
	}
	if got := create("key-number-4", `,"onDuplicate":"SUFFIX"`); got.body["displayName"] != "Plan 3" {
		t.Errorf("next suffix: %d %s", got.status, got.text)
	}
	got := create("key-number-5", `,"onDuplicate":"REUSE"`)
	if got.body["name"] != first.body["name"] || got.body["reused"] != true || len(got.body["steps"].([]any)) != 0 ||
		!strings.Contains(got.text, `{"member":"grace@example.com","state":"JOINED"}`) {
		t.Errorf("reused: %d %s", got.status, got.text)
	}
	if posted := w.count("chat.spaces.messages.create"); posted != 3 {
		t.Errorf("messages: got %d, want one in each created space", posted)
	}
}
